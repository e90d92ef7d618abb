/** So many calls in a row without an answer are the replica's fault, and not that of one call. */
const LOSSES = 3
/** Replicas that are gone are not told of, so that all are forgotten when there are too many. */
const MAX_REPLICAS = 1000

/** Which replicas lose calls: they take connections, and close them without an answer. */
export class PassiveHealth {
  readonly #losses = new Map<string, number>()

  /** A connection ended without an answer; gives whether the replica is to be left alone until somebody has looked at it. */
  lost(containerId: string): boolean {
    const losses = (this.#losses.get(containerId) ?? 0) + 1
    if (this.#losses.size >= MAX_REPLICAS) this.#losses.clear()
    if (losses < LOSSES) {
      this.#losses.set(containerId, losses)
      return false
    }
    this.#losses.delete(containerId)
    return true
  }

  /** The replica answered a call, with whatever. */
  answered(containerId: string): void {
    if (this.#losses.size > 0) this.#losses.delete(containerId)
  }
}
