/** At most `max` keys, of which the one that was not asked for longest goes first. */
export class LruSet {
  readonly #max: number
  readonly #keys = new Set<string>()
  readonly #onDropped: (key: string) => void
  /** The one that was asked for last: it stays where it is. */
  #last: string | undefined

  constructor(max: number, onDropped: (key: string) => void = () => undefined) {
    this.#max = max
    this.#onDropped = onDropped
  }

  get size(): number {
    return this.#keys.size
  }

  has(key: string): boolean {
    if (key === this.#last) return true
    if (!this.#keys.delete(key)) return false
    this.#keys.add(key)
    this.#last = key
    return true
  }

  add(key: string): void {
    this.#keys.delete(key)
    this.#keys.add(key)
    this.#last = key
    if (this.#keys.size <= this.#max) return
    const [oldest = ''] = this.#keys
    this.#keys.delete(oldest)
    if (oldest === this.#last) this.#last = undefined
    this.#onDropped(oldest)
  }
}
