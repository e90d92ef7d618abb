import { BodyPace } from './body-pace.ts'
import type { Pace } from './call-context.ts'

/** Of a call that waits for an endpoint, which has its own time. */
const UNTIMED = -1

/** Why a call has taken too long: no byte moved, or next to nothing came of a body that is waited for. */
export type Overdue = 'stalled' | 'slow'

/** When what happened to one call, in ticks of the proxy. */
export class CallTimes {
  readonly #bodyPace = new BodyPace()
  /** The tick in which a byte last moved. */
  #movedAt = UNTIMED

  /** Whether its time runs, so that it does not wait for an endpoint. */
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

  /** It waits for an endpoint. */
  stop(): void {
    this.#movedAt = UNTIMED
  }

  /** To be asked once in each tick; `isBodyAwaited`: nothing else can happen before the client sends more of its body. */
  overdue(tick: number, isBodyAwaited: boolean, pace: Pace): Overdue | undefined {
    if (this.#movedAt !== UNTIMED && tick - this.#movedAt > pace.exec) return 'stalled'
    return this.#bodyPace.isTooSlow(isBodyAwaited, pace) ? 'slow' : undefined
  }
}
