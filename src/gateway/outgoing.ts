import type { IncomingMessage } from 'node:http'
import { type BodyEvents, type BodyKind, bodyKindOf, readSmallBody, StreamedBody } from './body.ts'
import { isIdempotent } from './failure.ts'
import { type CallMarks, toUpstreamHeaders } from './headers.ts'
import { heldBytes } from './held-bytes.ts'
import type { DispatchOptions } from './http1/exchange.ts'
import type { ProxyTarget } from './proxy-deps.ts'
import { announcedTrailers, trailersOf } from './request-trailers.ts'

/** The client's request as it goes to a replica, perhaps more than once. */
export class Outgoing {
  readonly #req: IncomingMessage
  readonly #path: string
  /** What the client wants to speak in place of HTTP. */
  readonly #protocols: string | undefined
  readonly #kind: BodyKind
  readonly #isTrusted: boolean
  #body: Buffer | StreamedBody | null = null

  /** `isTrusted`: what the client says of its own client is believed. */
  constructor(req: IncomingMessage, { path, upgrade }: Pick<ProxyTarget, 'path' | 'upgrade'>, isTrusted: boolean) {
    this.#req = req
    this.#path = path
    this.#protocols = upgrade?.protocols
    this.#kind = bodyKindOf(req)
    this.#isTrusted = isTrusted
  }

  /** Whether a small body has to be read before the first byte is sent. */
  get isUnread(): boolean {
    return this.#kind === 'small' && this.#body === null
  }

  /** Most bytes that it takes up while nobody sends it. */
  get heldBytes(): number {
    return heldBytes(this.#req)
  }

  /** Whether the function would take more of the body and the client does not send it. */
  get isStarved(): boolean {
    return this.#body instanceof StreamedBody && this.#body.isStarved
  }

  /** Whether the connection that it goes over may be handed out, and so cannot be one that is kept. */
  get wantsUpgrade(): boolean {
    return this.#protocols !== undefined
  }

  /** Whether it is all still here, so that it can be sent again. */
  get isWhole(): boolean {
    return this.#kind !== 'streamed'
  }

  /** Whether it may be carried out twice, and is all still here. */
  get isRepeatable(): boolean {
    return this.isWhole && isIdempotent(this.#req.method ?? '')
  }

  /** Reads a small body whole. `onRead` is not called when the client leaves before the end. */
  read(onProgress: (bytes: number) => void, onRead: () => void): void {
    readSmallBody(this.#req, onProgress, body => {
      this.#body = body
      onRead()
    })
  }

  /** What is to be sent. */
  options(marks: CallMarks, events: BodyEvents): DispatchOptions {
    const isStreamed = this.#kind === 'streamed'
    if (isStreamed) this.#body ??= new StreamedBody(this.#req, events)
    const announced = isStreamed ? announcedTrailers(this.#req) : undefined
    return {
      path: this.#path,
      method: this.#req.method ?? 'GET',
      headers: toUpstreamHeaders(this.#req, marks, this.#isTrusted),
      body: this.#body,
      ...(announced === undefined
        ? undefined
        : { trailers: { announced, read: () => trailersOf(this.#req, announced) } }),
      ...(this.#protocols === undefined ? undefined : { upgrade: this.#protocols })
    }
  }

  /** Reads no more. */
  destroy(): void {
    if (this.#body instanceof StreamedBody) this.#body.destroy()
  }
}
