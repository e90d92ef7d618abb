import { parseKey } from '../../api/meta.ts'
import type { Clock } from '../clock.ts'
import type { EventDraft, EventStore } from '../store/store.ts'
import type { AsyncLog } from './dispatcher-deps.ts'

export interface FunctionEventsDeps {
  readonly events: Pick<EventStore, 'record'>
  /** Uid of the function; undefined when it is gone, and nobody looks at its events. */
  readonly uidOf: (key: string) => string | undefined
  readonly clock: Clock
  readonly log: AsyncLog
}

/** What befalls many calls is written down once in this time, as each costs a write. */
const REST_MS = 10_000

/** Tells of faults of asynchronous calls where people look: among the events of the function. */
export class FunctionEvents {
  readonly #deps: FunctionEventsDeps
  readonly #toldAt = new Map<string, number>()
  constructor(deps: FunctionEventsDeps) {
    this.#deps = deps
  }

  warn(key: string, reason: EventDraft['reason'], message: string): void {
    const { events, uidOf, clock, log } = this.#deps
    const uid = uidOf(key)
    const now = clock.monotonic()
    const what = `${key} ${reason} ${message}`
    if (uid === undefined || now - (this.#toldAt.get(what) ?? Number.NEGATIVE_INFINITY) < REST_MS) return
    for (const [other, at] of this.#toldAt) if (now - at >= REST_MS) this.#toldAt.delete(other)
    this.#toldAt.set(what, now)
    events
      .record({ ...parseKey(key), uid, type: 'Warning', reason, message })
      .catch((err: unknown) => log.error({ err, key }, 'Failed to write down event'))
  }
}
