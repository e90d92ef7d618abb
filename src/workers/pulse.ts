import type { Clock } from '../clock.ts'
import { systemTimers, type Timers } from '../runtime/timers.ts'

export interface PulseDeps {
  /** A worker that says nothing for so long hangs. */
  readonly timeoutMs: number
  readonly onHang: (worker: number, silentMs: number) => void
  readonly clock: Pick<Clock, 'monotonic'>
  readonly timers?: Timers
}

const MAX_PERIOD_MS = 1000
/** How often a worker has to say something at least. */
const MAX_BEAT_MS = 5000

/** How often a worker says something of which nobody needs to hear, in milliseconds, where one that hangs is noticed after `timeoutMs`. */
export function beatMs(timeoutMs: number): number {
  return Math.min(MAX_BEAT_MS, timeoutMs / 4)
}

/**
 * Tells of workers that hang: they run, and say nothing. A time in which this process did not get to run does not count, as it
 * could not hear them then.
 */
export class Pulse {
  readonly #deps: PulseDeps
  readonly #timers: Timers
  readonly #periodMs: number
  readonly #heardAt = new Map<number, number>()
  #lookedAt = 0
  #timer: unknown

  constructor(deps: PulseDeps) {
    this.#deps = deps
    this.#timers = deps.timers ?? systemTimers
    this.#periodMs = Math.min(MAX_PERIOD_MS, deps.timeoutMs / 4)
  }

  start(): void {
    this.#lookedAt = this.#deps.clock.monotonic()
    this.#timer = this.#timers.set(() => this.#look(), this.#periodMs)
  }

  stop(): void {
    this.#timers.clear(this.#timer)
  }

  /** From now on the worker has to say something. */
  follow(worker: number): void {
    this.#heardAt.set(worker, this.#deps.clock.monotonic())
  }

  /** The worker has said something. No effect while it is not followed. */
  heard(worker: number): void {
    if (this.#heardAt.has(worker)) this.follow(worker)
  }

  /** The worker has ended. */
  forget(worker: number): void {
    this.#heardAt.delete(worker)
  }

  #look(): void {
    const { clock, timeoutMs, onHang } = this.#deps
    const now = clock.monotonic()
    const unheardMs = Math.max(0, now - this.#lookedAt - this.#periodMs)
    for (const [worker, heardAt] of this.#heardAt) {
      const at = Math.min(now, heardAt + unheardMs)
      this.#heardAt.set(worker, at)
      if (now - at < timeoutMs) continue
      this.#heardAt.delete(worker)
      onHang(worker, Math.round(now - at))
    }
    this.start()
  }
}
