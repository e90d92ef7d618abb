import { parseKey } from '../api/meta.ts'
import type { Logger } from '../src/logging/logger.ts'
import type { EventStore } from '../src/store/store.ts'

export interface QuotaNotesDeps {
  readonly events: Pick<EventStore, 'record'>
  readonly log: Logger
}

/** Functions that are remembered: of those before them it may be told again. */
const MAX_TOLD = 1000

/** Tells, once until there was room again, that a function has fewer replicas than its calls ask for, as its namespace has no room. */
export class QuotaNotes {
  readonly #deps: QuotaNotesDeps
  /** Uid by key: a function that is made again is another one. */
  readonly #told = new Map<string, string>()

  constructor(deps: QuotaNotesDeps) {
    this.#deps = deps
  }

  /** It wants more replicas than the quota of its namespace leaves it. */
  async reached(key: string, uid: string, { wanted, left }: { wanted: number; left: number }): Promise<void> {
    if (this.#told.get(key) === uid) return
    this.#told.set(key, uid)
    const [oldest = key] = this.#told.keys()
    if (this.#told.size > MAX_TOLD) this.#told.delete(oldest)
    const { events, log } = this.#deps
    const { namespace, name } = parseKey(key)
    log.warn({ key, wanted, left }, 'Reached quota of namespace')
    const message =
      `the quota of namespace ${namespace} leaves it ${left} replicas of ${wanted} that its calls ask for: ` +
      `raise the quota, or scale other functions down`
    try {
      await events.record({ namespace, name, uid, type: 'Warning', reason: 'QuotaReached', message })
    } catch (err) {
      // What was decided holds; it is told again.
      this.#told.delete(key)
      log.warn({ err, key }, 'Lost event')
    }
  }

  /** It has what it wants, or is gone. */
  forget(key: string): void {
    this.#told.delete(key)
  }
}
