import type { Client as ClientClass, Dispatcher, Pool as PoolClass } from 'undici'
import type { Endpoint, Route } from './endpoints.ts'
import { READ_BYTES } from './http1/connection.ts'
import { Connections } from './http1/connections.ts'
import type { DispatchOptions } from './http1/exchange.ts'
import { TrailedRequest } from './trailed-request.ts'
import { Client, Pool } from './undici.ts'

/**
 * A connection that was idle this long is not used again: shorter than what servers allow (5 s is common), so that a call
 * seldom meets a socket that the function is about to close.
 */
const KEEP_ALIVE_MS = 3_000

/** How often connections that were idle too long are looked for. */
const SWEEP_MS = 1_000

interface Entry {
  readonly connectMs: number
  readonly endpoint: Endpoint
  readonly connections: Connections
  /** Made for the first call that needs it. */
  pool: PoolClass | undefined
}

/**
 * Connections to replicas: those of each endpoint of the table, gone with it. There are never more connections than calls,
 * whose number for each endpoint the balancer bounds. Calls whose body is here as a whole, or that have none, go over our own
 * connections, which cost half of undici's; the others over undici's.
 */
export class EndpointPools {
  readonly #connectMsOf: (key: string) => number
  readonly #byKey = new Map<string, Map<string, Entry>>()
  readonly #shared = Buffer.allocUnsafeSlow(READ_BYTES)
  readonly #sweeper: NodeJS.Timeout

  /** `connectMsOf`: how long a connection to a replica of the key may take. */
  constructor(connectMsOf: (key: string) => number) {
    this.#connectMsOf = connectMsOf
    this.#sweeper = setInterval(() => this.#closeStale(), SWEEP_MS).unref()
  }

  /** Sends over a kept connection or a new one; everything that happens then, errors too, reaches the handler. */
  dispatch(key: string, endpoint: Endpoint, options: DispatchOptions, handler: Dispatcher.DispatchHandler): void {
    if (options.trailers !== undefined) {
      this.dispatchFresh(key, endpoint, options, handler)
      return
    }
    const entry = this.#entryOf(key, endpoint)
    if (isWhole(options)) entry.connections.dispatch(options, handler)
    else this.#poolOf(entry).dispatch(options, handler)
  }

  /** Sends over a connection that was never used before and is not used again; one that may be taken over ends each way by itself. */
  dispatchFresh(key: string, endpoint: Endpoint, options: DispatchOptions, handler: Dispatcher.DispatchHandler): void {
    const connectMs = this.#connectMsOf(key)
    if (options.trailers !== undefined) {
      new TrailedRequest(handler).send(endpoint, connectMs, options, options.trailers)
      return
    }
    if (isWhole(options)) {
      this.#connectionsTo(endpoint, connectMs).dispatchFresh(options, handler)
      return
    }
    const client = new Client(originOf(endpoint), { ...clientOptions(connectMs), connect: { allowHalfOpen: true } })
    client.dispatch(options, handler)
    void client.close()
  }

  /** Closes the pools of endpoints that left the route, after their calls have ended. */
  retain(key: string, route: Route | undefined): void {
    const entries = this.#byKey.get(key)
    if (entries === undefined) return
    const connectMs = this.#connectMsOf(key)
    for (const [containerId, entry] of entries) {
      const isKept = route?.endpoints.some(e => isSame(e, entry.endpoint)) === true
      if (isKept && entry.connectMs === connectMs) continue
      entries.delete(containerId)
      close(entry)
    }
    if (entries.size === 0) this.#byKey.delete(key)
  }

  /** How many endpoints have a pool. */
  get size(): number {
    let sum = 0
    for (const entries of this.#byKey.values()) sum += entries.size
    return sum
  }

  /** Destroys all connections. */
  async destroy(): Promise<void> {
    clearInterval(this.#sweeper)
    const entries = [...this.#byKey.values()].flatMap(each => [...each.values()])
    this.#byKey.clear()
    for (const { connections } of entries) connections.destroy()
    await Promise.all(entries.map(({ pool }) => pool?.destroy()))
  }

  #entryOf(key: string, endpoint: Endpoint): Entry {
    let entries = this.#byKey.get(key)
    const found = entries?.get(endpoint.containerId)
    if (found !== undefined) {
      if (isSame(found.endpoint, endpoint)) return found
      close(found)
    }
    if (entries === undefined) {
      entries = new Map()
      this.#byKey.set(key, entries)
    }
    const connectMs = this.#connectMsOf(key)
    const entry: Entry = { endpoint, connectMs, connections: this.#connectionsTo(endpoint, connectMs), pool: undefined }
    entries.set(endpoint.containerId, entry)
    return entry
  }

  #connectionsTo(endpoint: Endpoint, connectMs: number): Connections {
    return new Connections({ endpoint, connectMs, keepAliveMs: KEEP_ALIVE_MS, shared: this.#shared })
  }

  #poolOf(entry: Entry): PoolClass {
    entry.pool ??= new Pool(originOf(entry.endpoint), clientOptions(entry.connectMs))
    return entry.pool
  }

  #closeStale(): void {
    for (const entries of this.#byKey.values()) {
      for (const { connections } of entries.values()) connections.closeStale()
    }
  }
}

/** The times of a call are the proxy's own, so undici's are off. */
function clientOptions(connectMs: number): ClientClass.Options {
  return {
    allowH2: false,
    pipelining: 1,
    connectTimeout: connectMs,
    headersTimeout: 0,
    bodyTimeout: 0,
    keepAliveTimeout: KEEP_ALIVE_MS,
    keepAliveMaxTimeout: KEEP_ALIVE_MS,
    strictContentLength: true
  }
}

/** Whether all that is to be sent is here. */
function isWhole({ body, upgrade }: DispatchOptions): boolean {
  return (upgrade === undefined || upgrade === null) && (body === null || Buffer.isBuffer(body))
}

function close({ connections, pool }: Entry): void {
  connections.close()
  void pool?.close()
}

function isSame(a: Endpoint, b: Endpoint): boolean {
  return a === b || (a.containerId === b.containerId && a.host === b.host && a.port === b.port)
}

function originOf({ host, port }: Endpoint): string {
  return `http://${host.includes(':') ? `[${host}]` : host}:${port}`
}
