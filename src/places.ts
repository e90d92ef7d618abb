export interface PlacesOptions {
  /** So many are taken at a time. */
  readonly max: number
  /** Told how many are taken. */
  readonly onTaken: (count: number) => void
  /** Told that somebody got none. */
  readonly onRefused: () => void
}

/** What callers take for as long as they stay, such as those who watch. */
export class Places {
  readonly #options: PlacesOptions
  #taken = 0
  readonly #byToken = new Map<string, number>()

  constructor(options: PlacesOptions) {
    this.#options = options
  }

  /**
   * Whether there was one; it is free again when `signal` aborts. All who come with one token have half of the places at most, so that
   * it keeps nobody else away; `tokenId` is undefined for passwords and sessions.
   */
  take(tokenId: string | undefined, signal: AbortSignal): boolean {
    if (signal.aborted) return true
    const { max, onRefused } = this.#options
    const own = tokenId === undefined ? 0 : (this.#byToken.get(tokenId) ?? 0)
    if (this.#taken >= max || own >= Math.ceil(max / 2)) {
      onRefused()
      return false
    }
    this.#count(1, tokenId)
    signal.addEventListener('abort', () => this.#count(-1, tokenId), { once: true })
    return true
  }

  #count(change: 1 | -1, tokenId: string | undefined): void {
    this.#taken += change
    this.#options.onTaken(this.#taken)
    if (tokenId === undefined) return
    const own = (this.#byToken.get(tokenId) ?? 0) + change
    if (own === 0) this.#byToken.delete(tokenId)
    else this.#byToken.set(tokenId, own)
  }
}
