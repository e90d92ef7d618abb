import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import type { FunctionObject } from '../../api/function.ts'
import { PRODUCT_HOST } from './product-engine.ts'
import { COMPILE_CACHE, compileGateway, MAIN } from './program.ts'

export interface ProcessAnswer {
  readonly status: number
  readonly text: string
}

export interface ProcessExit {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
}

/**
 * The program as it is run, `serve` in a process of its own, for tests that stop it hard or look at how it ends. It
 * serves on a free port of 127.0.0.1 without authentication, unless `env` says otherwise.
 */
export class ServeProcess {
  readonly child: ChildProcess
  /** How it ended. */
  readonly exited: Promise<ProcessExit>
  /** What it logged, one object a line. */
  readonly log: Record<string, unknown>[] = []
  /** What it wrote to stderr. */
  errors = ''
  readonly #port = Promise.withResolvers<number>()

  /** `nodeOptions` stand before the program, as `--max-old-space-size=64` does. */
  constructor(env: Readonly<Record<string, string>>, nodeOptions: readonly string[] = []) {
    compileGateway()
    const { HOME = '', PATH = '' } = process.env
    this.child = spawn(process.execPath, [...nodeOptions, MAIN, 'serve'], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: {
        HOME,
        PATH,
        DOCKER_HOST: PRODUCT_HOST,
        ...COMPILE_CACHE,
        GATEWAY_ADDRESS: '127.0.0.1',
        GATEWAY_PORT: '0',
        METRICS_ADDRESS: '127.0.0.1',
        METRICS_PORT: '0',
        AUTH_ENABLED: 'false',
        FIREWALL: 'off',
        ...env
      }
    })
    this.exited = once(this.child, 'close').then(([code, signal]) => ({ code, signal }))
    this.#port.promise.catch(() => undefined) // who calls it is told
    void this.exited.then(({ code, signal }) =>
      this.#port.reject(new Error(`gateway ended with ${code ?? signal}: ${this.errors}`))
    )
    this.child.stderr?.setEncoding('utf8').on('data', text => (this.errors += text))
    if (this.child.stdout) createInterface(this.child.stdout).on('line', line => this.#read(line))
  }

  get hasEnded(): boolean {
    return this.child.exitCode !== null || this.child.signalCode !== null
  }

  /** The port that it listens on, once it does; rejects when it ends first. */
  listening(): Promise<number> {
    return this.#port.promise
  }

  /** The first line of the log with this message so far. */
  logged(message: string): Record<string, unknown> | undefined {
    return this.log.find(line => line['msg'] === message)
  }

  /** One request; a body that is no string is sent as JSON. Rejects when the process ends before it answers. */
  async call(method: string, path: string, body?: unknown): Promise<ProcessAnswer> {
    const text = body === undefined || typeof body === 'string' ? body : JSON.stringify(body)
    const url = `http://127.0.0.1:${await this.listening()}${path}`
    const answer = await fetch(url, { method, ...(text === undefined ? {} : { body: text }) })
    return { status: answer.status, text: await answer.text() }
  }

  /** The function as written down; undefined when there is none. */
  async get(name: string): Promise<FunctionObject | undefined> {
    const { status, text } = await this.call('GET', `/v1/functions/${name}`)
    if (status === 404) return undefined
    if (status !== 200) throw new Error(`get ${name}: ${status} ${text}`)
    return JSON.parse(text)
  }

  /** What Prometheus reads. */
  async metrics(): Promise<string> {
    await this.listening()
    const port = this.logged('Listening')?.['metricsPort']
    return await (await fetch(`http://127.0.0.1:${port}/metrics`)).text()
  }

  signal(signal: NodeJS.Signals): void {
    this.child.kill(signal)
  }

  /** Ends it at once, as a crash does, and waits until it is gone. */
  async kill(): Promise<void> {
    this.child.kill('SIGKILL')
    await this.exited
  }

  #read(line: string): void {
    const entry = JSON.parse(line) as Record<string, unknown>
    this.log.push(entry)
    if (entry['msg'] === 'Listening') this.#port.resolve(Number(entry['port']))
  }
}
