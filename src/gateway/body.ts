import type { IncomingMessage } from 'node:http'
import { Readable } from 'node:stream'

/** A body up to this size is read whole before it is sent, so that it can be sent again. */
export const SMALL_BODY_BYTES = 64 * 1024

/** How a request's body travels; undefined: it has none. */
export type BodyKind = 'small' | 'streamed' | undefined

/** How the body of the request has to travel. Undefined is also an empty one. */
export function bodyKindOf(req: IncomingMessage): BodyKind {
  if (req.headers['transfer-encoding'] !== undefined) return 'streamed'
  const length = Number(req.headers['content-length'] ?? 0)
  if (length === 0) return undefined
  return length <= SMALL_BODY_BYTES ? 'small' : 'streamed'
}

/** Reads the body whole. `onDone` is not called when the client leaves before the end. */
export function readSmallBody(
  req: IncomingMessage,
  onProgress: (bytes: number) => void,
  onDone: (body: Buffer) => void
): void {
  let first: Buffer | undefined
  let rest: Buffer[] | undefined
  req.on('data', (chunk: Buffer) => {
    onProgress(chunk.length)
    if (first === undefined) first = chunk
    else if (rest === undefined) rest = [first, chunk]
    else rest.push(chunk)
  })
  req.on('end', () => onDone(rest === undefined ? (first ?? Buffer.alloc(0)) : Buffer.concat(rest)))
}

/** What a body that is read tells. */
export interface BodyEvents {
  /** Before the first byte is read. */
  readonly onStart: () => void
  /** So many came. */
  readonly onBytes: (bytes: number) => void
}

/**
 * The body as it arrives, at the speed of whoever reads. It stands between the client's request and undici, which destroys the
 * body it sends and would take the client's connection along.
 */
export class StreamedBody extends Readable {
  readonly #req: IncomingMessage
  readonly #events: BodyEvents
  #started = false
  #wanted = false

  constructor(req: IncomingMessage, events: BodyEvents) {
    super({ highWaterMark: SMALL_BODY_BYTES })
    this.#req = req
    this.#events = events
  }

  /** Whether the function would take more and the client does not send it. */
  get isStarved(): boolean {
    return this.#wanted && !this.#req.complete
  }

  /** Whether a byte may be missing when it is read again. */
  get isStarted(): boolean {
    return this.#started
  }

  override _read(): void {
    this.#wanted = true
    if (!this.#started) this.#start()
    else this.#req.resume()
  }

  override _destroy(_error: Error | null, callback: (error?: Error | null) => void): void {
    this.#req.off('data', this.#onData).off('end', this.#onEnd)
    // The fault that ends a call is reported once, by the call.
    callback()
  }

  #start(): void {
    this.#started = true
    this.#events.onStart()
    this.#req.on('data', this.#onData).on('end', this.#onEnd)
  }

  readonly #onData = (chunk: Buffer): void => {
    this.#events.onBytes(chunk.length)
    if (this.destroyed) return
    if (this.push(chunk)) return
    this.#wanted = false
    this.#req.pause()
  }

  readonly #onEnd = (): void => {
    this.push(null)
  }
}
