import type { Clock } from '../clock.ts'
import type { EngineFault } from './faults.ts'

/** The engine does not say how much room is left; so long after it last lacked some, the disk counts as full. */
const LASTS_MS = 10 * 60_000

/** Whether the engine's disk is full, as its calls tell. */
export class DiskPressure {
  readonly #clock: Pick<Clock, 'monotonic'>
  readonly #listeners: (() => void)[] = []
  #until = Number.NEGATIVE_INFINITY

  constructor(clock: Pick<Clock, 'monotonic'>) {
    this.#clock = clock
  }

  get isOn(): boolean {
    return this.#clock.monotonic() < this.#until
  }

  /** Notes how a call ended. */
  observe(fault: EngineFault | 'none'): void {
    if (fault !== 'no-space') return
    this.#until = this.#clock.monotonic() + LASTS_MS
    for (const listener of this.#listeners) listener()
  }

  /** Calls `listener` whenever a call lacked room. */
  onLack(listener: () => void): void {
    this.#listeners.push(listener)
  }
}
