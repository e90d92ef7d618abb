import type { Clock } from '../clock.ts'
import type { Logger } from '../logging/logger.ts'
import type { Component } from './manager.ts'
import { systemTimers, type Timers } from './timers.ts'

export interface WatchdogOptions {
  readonly clock: Pick<Clock, 'monotonic'>
  readonly log: Logger
  /** Told of each stall, in seconds. */
  readonly onStall: (seconds: number) => void
  readonly timers?: Timers
}

const PERIOD_MS = 500
/** A timer that is so late was held up by something that nobody meant to be so slow. */
const STALL_MS = 1000

/** Tells when this process did not get to run: something held up everything, or the machine gave it no time. */
export class Watchdog implements Component {
  readonly name = 'watchdog'
  readonly #options: WatchdogOptions
  readonly #timers: Timers
  #timer: unknown

  constructor(options: WatchdogOptions) {
    this.#options = options
    this.#timers = options.timers ?? systemTimers
  }

  start(): void {
    const { clock, log, onStall } = this.#options
    const dueAt = clock.monotonic() + PERIOD_MS
    this.#timer = this.#timers.set(() => {
      const lateMs = clock.monotonic() - dueAt
      if (lateMs >= STALL_MS) {
        log.warn({ seconds: lateMs / 1000 }, 'Stalled event loop')
        onStall(lateMs / 1000)
      }
      this.start()
    }, PERIOD_MS)
  }

  stop(): void {
    this.#timers.clear(this.#timer)
  }
}
