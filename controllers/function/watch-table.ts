interface Entry {
  readonly target: { readonly key: string; readonly containerId: string }
  /** On the monotonic clock. */
  readonly askedAt: number
}

/** What is known of containers, by id and by the function whose they are, with the one that was asked about last at the end. */
export class WatchTable<Watch extends Entry> {
  readonly #byId = new Map<string, Watch>()
  /** By key: the ids of its containers. */
  readonly #idsOf = new Map<string, Set<string>>()

  get(containerId: string): Watch | undefined {
    return this.#byId.get(containerId)
  }

  get ids(): string[] {
    return [...this.#byId.keys()]
  }

  /** Those of one function. */
  of(key: string): Watch[] {
    return [...(this.#idsOf.get(key) ?? [])].flatMap(id => this.#byId.get(id) ?? [])
  }

  /** Puts it at the end. */
  put(watch: Watch): void {
    const { key, containerId } = watch.target
    this.#byId.delete(containerId)
    this.#byId.set(containerId, watch)
    const ids = this.#idsOf.get(key)
    if (ids === undefined) this.#idsOf.set(key, new Set([containerId]))
    else ids.add(containerId)
  }

  /** What was there. */
  take(containerId: string): Watch | undefined {
    const watch = this.#byId.get(containerId)
    if (watch === undefined) return undefined
    this.#byId.delete(containerId)
    const { key } = watch.target
    const ids = this.#idsOf.get(key)
    ids?.delete(containerId)
    if (ids?.size === 0) this.#idsOf.delete(key)
    return watch
  }

  /** Ids of those that were asked about last before this instant of the monotonic clock. */
  askedBefore(instant: number): string[] {
    const ids: string[] = []
    for (const [containerId, { askedAt }] of this.#byId) {
      if (askedAt >= instant) break
      ids.push(containerId)
    }
    return ids
  }
}
