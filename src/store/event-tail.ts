import type { FaasEvent } from '../../api/event.ts'

const KEPT = 100

/**
 * The events that were recorded last, the oldest first, in memory. All who watch go by it: a look into the database of each of them, at
 * each event, would hold up everything else.
 */
export class EventTail {
  #events: FaasEvent[] = []
  /** The position after which every event is in it. */
  #floor: number

  constructor(resourceVersion: number) {
    this.#floor = resourceVersion
  }

  /** One that happened again takes the place of what it was before. */
  push(event: FaasEvent): void {
    this.#events = [...this.#events.filter(({ id }) => id !== event.id), event]
    while (this.#events.length > KEPT) this.#floor = this.#events.shift()?.resourceVersion ?? this.#floor
  }

  /** Those after the position; undefined when it does not reach back so far. */
  after(position: number): readonly FaasEvent[] | undefined {
    if (position < this.#floor) return undefined
    return this.#events.slice(this.#events.findLastIndex(({ resourceVersion }) => resourceVersion <= position) + 1)
  }

  /** Whoever gets the name of the namespace next is told nothing of them. */
  forget(namespace: string): void {
    this.#events = this.#events.filter(event => event.namespace !== namespace)
  }
}
