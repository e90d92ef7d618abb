import type { Duplex } from 'node:stream'
import type { Dispatcher } from 'undici'
import type { Endpoint } from './endpoints.ts'
import type { RawHeaders } from './headers.ts'
import type { Head } from './relay.ts'

/** What an attempt tells its call; nothing after its end, which is `onEnd` or `onFailed` or that it was aborted. */
export interface AttemptEvents {
  /** Bytes went to the function. */
  onSent: () => void
  onHead: (attempt: Attempt, head: Head) => void
  /** Whether more is welcome; otherwise `resume` says when. */
  onData: (attempt: Attempt, chunk: Buffer) => boolean
  onEnd: (rawTrailers: RawHeaders) => void
  onFailed: (attempt: Attempt, error: Error) => void
  /** The function took another protocol: the connection is whoever hears this one's, who is to call `abort` at its end. */
  onUpgrade: (attempt: Attempt, head: Head, socket: Duplex) => void
}

/** One try of a call at one endpoint: takes undici's callbacks and counts as in flight until its end, exactly once. */
export class Attempt implements Dispatcher.DispatchHandler {
  readonly endpoint: Endpoint
  readonly #events: AttemptEvents
  readonly #release: () => void
  #controller: Dispatcher.DispatchController | undefined
  #isOver = false
  #isSent = false
  #isAnswered = false

  constructor(endpoint: Endpoint, events: AttemptEvents, release: () => void) {
    this.endpoint = endpoint
    this.#events = events
    this.#release = release
  }

  /** Whether a byte of the request may have left. Until then there was no connection, so the function knows nothing of it. */
  get isSent(): boolean {
    return this.#isSent
  }

  /** Whether a byte of an answer came, a broken one too. */
  get isAnswered(): boolean {
    return this.#isAnswered
  }

  /** Ends it without a further word and destroys its connection. */
  abort(reason: Error): void {
    if (this.#isOver) return
    this.#finish()
    this.#controller?.abort(reason)
  }

  /** Lets the answer flow again. */
  resume(): void {
    if (!this.#isOver) this.#controller?.resume()
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    if (this.#isOver) {
      controller.abort(new Error('the call ended while it was connecting'))
      return
    }
    this.#controller = controller
    this.#isSent = true
  }

  onBodySent(): void {
    if (!this.#isOver) this.#events.onSent()
  }

  onResponseStarted(): void {
    this.#isAnswered = true
  }

  onRequestUpgrade(
    { rawHeaders }: Dispatcher.DispatchController,
    status: number,
    _parsed: unknown,
    socket: Duplex
  ): void {
    if (this.#isOver) socket.destroy()
    else this.#events.onUpgrade(this, { status, statusText: '', raw: flatOf(rawHeaders) }, socket)
  }

  onResponseStart(
    controller: Dispatcher.DispatchController,
    status: number,
    _parsed: unknown,
    statusText?: string
  ): void {
    if (this.#isOver) return
    this.#events.onHead(this, { status, statusText: statusText ?? '', raw: flatOf(controller.rawHeaders) })
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (!this.#isOver && !this.#events.onData(this, chunk)) controller.pause()
  }

  onResponseEnd(controller: Dispatcher.DispatchController): void {
    if (this.#isOver) return
    this.#finish()
    this.#events.onEnd(flatOf(controller.rawTrailers))
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error): void {
    if (this.#isOver) return
    this.#finish()
    this.#events.onFailed(this, error)
  }

  #finish(): void {
    this.#isOver = true
    this.#release()
  }
}

/** undici's HTTP/1 parser gives buffers, our own strings; undici's types also name the forms of others. */
function flatOf(raw: Dispatcher.DispatchController['rawHeaders']): RawHeaders {
  return Array.isArray(raw) ? raw : []
}
