import { BodyPace } from './body-pace.ts'
import type { Pace } from './pace.ts'

/** Of a call that waits for an endpoint, which has its own time. */
const UNTIMED = -1

/**
 * Which time of a call is over: `total`; `first-byte`: no byte moved, and none of the answer has come; `idle`: no byte moved
 * after that, or while the client was to send its body; `slow`: next to nothing came of a body that is waited for.
 */
export type Overdue = 'total' | 'first-byte' | 'idle' | 'slow'

/** How far a call is. */
export interface Progress {
  /** The head of the answer went out. */
  readonly isAnswered: boolean
  /** Nothing else can happen before the client sends more of its body. */
  readonly isBodyAwaited: boolean
}

/** When what happened to one call, in ticks of its clock. */
export class CallTimes {
  readonly #bodyPace = new BodyPace()
  #startedAt: number
  /** The tick in which a byte last moved. */
  #movedAt = UNTIMED

  constructor(tick: number) {
    this.#startedAt = tick
  }

  /** Whether the time without a byte runs: it does not while the call waits for an endpoint, or to be sent again. */
  get isRunning(): boolean {
    return this.#movedAt !== UNTIMED
  }

  /** How many bytes of its body came. */
  get bodyBytes(): number {
    return this.#bodyPace.bytes
  }

  /** A byte moved. */
  moved(tick: number): void {
    this.#movedAt = tick
  }

  /** Bytes of its body came. */
  bodyMoved(tick: number, bytes: number): void {
    this.#movedAt = tick
    this.#bodyPace.add(bytes)
  }

  /** It waits. */
  stop(): void {
    this.#movedAt = UNTIMED
  }

  /** Counts by another clock from now on, for one that has run `elapsedMs`. */
  rebase(tick: number, elapsedMs: number, { tickMs }: Pace): void {
    this.#startedAt = tick - Math.floor(elapsedMs / tickMs)
    if (this.isRunning) this.#movedAt = tick
  }

  /** To be asked once in each tick. */
  overdue(tick: number, { isAnswered, isBodyAwaited }: Progress, pace: Pace): Overdue | undefined {
    if (tick - this.#startedAt > pace.total) return 'total'
    const isForFirstByte = !isAnswered && !isBodyAwaited
    const limit = isForFirstByte ? pace.firstByte : pace.idle
    if (this.isRunning && tick - this.#movedAt > limit) return isForFirstByte ? 'first-byte' : 'idle'
    // A function that has begun to answer may take its time with the body.
    return this.#bodyPace.isTooSlow(isBodyAwaited && !isAnswered, pace) ? 'slow' : undefined
  }
}
