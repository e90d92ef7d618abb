/** Those who wait for something to change, by a look of their own at what it is. */
export class WakeUps {
  readonly #waiting = new Set<() => void>()

  /** Resolves at the next `wake`, or when `signal` is aborted. */
  next(signal: AbortSignal): Promise<void> {
    return new Promise(resolve => {
      const done = () => {
        this.#waiting.delete(done)
        signal.removeEventListener('abort', done)
        resolve()
      }
      if (signal.aborted) return resolve()
      this.#waiting.add(done)
      signal.addEventListener('abort', done)
    })
  }

  wake(): void {
    for (const done of [...this.#waiting]) done()
  }
}
