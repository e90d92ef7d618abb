/**
 * The worker's end of the question whether the loop has a key queued or running. Until the controller has answered, it may have; the
 * answer is for the calls that wait, and whoever comes later asks anew, as it may be otherwise by then.
 */
export class PendingAsks {
  readonly #send: (keys: readonly string[]) => void
  readonly #wake: (key: string) => void
  readonly #asked = new Set<string>()
  /** To be asked when this turn of the event loop is over. */
  readonly #next = new Set<string>()
  /** Of which the answer is being looked at. */
  #settled: string | undefined

  /** `wake` lets calls that wait for the key look again. */
  constructor(send: (keys: readonly string[]) => void, wake: (key: string) => void) {
    this.#send = send
    this.#wake = wake
  }

  readonly isPending = (key: string): boolean => {
    if (this.#settled === key) return false
    if (this.#asked.has(key)) return true
    this.#asked.add(key)
    if (this.#next.size === 0) setImmediate(() => this.#ask())
    this.#next.add(key)
    return true
  }

  /** The controller has answered. */
  answered(answers: readonly (readonly [key: string, isPending: boolean])[]): void {
    for (const [key, isPending] of answers) {
      this.#asked.delete(key)
      if (isPending) continue
      this.#settled = key
      this.#wake(key)
      this.#settled = undefined
    }
  }

  #ask(): void {
    const keys = [...this.#next]
    this.#next.clear()
    this.#send(keys)
  }
}
