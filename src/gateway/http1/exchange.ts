import type { Dispatcher } from 'undici'

/** A request for a replica. */
export type DispatchOptions = Omit<Dispatcher.DispatchOptions, 'origin'> & { readonly trailers?: Trailers }

/** What comes behind the body, which is a stream. */
export interface Trailers {
  /** Names that the request announces. */
  readonly announced: ReadonlySet<string>
  /** Names and values, to be asked for when the body has ended. */
  readonly read: () => string[]
}

/** What an exchange may do to its connection. */
export interface Carrier {
  pause: () => void
  resume: () => void
  destroy: () => void
}

/** One request and its answer, as whoever sent it sees them. */
export class Exchange implements Dispatcher.DispatchController {
  readonly options: DispatchOptions
  readonly handler: Dispatcher.DispatchHandler
  readonly #carrier: Carrier
  rawHeaders: string[] = []
  rawTrailers: string[] = []
  reason: Error | null = null
  paused = false
  #isOver = false

  constructor(carrier: Carrier, options: DispatchOptions, handler: Dispatcher.DispatchHandler) {
    this.#carrier = carrier
    this.options = options
    this.handler = handler
  }

  get aborted(): boolean {
    return this.reason !== null
  }

  /** Ends it without a further word, and its connection. */
  abort(reason: Error): void {
    if (this.#isOver) return
    this.reason = reason
    this.#carrier.destroy()
  }

  pause(): void {
    if (this.#isOver) return
    this.paused = true
    this.#carrier.pause()
  }

  resume(): void {
    if (this.#isOver || !this.paused) return
    this.paused = false
    this.#carrier.resume()
  }

  /** The connection has nothing to do with it any more. */
  end(): void {
    this.#isOver = true
  }
}
