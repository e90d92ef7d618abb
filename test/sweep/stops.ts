/** Where the process may be stopped: something that is about to happen between it and the engine or its disk. */
export interface Moment {
  /** For people: `POST /containers/create`, `commit`. */
  readonly what: string
  /** Whether it changes the world. */
  readonly changes: boolean
}

/**
 * Counts the places where a process may be stopped, and says at which to stop it. Two places belong to each change:
 * *before* it, when the changes so far are all answered and this is the next thing that the process does, and *during*
 * it, when it is on its way and its answer will never come. What only reads leaves the world as it is, so that of
 * several reads in a row the first one stands for all: to the next process, which remembers nothing, they are one place.
 */
export class Stops {
  /** What was passed, in order; the n-th one is `places[n - 1]`. */
  readonly places: string[] = []
  readonly #target: number
  #isNewWorld = true
  #wasReached = false

  /** Stops at the `target`-th place, counted from 1; never when it is 0. */
  constructor(target: number) {
    this.#target = target
  }

  get wasReached(): boolean {
    return this.#wasReached
  }

  /** Whether to stop before this happens at all. */
  before({ what }: Moment): boolean {
    if (!this.#isNewWorld) return false
    this.#isNewWorld = false
    return this.#pass(`before ${what}`)
  }

  /** Whether to stop while this happens. */
  during({ what, changes }: Moment): boolean {
    return changes && this.#pass(`during ${what}`)
  }

  /** It happened, and the process knows. */
  after({ changes }: Moment): void {
    if (changes) this.#isNewWorld = true
  }

  #pass(place: string): boolean {
    if (this.#wasReached) return false
    this.places.push(place)
    this.#wasReached = this.places.length === this.#target
    return this.#wasReached
  }
}
