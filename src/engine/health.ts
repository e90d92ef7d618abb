import type { Clock } from '../clock.ts'
import type { EngineInfo } from './engine.ts'

export interface EngineState {
  readonly reachable: boolean
  readonly version?: string
  readonly error?: string
}

const CLOCK_PRECISION_MS = 1000

/** Whether the engine answers, as its heartbeat and its breaker tell; asks nothing by itself. */
export class EngineHealth {
  readonly #listeners: ((reachable: boolean) => void)[] = []
  readonly #clock: Clock
  /** On the clock that never jumps. */
  #since = 0
  #aheadMs = 0
  #state: EngineState = { reachable: false, error: 'the engine was not asked yet' }

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /**
   * Since when it has answered without a break, as far as is known; milliseconds since the epoch by the engine's own
   * clock, as the instants at which its containers end are. A second late, as that clock is told in whole seconds.
   */
  get since(): number {
    const ours = this.#clock.now() - (this.#clock.monotonic() - this.#since)
    return ours + this.#aheadMs + CLOCK_PRECISION_MS
  }

  get state(): EngineState {
    return this.#state
  }

  /** Tells of each change between away and there. */
  onChange(listener: (reachable: boolean) => void): void {
    this.#listeners.push(listener)
  }

  /** Notes how far its clock is ahead of ours, in milliseconds. */
  clockIsAhead(ms: number): void {
    this.#aheadMs = ms
  }

  /** Notes that it answers. */
  answers(): void {
    const { error: _, ...known } = this.#state
    this.#become({ ...known, reachable: true })
  }

  /** Notes that it does not answer, and what its last call ended with. */
  isAway(error: string): void {
    this.#become({ ...this.#state, reachable: false, error })
  }

  /** Notes what the engine said of itself. */
  identified({ version }: EngineInfo): void {
    this.#state = { ...this.#state, version }
  }

  #become(state: EngineState): void {
    const { reachable } = this.#state
    this.#state = state
    if (reachable === state.reachable) return
    if (state.reachable) this.#since = this.#clock.monotonic()
    for (const tell of this.#listeners) tell(state.reachable)
  }
}
