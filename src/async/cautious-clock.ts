import type { Clock } from '../clock.ts'

/** Clocks are put right by less than this all the time. */
const TOLERANCE_MS = 60_000
/** A clock that was set ahead is believed after so long: by then somebody has seen it, were it wrong. */
const PROBATION_MS = 3_600_000

/**
 * The time for removing what is old. A clock that is set ahead, by mistake or for a moment, would make everything old at once, and what
 * was removed does not come back: so for an hour time goes on from where it was.
 */
export class CautiousClock {
  readonly #clock: Clock
  #believed: number
  #readAt: number
  #aheadSince: number | undefined

  constructor(clock: Clock) {
    this.#clock = clock
    this.#believed = clock.now()
    this.#readAt = clock.monotonic()
  }

  /** Ms since the epoch. */
  now(): number {
    const wall = this.#clock.now()
    const at = this.#clock.monotonic()
    const expected = this.#believed + (at - this.#readAt)
    this.#readAt = at
    if (wall <= expected + TOLERANCE_MS) this.#aheadSince = undefined
    else this.#aheadSince ??= at
    const isBelieved = this.#aheadSince === undefined || at - this.#aheadSince >= PROBATION_MS
    if (isBelieved) this.#aheadSince = undefined
    this.#believed = isBelieved ? wall : expected
    return this.#believed
  }
}
