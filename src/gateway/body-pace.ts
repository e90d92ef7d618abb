import type { Pace } from './pace.ts'

/** Bytes a second with which a body that is waited for counts as coming. Source: `MinRate` of Apache's mod_reqtimeout. */
const MIN_BODY_RATE = 500

/** How fast the body of a call comes. */
export class BodyPace {
  #bytes = 0
  #before = 0
  #slowTicks = 0

  /** How many bytes came. */
  get bytes(): number {
    return this.#bytes
  }

  add(bytes: number): void {
    this.#bytes += bytes
  }

  /** To be asked once in each tick: whether the client was waited for, and sent next to nothing, in too many in a row. */
  isTooSlow(isWaitedFor: boolean, { tickMs, read }: Pace): boolean {
    const came = this.#bytes - this.#before
    this.#before = this.#bytes
    this.#slowTicks = isWaitedFor && came < (MIN_BODY_RATE * tickMs) / 1000 ? this.#slowTicks + 1 : 0
    return this.#slowTicks > read
  }
}
