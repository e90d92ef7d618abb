import type { Dispatcher } from 'undici'
import type { Endpoint } from '../endpoints.ts'
import { Connection } from './connection.ts'
import { DestroyedError } from './errors.ts'
import type { DispatchOptions } from './exchange.ts'

/** What a function says of its patience is shortened by this much: a request is on its way for a while. */
const MARGIN_MS = 2_000

export interface ConnectionsOptions {
  readonly endpoint: Endpoint
  readonly connectMs: number
  /** A connection that was free for so long is not used again. */
  readonly keepAliveMs: number
  /** See `ConnectionOptions`. */
  readonly shared: Buffer
}

/** The connections to one replica: as many as there are exchanges, and those that are kept for the next ones. */
export class Connections {
  readonly #options: ConnectionsOptions
  readonly #all = new Set<Connection>()
  /** Those that wait for an exchange, the last one that became free at the end. */
  readonly #free: Connection[] = []
  /** Those whose answer ended in this turn of the event loop. */
  #settling: Connection[] = []
  #isClosed = false

  constructor(options: ConnectionsOptions) {
    this.#options = options
  }

  /** Sends over a kept connection or a new one; everything that happens then, errors too, reaches the handler. */
  dispatch(options: DispatchOptions, handler: Dispatcher.DispatchHandler): void {
    const connection = this.#takeFree() ?? this.#open()
    connection.send(options, handler)
  }

  /** Sends over a connection that was never used before and is not used again. */
  dispatchFresh(options: DispatchOptions, handler: Dispatcher.DispatchHandler): void {
    this.#open(true).send(options, handler)
  }

  /** Closes those that were free for too long. */
  closeStale(): void {
    const now = performance.now()
    for (const connection of this.#free.filter(each => each.freeUntil <= now)) connection.destroy()
  }

  /** Closes each as soon as it has nothing to do. */
  close(): void {
    this.#isClosed = true
    for (const connection of this.#free.splice(0)) connection.destroy()
  }

  /** Destroys all; their exchanges fail. */
  destroy(): void {
    this.close()
    for (const connection of this.#all) connection.fail(new DestroyedError('the connections were destroyed'))
  }

  #takeFree(): Connection | undefined {
    const now = performance.now()
    for (let kept = this.#free.pop(); kept !== undefined; kept = this.#free.pop()) {
      if (kept.freeUntil > now && kept.isUsable) return kept
      kept.destroy()
    }
    return undefined
  }

  #open(isFresh = false): Connection {
    const { endpoint, connectMs, shared } = this.#options
    const connection = new Connection({
      ...{ endpoint, connectMs, shared },
      onFree: (free, keepAliveMs) => (isFresh ? free.destroy() : this.#keep(free, keepAliveMs)),
      onGone: gone => {
        this.#all.delete(gone)
        const at = this.#free.indexOf(gone)
        if (at >= 0) this.#free.splice(at, 1)
      }
    })
    this.#all.add(connection)
    return connection
  }

  #keep(connection: Connection, saidMs: number | undefined): void {
    const { keepAliveMs } = this.#options
    const forMs = saidMs === undefined ? keepAliveMs : Math.min(keepAliveMs, saidMs - MARGIN_MS)
    if (this.#isClosed || forMs <= 0) {
      connection.destroy()
      return
    }
    connection.freeUntil = performance.now() + forMs
    // What came right behind the answer, such as its end or bytes that nobody asked for, is read first.
    if (this.#settling.push(connection) === 1) setImmediate(this.#onSettled)
  }

  readonly #onSettled = (): void => {
    const settled = this.#settling
    this.#settling = []
    for (const connection of settled) {
      if (this.#isClosed) connection.destroy()
      else if (connection.isUsable) this.#free.push(connection)
    }
  }
}
