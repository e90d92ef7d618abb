import { GoneError } from '../../api/errors.ts'
import type { Change } from './store.ts'
import { WakeUps } from './wake-ups.ts'

/** How many changes are kept for watchers that come back. */
const KEPT_CHANGES = 1000

/**
 * The last changes, in memory, and those who follow them. A watcher is only a position in the ring: it holds no changes
 * of its own, so one that stands still costs nothing and is ended once the ring has passed it.
 */
export class ChangeFeed {
  readonly #ring: Change[] = []
  /** How many changes left the ring; the position of its first one. */
  #dropped = 0
  /** The version from which on every change is in the ring. */
  #floor: number
  #current: number
  #closed = false
  readonly #watchers = new WakeUps()
  readonly #listeners = new Set<(change: Change) => void>()

  constructor(resourceVersion: number) {
    this.#floor = resourceVersion
    this.#current = resourceVersion
  }

  get resourceVersion(): number {
    return this.#current
  }

  /** Keeps the change and tells everyone. Every listener is called; gives what they threw. */
  push(change: Change): unknown[] {
    this.#ring.push(change)
    this.#current = change.object.metadata.resourceVersion
    while (this.#ring.length > KEPT_CHANGES) {
      this.#floor = this.#ring.shift()?.object.metadata.resourceVersion ?? this.#floor
      this.#dropped++
    }
    this.#watchers.wake()
    const failures: unknown[] = []
    for (const listener of [...this.#listeners]) {
      try {
        listener(change)
      } catch (err) {
        failures.push(err)
      }
    }
    return failures
  }

  /** The version has grown without a change. Who watches from before must list again: changes of another database were skipped. */
  raise(resourceVersion: number): void {
    if (resourceVersion <= this.#current) return
    this.#current = resourceVersion
    this.#floor = resourceVersion
    this.#dropped += this.#ring.splice(0).length
    this.#watchers.wake()
  }

  listen(listener: (change: Change) => void): () => void {
    const own = (change: Change) => listener(change) // the same function may listen twice
    this.#listeners.add(own)
    return () => void this.#listeners.delete(own)
  }

  /** Throws `GoneError` at once, before the first change is asked for. */
  watch(resourceVersion: number, signal: AbortSignal): AsyncIterable<Change> {
    if (resourceVersion < this.#floor || resourceVersion > this.#current) {
      throw new GoneError(resourceVersion, this.#floor)
    }
    const later = this.#ring.findIndex(change => change.object.metadata.resourceVersion > resourceVersion)
    const start = this.#dropped + (later < 0 ? this.#ring.length : later)
    return this.#follow({ position: start, seen: resourceVersion }, signal)
  }

  /** Ends every watch, after what it has not read yet. */
  close(): void {
    this.#closed = true
    this.#watchers.wake()
  }

  async *#follow(from: { position: number; seen: number }, signal: AbortSignal): AsyncGenerator<Change> {
    let { position, seen } = from
    while (!signal.aborted) {
      if (position < this.#dropped) throw new GoneError(seen, this.#floor)
      const change = this.#ring[position - this.#dropped]
      if (change !== undefined) {
        position++
        seen = change.object.metadata.resourceVersion
        yield change
      } else if (this.#closed) return
      else await this.#watchers.next(signal)
    }
  }
}
