/** Calls that run in containers by way of other processes. */
export interface Elsewhere {
  count: (containerId: string) => number
  total: () => number
  /** `listener` is to be called when there is none any more. */
  onIdle: (listener: (containerId: string) => void) => void
}

const NOWHERE: Elsewhere = { count: () => 0, total: () => 0, onIdle: () => undefined }

/** Calls that run in each container now. The controller drains by it, the balancer chooses by it. */
export class Inflight {
  readonly #elsewhere: Elsewhere
  /** Those of this process. */
  readonly #counts = new Map<string, number>()
  readonly #listeners = new Set<(containerId: string) => void>()

  constructor(elsewhere: Elsewhere = NOWHERE) {
    this.#elsewhere = elsewhere
    elsewhere.onIdle(containerId => {
      if (!this.#counts.has(containerId)) this.#notify(containerId)
    })
  }

  /** Counts one more call in the container; gives the function that ends it, of which only the first call counts. */
  acquire(containerId: string): () => void {
    this.#counts.set(containerId, (this.#counts.get(containerId) ?? 0) + 1)
    let held = true
    return () => {
      if (!held) return
      held = false
      this.#release(containerId)
    }
  }

  /** How many calls run in the container. */
  count(containerId: string): number {
    return (this.#counts.get(containerId) ?? 0) + this.#elsewhere.count(containerId)
  }

  /** How many calls run in all containers. */
  total(): number {
    let sum = this.#elsewhere.total()
    for (const count of this.#counts.values()) sum += count
    return sum
  }

  /** The containers that have calls of this process, and how many. */
  own(): ReadonlyMap<string, number> {
    return this.#counts
  }

  /** Calls `listener` in the tick in which the last call of a container ends; gives a function that ends it. */
  onIdle(listener: (containerId: string) => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  #release(containerId: string): void {
    const left = (this.#counts.get(containerId) ?? 0) - 1
    if (left > 0) {
      this.#counts.set(containerId, left)
      return
    }
    this.#counts.delete(containerId)
    if (this.#elsewhere.count(containerId) === 0) this.#notify(containerId)
  }

  #notify(containerId: string): void {
    for (const listener of this.#listeners) listener(containerId)
  }
}
