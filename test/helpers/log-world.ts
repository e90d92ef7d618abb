import { LABEL } from '../../api/labels.ts'
import type { LogMessage } from '../../api/log-line.ts'
import { systemClock } from '../../src/clock.ts'
import type { Engine } from '../../src/engine/engine.ts'
import { LogDesk, type LogDeskDeps } from '../../src/logs/desk.ts'
import { Rosters } from '../../src/logs/roster.ts'
import { type ApiServer, AUTHORIZATION, startApi } from './api-server.ts'
import { BARE_SPEC } from './builders.ts'
import { FakeEngine } from './fake-engine.ts'

const KEY = 'openfaas-fn/hello'

/** A reader of `GET /system/logs`, as a client sees it. */
export interface LogClient {
  readonly response: Response
  /** Waits for so many lines, as `instance: text`; `end` at the end of the stream, `cut` where it broke off. */
  readonly take: (count: number) => Promise<string[]>
  readonly next: () => Promise<LogMessage | 'end' | 'cut'>
  readonly leave: () => void
}

/** The API with the logs of a function `hello` over the fake engine, whose events tell of its containers. */
export class LogWorld implements AsyncDisposable {
  readonly engine = new FakeEngine({ now: Date.now })
  readonly rosters: Rosters
  readonly metrics = { readers: 0, lines: 0, refused: 0, failed: 0 }
  readonly lists = { count: 0 }
  readonly warnings: string[] = []
  api!: ApiServer
  readonly #stopped = new AbortController()
  readonly #clients: LogClient[] = []

  private constructor() {
    this.rosters = new Rosters({
      list: async (key, signal) => {
        this.lists.count++
        const [namespace = '', name = ''] = key.split('/')
        return this.engine.listContainers({ [LABEL.namespace]: namespace, [LABEL.function]: name }, signal)
      },
      metrics: { logLookFailed: () => void this.metrics.failed++ },
      log: { warn: (_, message) => void this.warnings.push(message) },
      clock: systemClock
    })
  }

  /** `engine` stands before the fake one; `hello` is written down. */
  static async start(overrides: Partial<LogDeskDeps> = {}, before?: (engine: FakeEngine) => Pick<Engine, 'readLogs'>) {
    const world = new LogWorld()
    world.engine.addImage(BARE_SPEC.image)
    await world.engine.createNetwork({ name: 'net', labels: {}, subnet: '10.0.0.0/24' })
    void world.#listen()
    const { metrics, rosters } = world
    const logs = {
      open: (...args: Parameters<LogDesk['open']>) => desk.open(...args)
    }
    world.api = await startApi({ logs })
    const desk = new LogDesk({
      engine: before?.(world.engine) ?? world.engine,
      rosters,
      functions: world.api.store.functions,
      lastLines: world.api.store.lastLines,
      maxReaders: 10,
      log: { warn: (_, message) => void world.warnings.push(message) },
      metrics: {
        setLogReaders: count => {
          metrics.readers = count
        },
        logLineSent: () => void metrics.lines++,
        logReaderRefused: () => void metrics.refused++
      },
      ...overrides
    })
    await world.api.request('POST', '/v1/functions', { metadata: { name: 'hello' }, spec: { image: 'hello:1' } })
    return world
  }

  /** A container of `hello` that runs. */
  async run(name: string, fn = 'hello'): Promise<string> {
    const labels = { [LABEL.namespace]: 'openfaas-fn', [LABEL.function]: fn }
    const id = await this.engine.createContainer({ ...BARE_SPEC, name, labels, network: 'net' })
    await this.engine.startContainer(name)
    return id
  }

  async open(query: string, authorization = AUTHORIZATION): Promise<LogClient> {
    const abort = new AbortController()
    const url = `${this.api.url}/system/logs?${query}`
    const response = await fetch(url, { headers: { authorization }, signal: abort.signal })
    const reader = (response.body ?? new ReadableStream()).pipeThrough(new TextDecoderStream()).getReader()
    let rest = ''
    const next: LogClient['next'] = async () => {
      for (;;) {
        const end = rest.indexOf('\n')
        if (end >= 0) {
          const line = rest.slice(0, end)
          rest = rest.slice(end + 1)
          return JSON.parse(line)
        }
        const read = await reader.read().catch(() => 'cut' as const)
        if (read === 'cut') return 'cut'
        if (read.done) return 'end'
        rest += read.value
      }
    }
    const take: LogClient['take'] = async count => {
      const taken: string[] = []
      while (taken.length < count) {
        const line = await next()
        taken.push(typeof line === 'string' ? line : `${line.instance}: ${line.text}`)
        if (typeof line === 'string') break
      }
      return taken
    }
    const client = { response, next, take, leave: () => abort.abort() }
    this.#clients.push(client)
    return client
  }

  /** All lines of an answer that ends. */
  async read(query: string): Promise<string[]> {
    return (await (await this.open(query)).take(Number.POSITIVE_INFINITY)).filter(line => line !== 'end')
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const { leave } of this.#clients) leave()
    this.#stopped.abort()
    await this.api[Symbol.asyncDispose]()
  }

  async #listen(): Promise<void> {
    for await (const event of this.engine.watch(this.#stopped.signal)) {
      if (event.kind === 'container') this.rosters.changed(KEY)
    }
  }
}
