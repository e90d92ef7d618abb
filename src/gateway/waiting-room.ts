/** A call that waits for an endpoint. Each guest gets exactly one of the three calls for each time it enters, unless it leaves. */
export interface Guest {
  /** When it gives up: milliseconds of the monotonic clock. */
  readonly waitUntil: number
  /** Something changed: look again. */
  onTurn: () => void
  /** `waitUntil` is over. */
  onExpired: () => void
  /** The function was removed. */
  onRemoved: () => void
}

export interface WaitingRoomOptions {
  readonly maxPerKey: number
  readonly maxTotal: number
  /** Monotonic milliseconds. */
  readonly now: () => number
  /** Whether calls of the key still have to wait. */
  readonly mustWait: (key: string) => boolean
  /** Told how many wait now, at each change. */
  readonly onCount: (count: number) => void
}

/** Some answers change without a word from the table (its completion, a key that leaves the queue), so waiting keys are looked at this often. */
const RECHECK_MS = 100

/** Calls without an endpoint: bounded for each function and in all, woken in the order in which they came. */
export class WaitingRoom {
  readonly #options: WaitingRoomOptions
  readonly #byKey = new Map<string, Map<Guest, NodeJS.Timeout>>()
  #count = 0
  #recheck: NodeJS.Timeout | undefined

  constructor(options: WaitingRoomOptions) {
    this.#options = options
  }

  get size(): number {
    return this.#count
  }

  /** Whether there was a place. */
  enter(key: string, guest: Guest): boolean {
    const { maxPerKey, maxTotal, now } = this.#options
    const guests = this.#byKey.get(key) ?? new Map<Guest, NodeJS.Timeout>()
    if (guests.size >= maxPerKey || this.#count >= maxTotal) return false
    const leftMs = Math.max(0, guest.waitUntil - now())
    guests.set(
      guest,
      setTimeout(() => this.leave(key, guest) && guest.onExpired(), leftMs)
    )
    this.#byKey.set(key, guests)
    this.#recheck ??= setInterval(() => this.#wakeDue(), RECHECK_MS).unref()
    this.#counted(1)
    return true
  }

  /** Whether the guest was there; its place is free afterwards. */
  leave(key: string, guest: Guest): boolean {
    const guests = this.#byKey.get(key)
    const timer = guests?.get(guest)
    if (guests === undefined || timer === undefined) return false
    clearTimeout(timer)
    guests.delete(guest)
    if (guests.size === 0) this.#byKey.delete(key)
    this.#counted(-1)
    return true
  }

  /** Lets all guests of the key look again, in order and in this tick. */
  wake(key: string): void {
    this.#callAll(key, guest => guest.onTurn())
  }

  /** Tells all guests of the key that it was removed. */
  evict(key: string): void {
    this.#callAll(key, guest => guest.onRemoved())
  }

  /** Lets everybody look again. */
  wakeAll(): void {
    for (const key of [...this.#byKey.keys()]) this.wake(key)
  }

  #callAll(key: string, call: (guest: Guest) => void): void {
    const guests = this.#byKey.get(key)
    if (guests === undefined) return
    // A guest that enters again gets a new place, so this ends.
    for (const guest of [...guests.keys()]) {
      if (this.leave(key, guest)) call(guest)
    }
  }

  #wakeDue(): void {
    for (const key of [...this.#byKey.keys()]) {
      if (!this.#options.mustWait(key)) this.wake(key)
    }
  }

  #counted(change: number): void {
    this.#count += change
    this.#options.onCount(this.#count)
    if (this.#count > 0) return
    clearInterval(this.#recheck)
    this.#recheck = undefined
  }
}
