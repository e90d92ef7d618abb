/** At most `max` keys, of which the one that was not asked for longest goes first. */
export class LruSet {
  readonly #max: number
  readonly #keys = new Set<string>()
  readonly #onDropped: (key: string) => void

  constructor(max: number, onDropped: (key: string) => void = () => undefined) {
    this.#max = max
    this.#onDropped = onDropped
  }

  get size(): number {
    return this.#keys.size
  }

  has(key: string): boolean {
    if (!this.#keys.delete(key)) return false
    this.#keys.add(key)
    return true
  }

  add(key: string): void {
    this.#keys.delete(key)
    this.#keys.add(key)
    if (this.#keys.size <= this.#max) return
    const [oldest = ''] = this.#keys
    this.#keys.delete(oldest)
    this.#onDropped(oldest)
  }
}
