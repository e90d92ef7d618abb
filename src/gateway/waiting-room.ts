/** A call that waits for an endpoint. Each guest gets exactly one of the three calls for each time it enters, unless it leaves. */
export interface Guest {
  /** When it gives up: milliseconds of the monotonic clock. */
  readonly waitUntil: number
  /** What it takes up while it waits; the same from when it enters until it leaves. */
  readonly bytes: number
  /** Something changed: look again. */
  onTurn: () => void
  /** `waitUntil` is over. */
  onExpired: () => void
  /** The function was removed. */
  onRemoved: () => void
}

/** Most guests, and most bytes of theirs together. */
export interface Bound {
  readonly guests: number
  readonly bytes: number
}

export interface WaitingRoomOptions {
  readonly perKey: Bound
  readonly total: Bound
  /** Monotonic milliseconds. */
  readonly now: () => number
  /** Whether calls of the key still have to wait. */
  readonly mustWait: (key: string) => boolean
  /** Told how many wait now, at each change. */
  readonly onCount: (count: number) => void
}

/** Some answers change without a word from the table (its completion, a key that leaves the queue), so waiting keys are looked at this often. */
const RECHECK_MS = 100

/**
 * So many guests are let through at once, and as many again after each step: each of them opens a connection, and the queue of a
 * listening socket is short (511 in Node, somaxconn in Go). Beyond it the kernel drops them, to be tried again a second later.
 */
const STEP_GUESTS = 200
const STEP_MS = 20

/** Where the guests of one key are. */
interface Places {
  /** Guest → what ends its waiting. */
  readonly timers: Map<Guest, NodeJS.Timeout>
  bytes: number
  /** They are let through step by step. */
  isOpening: boolean
}

/** Calls without an endpoint: their number and bytes bounded for each function and in all, woken in the order in which they came. */
export class WaitingRoom {
  readonly #options: WaitingRoomOptions
  readonly #byKey = new Map<string, Places>()
  #count = 0
  #bytes = 0
  #recheck: NodeJS.Timeout | undefined

  constructor(options: WaitingRoomOptions) {
    this.#options = options
  }

  get size(): number {
    return this.#count
  }

  /** Whether anybody waits for the key. */
  has(key: string): boolean {
    return this.#byKey.has(key)
  }

  /** Whether there was a place. */
  enter(key: string, guest: Guest): boolean {
    const places = this.#byKey.get(key) ?? { timers: new Map<Guest, NodeJS.Timeout>(), bytes: 0, isOpening: false }
    if (!this.#hasRoom(places, guest)) return false
    const leftMs = Math.max(0, guest.waitUntil - this.#options.now())
    places.timers.set(
      guest,
      setTimeout(() => this.leave(key, guest) && guest.onExpired(), leftMs)
    )
    this.#byKey.set(key, places)
    this.#recheck ??= setInterval(() => this.#wakeDue(), RECHECK_MS).unref()
    this.#counted(places, guest, 1)
    return true
  }

  /** Whether the guest was there; its place is free afterwards. */
  leave(key: string, guest: Guest): boolean {
    const places = this.#byKey.get(key)
    const timer = places?.timers.get(guest)
    if (places === undefined || timer === undefined) return false
    clearTimeout(timer)
    places.timers.delete(guest)
    if (places.timers.size === 0) this.#byKey.delete(key)
    this.#counted(places, guest, -1)
    return true
  }

  /** Lets all guests of the key look again, in order: the first of them in this tick, the others soon after, unless they have to wait by then. */
  wake(key: string): void {
    const places = this.#byKey.get(key)
    if (places === undefined || places.isOpening) return
    this.#open(key, places, [...places.timers.keys()])
  }

  /** Tells all guests of the key that it was removed. */
  evict(key: string): void {
    this.#callAll(key, guest => guest.onRemoved())
  }

  /** Lets everybody look again. */
  wakeAll(): void {
    for (const key of [...this.#byKey.keys()]) this.#callAll(key, guest => guest.onTurn())
  }

  /** A guest that enters again is none of these any more, so this ends. Who came after them is found by the next look. */
  #open(key: string, places: Places, guests: readonly Guest[]): void {
    for (const guest of guests.slice(0, STEP_GUESTS)) {
      if (this.leave(key, guest)) guest.onTurn()
    }
    const others = guests.slice(STEP_GUESTS)
    places.isOpening = others.length > 0
    if (!places.isOpening) return
    setTimeout(() => {
      if (this.#options.mustWait(key)) places.isOpening = false
      else this.#open(key, places, others)
    }, STEP_MS)
  }

  #callAll(key: string, call: (guest: Guest) => void): void {
    const places = this.#byKey.get(key)
    if (places === undefined) return
    // A guest that enters again gets a new place, so this ends.
    for (const guest of [...places.timers.keys()]) {
      if (this.leave(key, guest)) call(guest)
    }
  }

  #wakeDue(): void {
    for (const key of [...this.#byKey.keys()]) {
      if (!this.#options.mustWait(key)) this.wake(key)
    }
  }

  #hasRoom({ timers, bytes }: Places, guest: Guest): boolean {
    const { perKey, total } = this.#options
    const isFull = timers.size >= perKey.guests || this.#count >= total.guests
    return !isFull && bytes + guest.bytes <= perKey.bytes && this.#bytes + guest.bytes <= total.bytes
  }

  #counted(places: Places, { bytes }: Guest, change: 1 | -1): void {
    places.bytes += change * bytes
    this.#bytes += change * bytes
    this.#count += change
    this.#options.onCount(this.#count)
    if (this.#count > 0) return
    clearInterval(this.#recheck)
    this.#recheck = undefined
  }
}
