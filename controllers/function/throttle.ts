export interface ThrottleOptions {
  /** Calls that the engine may be asked for, in the long run. */
  readonly perSecond: number
  /** Calls at once after a quiet time. */
  readonly burst: number
  /** Milliseconds of a clock that never jumps. */
  readonly monotonic: () => number
  /** Told of each wait that a key was given, in seconds. */
  readonly onDelayed: (seconds: number) => void
}

/**
 * A token bucket for the changes that passes make to the engine, so that a host that comes up again or a thousand
 * functions that crash do not overrun it. Who comes while the bucket is overdrawn gets a time of its own, in order of
 * coming, so that nobody waits inside a pass, holds a worker or starves. What people asked for never waits; the others
 * wait longer for it.
 */
export class Throttle {
  readonly #options: ThrottleOptions
  /** Keys that wait → when they may go on. What they will do is paid for. */
  readonly #slots = new Map<string, number>()
  #balance: number
  #at: number

  constructor(options: ThrottleOptions) {
    this.#options = options
    this.#balance = options.burst
    this.#at = options.monotonic()
  }

  /** Keys that were told to wait and have not come back. */
  get keys(): string[] {
    return [...this.#slots.keys()]
  }

  /** Milliseconds until the key may make so many calls; 0: now. */
  admit(key: string, calls: number, isAskedFor: boolean): number {
    const now = this.#refill()
    const slot = this.#slots.get(key)
    if (slot !== undefined) {
      if (now < slot && !isAskedFor) return slot - now
      this.#slots.delete(key)
      return 0
    }
    const debt = -this.#balance
    // What people ask for delays repairs by some time, and not by minutes, however much it is.
    const floor = isAskedFor ? Math.min(this.#balance, -this.#options.burst) : -Infinity
    this.#balance = Math.max(this.#balance - calls, floor)
    if (debt < 0 || isAskedFor) return 0
    const waitMs = Math.ceil(((debt + 1) / this.#options.perSecond) * 1000)
    this.#slots.set(key, now + waitMs)
    this.#options.onDelayed(waitMs / 1000)
    return waitMs
  }

  /** The key wants nothing any more. */
  forget(key: string): void {
    this.#slots.delete(key)
  }

  #refill(): number {
    const { burst, perSecond, monotonic } = this.#options
    const now = monotonic()
    this.#balance = Math.min(burst, this.#balance + ((now - this.#at) / 1000) * perSecond)
    this.#at = now
    return now
  }
}
