import type { ProxyLog } from './proxy-deps.ts'

export interface OverloadOptions {
  /** Most calls under way; 0: any number. */
  readonly callsMax: number
  /** Milliseconds by which the event loop may be late for a while, and so whatever comes from clients. */
  readonly delayMs: number
  /** Monotonic milliseconds. */
  readonly now: () => number
  /** In [0, 1). */
  readonly random: () => number
  readonly log: ProxyLog
}

const SAMPLE_MS = 50
/** A pause alone (of the host, of the collector of garbage) is no overload. */
const LATE_IN_A_ROW = 3
/** With fewer calls under way than this nobody has to wait for others. */
const FEW_CALLS = 16
const MAX_SHARE = 0.95
/** After so long without a refusal the next one is told in the log. */
const QUIET_MS = 10_000

/**
 * The share of calls to refuse, given the share up to now and by how much the event loop was late. Rises by up to a fifth each
 * time, falls by a tenth, and stays in between, so that it settles where the loop is as late as it may be.
 */
export function nextShare(share: number, lateMs: number, delayMs: number): number {
  if (lateMs > delayMs) return Math.min(MAX_SHARE, share + 0.05 * Math.min(4, lateMs / delayMs))
  return lateMs > delayMs / 2 ? share : Math.max(0, share * 0.9 - 0.01)
}

/** Whether more calls come than can be served: there are too many, or the event loop does not keep up with them. */
export class Overload {
  readonly #options: OverloadOptions
  #share = 0
  #lateInARow = 0
  #calls = 0
  #toldAt = -Infinity
  #timer: NodeJS.Timeout | undefined

  constructor(options: OverloadOptions) {
    this.#options = options
  }

  /** Whether one more call is taken, with so many under way. */
  admits(calls: number): boolean {
    const { callsMax, random } = this.#options
    this.#calls = calls
    if (calls >= FEW_CALLS && this.#timer === undefined) this.#sample()
    if (callsMax > 0 && calls >= callsMax) return this.#refuses('calls under way')
    if (this.#share > 0 && random() < this.#share) return this.#refuses('event loop')
    return true
  }

  /** Watches the event loop no more. */
  stop(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    this.#share = 0
  }

  #refuses(why: string): false {
    const { log, now } = this.#options
    const at = now()
    if (at - this.#toldAt > QUIET_MS) log.warn({ why, calls: this.#calls }, 'Refused calls as there are too many')
    this.#toldAt = at
    return false
  }

  #sample(): void {
    const { now } = this.#options
    const dueAt = now() + SAMPLE_MS
    this.#timer = setTimeout(() => this.#onSample(now() - dueAt), SAMPLE_MS).unref()
  }

  #onSample(lateMs: number): void {
    const { delayMs } = this.#options
    this.#lateInARow = lateMs > delayMs ? this.#lateInARow + 1 : 0
    if (this.#share > 0 || this.#lateInARow >= LATE_IN_A_ROW) this.#share = nextShare(this.#share, lateMs, delayMs)
    if (this.#share === 0 && this.#calls < FEW_CALLS) this.#timer = undefined
    else this.#sample()
    // Told anew by the next call: none may come.
    this.#calls = 0
  }
}
