import type { ProxyDeps } from './proxy-deps.ts'

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

  ended(code: number): void {
    if (!this.#isCounted) return
    this.#deps.metrics.finished(this.#key, code, (this.#deps.clock.monotonic() - this.#startedAt) / 1000)
  }

  warn(message: string, fields: object): void {
    this.#deps.log.warn({ key: this.#key, callId: this.#callId, ...fields }, message)
  }
}
