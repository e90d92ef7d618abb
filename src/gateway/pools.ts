import type { Client as ClientClass, Dispatcher, Pool as PoolClass } from 'undici'
import type { Endpoint, Route } from './endpoints.ts'
import { Client, Pool } from './undici.ts'

/**
 * A connection that was idle this long is not used again: shorter than what servers allow (5 s is common), so that a call
 * seldom meets a socket that the function is about to close.
 */
const KEEP_ALIVE_MS = 3_000

interface Entry {
  readonly connectMs: number
  readonly endpoint: Endpoint
  readonly pool: PoolClass
}

export type DispatchOptions = Omit<Dispatcher.DispatchOptions, 'origin'>

/**
 * Connections to replicas: one pool for each endpoint of the table, gone with it. There are never more connections than calls,
 * whose number for each endpoint the balancer bounds.
 */
export class EndpointPools {
  readonly #connectMsOf: (key: string) => number
  readonly #byKey = new Map<string, Map<string, Entry>>()

  /** `connectMsOf`: how long a connection to a replica of the key may take. */
  constructor(connectMsOf: (key: string) => number) {
    this.#connectMsOf = connectMsOf
  }

  /** Sends over a kept connection or a new one; everything that happens then, errors too, reaches the handler. */
  dispatch(key: string, endpoint: Endpoint, options: DispatchOptions, handler: Dispatcher.DispatchHandler): void {
    this.#poolOf(key, endpoint).dispatch(options, handler)
  }

  /** Sends over a connection that was never used before and is not used again; one that may be taken over ends each way by itself. */
  dispatchFresh(key: string, endpoint: Endpoint, options: DispatchOptions, handler: Dispatcher.DispatchHandler): void {
    const own = clientOptions(this.#connectMsOf(key))
    const client = new Client(originOf(endpoint), { ...own, connect: { allowHalfOpen: true } })
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
      void entry.pool.close()
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
    const pools = [...this.#byKey.values()].flatMap(entries => [...entries.values()].map(e => e.pool))
    this.#byKey.clear()
    await Promise.all(pools.map(pool => pool.destroy()))
  }

  #poolOf(key: string, endpoint: Endpoint): PoolClass {
    let entries = this.#byKey.get(key)
    const found = entries?.get(endpoint.containerId)
    if (found !== undefined) {
      if (isSame(found.endpoint, endpoint)) return found.pool
      void found.pool.close()
    }
    if (entries === undefined) {
      entries = new Map()
      this.#byKey.set(key, entries)
    }
    const connectMs = this.#connectMsOf(key)
    const pool = new Pool(originOf(endpoint), clientOptions(connectMs))
    entries.set(endpoint.containerId, { endpoint, pool, connectMs })
    return pool
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

function isSame(a: Endpoint, b: Endpoint): boolean {
  return a === b || (a.containerId === b.containerId && a.host === b.host && a.port === b.port)
}

function originOf({ host, port }: Endpoint): string {
  return `http://${host.includes(':') ? `[${host}]` : host}:${port}`
}
