/** So much waits for a reader at most, for each of many that put something in. */
const CAPACITY = 16

/**
 * What several put in and one takes out, in the order of coming. Who puts in waits until there is room: so a reader that is slow
 * holds up those who write for it, and costs no more memory.
 */
export class Mailbox<T> {
  readonly #items: T[] = []
  #isClosed = false
  #failure: unknown
  #onItem: () => void = () => undefined
  readonly #waiting: (() => void)[] = []

  /** Done when there is room and the item is in; nothing comes of it after the end. */
  async put(item: T): Promise<void> {
    while (this.#items.length >= CAPACITY && !this.#isClosed) {
      await new Promise<void>(resolve => this.#waiting.push(resolve))
    }
    if (this.#isClosed) return
    this.#items.push(item)
    this.#onItem()
  }

  /** What is in is taken yet, then the reader ends: by throwing, where a failure is given. */
  close(failure?: unknown): void {
    if (this.#isClosed) return
    this.#isClosed = true
    this.#failure = failure
    this.#onItem()
    for (const resolve of this.#waiting.splice(0)) resolve()
  }

  /** For one reader. */
  async *take(): AsyncGenerator<T> {
    while (true) {
      const item = this.#items.shift()
      this.#waiting.shift()?.()
      if (item !== undefined) yield item
      else if (this.#failure !== undefined) throw this.#failure
      else if (this.#isClosed) return
      else
        await new Promise<void>(resolve => {
          this.#onItem = resolve
        })
    }
  }
}
