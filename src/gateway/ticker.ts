/** Time as calls count it. */
export interface TickClock {
  readonly tick: number
}

/** What is looked at in every tick. */
export interface Timed {
  /** Ends it if a time of it is over. */
  checkStall: () => void
}

/**
 * A clock of its own for calls of functions whose times the gateway's is too coarse for: one timer for all of them, which
 * stops when there are none. A process that stood still skips ticks.
 */
export class Ticker implements TickClock {
  tick = 0
  readonly #tickMs: number
  readonly #calls = new Set<Timed>()
  #timer: NodeJS.Timeout | undefined

  constructor(tickMs: number) {
    this.#tickMs = tickMs
  }

  /** From now on the call is looked at in every tick. */
  add(call: Timed): void {
    this.#calls.add(call)
    this.#timer ??= setInterval(() => this.#onTick(), this.#tickMs).unref()
  }

  delete(call: Timed): void {
    this.#calls.delete(call)
  }

  /** Looks at no call any more. */
  stop(): void {
    clearInterval(this.#timer)
    this.#timer = undefined
  }

  #onTick(): void {
    this.tick++
    for (const call of this.#calls) call.checkStall()
    // Not with the last call: the next one often comes at once.
    if (this.#calls.size === 0) this.stop()
  }
}
