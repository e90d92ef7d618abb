import type { Clock } from '../clock.ts'
import type { InvocationStore, Retention } from '../store/invocation-store.ts'
import { CautiousClock } from './cautious-clock.ts'
import type { AsyncLog } from './dispatcher-deps.ts'

export interface RetentionDeps {
  readonly store: Pick<InvocationStore, 'prune' | 'counts'>
  readonly endedMs: number
  readonly deadMs: number
  readonly max: number
  readonly clock: Clock
  readonly log: AsyncLog
}

const PERIOD_MS = 60_000
/** How far beyond the bound the number may go before somebody looks. */
const SLACK = 1000

/** Removes calls that have ended when they are old or too many. While there are none it does nothing. */
export class InvocationRetention {
  readonly #deps: RetentionDeps
  readonly #time: CautiousClock
  #timer: NodeJS.Timeout | undefined
  /** Those that are kept, about. */
  #kept = 0
  #pruning: Promise<void> | undefined

  constructor(deps: RetentionDeps) {
    this.#deps = deps
    this.#time = new CautiousClock(deps.clock)
  }

  async start(): Promise<void> {
    const counts = await this.#deps.store.counts()
    const ended = counts.filter(({ phase }) => phase === 'done' || phase === 'dead' || phase === 'cancelled')
    this.#kept = ended.reduce((sum, { count }) => sum + count, 0)
    this.#timer = setInterval(() => this.#kept > 0 && this.#prune(), PERIOD_MS).unref()
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer)
    await this.#pruning
  }

  /** One more has ended. */
  note(): void {
    this.#kept++
    if (this.#kept > 2 * this.#deps.max + SLACK && this.#timer !== undefined) this.#prune()
  }

  #prune(): void {
    this.#pruning ??= this.#pruneAll()
      .catch((err: unknown) => this.#deps.log.error({ err }, 'Failed to remove old asynchronous calls'))
      .finally(() => {
        this.#pruning = undefined
      })
  }

  async #pruneAll(): Promise<void> {
    const { store, endedMs, deadMs, max } = this.#deps
    const now = this.#time.now()
    const retention: Retention = { endedBefore: now - endedMs, deadBefore: now - deadMs, max }
    for (let removed = 1; removed > 0; this.#kept = Math.max(0, this.#kept - removed)) {
      removed = await store.prune(retention)
    }
  }
}
