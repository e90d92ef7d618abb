import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { rm } from 'node:fs/promises'
import { createInterface } from 'node:readline'
import { eventually } from './eventually.ts'
import { aHome, GatewayClient, PASSWORD, testEnvironment } from './gateway-client.ts'
import type { PrivateEngine } from './private-engine.ts'
import { COMPILE_CACHE, compileGateway, MAIN } from './program.ts'

/** What may be put before the program, such as `faketime`, and its arguments. */
type Prefix = readonly string[]

/**
 * A gateway as users run it, `docker-faas serve`: a process of its own, in the network namespace of a private engine, so
 * that it reaches the containers. Its port is reached through that namespace.
 */
export class GatewayProcess extends GatewayClient {
  readonly engine: PrivateEngine
  readonly #env: Record<string, string>
  #child: ChildProcess | undefined
  #ports = { port: 0, metricsPort: 0 }

  private constructor(
    engine: PrivateEngine,
    home: { instance: string; directory: string },
    env: Record<string, string>
  ) {
    super({ ...home, docker: engine.docker, dial: port => engine.namespace.connect(port) })
    this.engine = engine
    this.#env = {
      ...testEnvironment(home.directory, home.instance),
      ...{ AUTH_PASSWORD: PASSWORD, LOG_FORMAT: 'json', DOCKER_HOST: engine.host },
      ...env
    }
  }

  /** Starts one on the engine, or on what `DOCKER_HOST` names, such as a fault proxy before it. */
  static async start(engine: PrivateEngine, env: Record<string, string> = {}, prefix: Prefix = []) {
    const gateway = new GatewayProcess(engine, await aHome(), env)
    await gateway.start({}, prefix)
    return gateway
  }

  /** Starts it again over the same database. Throws with what it printed when it ends instead of listening. */
  async start(env: Record<string, string> = {}, prefix: Prefix = []): Promise<void> {
    compileGateway()
    const [program = '', ...args] = [...prefix, process.execPath, MAIN, 'serve']
    const child = this.engine.namespace.spawn(program, args, {
      env: { PATH: process.env['PATH'], ...COMPILE_CACHE, ...this.#env, ...env },
      stdio: ['ignore', 'pipe', 'pipe']
    })
    this.#child = child
    const first = this.log.length
    for (const stream of [child.stdout, child.stderr]) {
      if (stream !== null) createInterface(stream).on('line', line => this.log.push(line))
    }
    await eventually(
      () => {
        const lines = this.log.slice(first)
        const listening = lines.find(line => line.includes('"msg":"Listening"'))
        if (listening !== undefined) this.#ports = JSON.parse(listening)
        else if (child.exitCode === null && child.signalCode === null)
          throw new Error('the gateway does not listen yet')
      },
      { timeoutMs: 30_000 }
    )
    if (child.exitCode !== null) {
      throw new Error(`the gateway ended with code ${child.exitCode}:\n${this.log.slice(first).join('\n')}`)
    }
  }

  get port(): number {
    return this.#ports.port
  }

  get metricsPort(): number {
    return this.#ports.metricsPort
  }

  /** Whether it runs, since its last start without a break. */
  get isAlive(): boolean {
    return this.#child !== undefined && this.#child.exitCode === null && this.#child.signalCode === null
  }

  /** It does not get to run; its sockets stay open. */
  freeze(): void {
    this.#child?.kill('SIGSTOP')
  }

  thaw(): void {
    this.#child?.kill('SIGCONT')
  }

  async stop(): Promise<void> {
    await this.#end('SIGTERM')
  }

  async kill(): Promise<void> {
    await this.#end('SIGKILL')
  }

  /** Kills it and removes its directory; for an engine that goes as well, so that nothing on it need be removed. */
  async discard(): Promise<void> {
    await this.kill()
    this.agent.destroy()
    await rm(this.directory, { recursive: true })
  }

  async #end(signal: NodeJS.Signals): Promise<void> {
    const child = this.#child
    if (child === undefined || !this.isAlive) return
    const ended = once(child, 'exit')
    child.kill(signal)
    await ended
    this.#child = undefined
  }
}
