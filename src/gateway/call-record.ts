import type { ProxyDeps, ShedReason, TimeoutKind } from './proxy-deps.ts'

/** What metrics and log are told of one call. */
export class CallRecord {
  readonly #deps: ProxyDeps
  readonly #key: string
  readonly #callId: string
  readonly #startedAt: number
  #isCounted = false

  constructor(deps: ProxyDeps, key: string, callId: string) {
    this.#deps = deps
    this.#key = key
    this.#callId = callId
    this.#startedAt = deps.clock.monotonic()
  }

  /** Only calls of functions that exist are counted, and only once. */
  count(): void {
    if (this.#isCounted) return
    this.#isCounted = true
    this.#deps.metrics.started(this.#key)
  }

  /** It has to wait. */
  held(): void {
    if (this.#isCounted) this.#deps.metrics.held(this.#key)
  }

  ended(code: number): void {
    if (!this.#isCounted) return
    this.#deps.metrics.finished(this.#key, code, (this.#deps.clock.monotonic() - this.#startedAt) / 1000)
  }

  /** Since it came. */
  get elapsedMs(): number {
    return this.#deps.clock.monotonic() - this.#startedAt
  }

  /** It is refused because there is too much of something. */
  shed(reason: ShedReason): void {
    if (this.#isCounted) this.#deps.metrics.shed(this.#key, reason)
  }

  /** A time of it is over. */
  timedOut(kind: TimeoutKind): void {
    if (this.#isCounted) this.#deps.metrics.timedOut(this.#key, kind)
  }

  warn(message: string, fields: object): void {
    this.#deps.log.warn({ key: this.#key, callId: this.#callId, ...fields }, message)
  }
}
