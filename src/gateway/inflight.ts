/** Calls that run in each container now. The controller drains by it, the balancer chooses by it. */
export class Inflight {
  readonly #counts = new Map<string, number>()
  readonly #listeners = new Set<(containerId: string) => void>()

  /** Counts one more call in the container; gives the function that ends it, of which only the first call counts. */
  acquire(containerId: string): () => void {
    this.#counts.set(containerId, this.count(containerId) + 1)
    let held = true
    return () => {
      if (!held) return
      held = false
      this.#release(containerId)
    }
  }

  /** How many calls run in the container. */
  count(containerId: string): number {
    return this.#counts.get(containerId) ?? 0
  }

  /** How many calls run in all containers. */
  total(): number {
    let sum = 0
    for (const count of this.#counts.values()) sum += count
    return sum
  }

  /** Calls `listener` in the tick in which the last call of a container ends; gives a function that ends it. */
  onIdle(listener: (containerId: string) => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  #release(containerId: string): void {
    const left = this.count(containerId) - 1
    if (left > 0) {
      this.#counts.set(containerId, left)
      return
    }
    this.#counts.delete(containerId)
    for (const listener of this.#listeners) listener(containerId)
  }
}
