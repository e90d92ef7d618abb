import type { Clock } from '../clock.ts'
import type { InvocationStore, Retention } from '../store/invocation-store.ts'
import { CautiousClock } from './cautious-clock.ts'
import type { AsyncLog } from './dispatcher-deps.ts'

export interface RetentionDeps {
  readonly store: Pick<InvocationStore, 'prune' | 'trimDead' | 'counts'>
  readonly endedMs: number
  readonly deadMs: number
  readonly max: number
  /** Bytes that are kept of all dead letters. */
  readonly maxDeadBytes: number
  /** So many dead letters of a function were removed as there was no room for them. */
  readonly onDropped: (key: string, count: number) => void
  readonly clock: Clock
  readonly log: AsyncLog
}

const PERIOD_MS = 60_000
/** How far beyond the bound the number may go before somebody looks. */
const SLACK = 1000
const BYTES_SLACK = 1.25

/** Removes calls that have ended when they are old or too many. While there are none it does nothing. */
export class InvocationRetention {
  readonly #deps: RetentionDeps
  readonly #time: CautiousClock
  #timer: NodeJS.Timeout | undefined
  /** Those that are kept, about. */
  #kept = 0
  /** Of dead letters, at most. */
  #deadBytes = 0
  #pruning: Promise<void> | undefined

  constructor(deps: RetentionDeps) {
    this.#deps = deps
    this.#time = new CautiousClock(deps.clock)
  }

  async start(): Promise<void> {
    const counts = await this.#deps.store.counts()
    const ended = counts.filter(({ phase }) => phase === 'done' || phase === 'dead' || phase === 'cancelled')
    this.#kept = ended.reduce((sum, { count }) => sum + count, 0)
    this.#deadBytes = ended.reduce((sum, { phase, bytes }) => sum + (phase === 'dead' ? bytes : 0), 0)
    this.#timer = setInterval(() => this.#kept > 0 && this.#prune(), PERIOD_MS).unref()
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer)
    await this.#pruning
  }

  /** One more has ended, and so many bytes are kept of it. */
  note(bytes: number): void {
    const { max, maxDeadBytes } = this.#deps
    this.#kept++
    this.#deadBytes += bytes
    const isFull = this.#kept > 2 * max + SLACK || this.#deadBytes > BYTES_SLACK * maxDeadBytes
    if (isFull && this.#timer !== undefined) this.#prune()
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
    await this.#trimDead()
  }

  async #trimDead(): Promise<void> {
    const { store, maxDeadBytes, onDropped } = this.#deps
    const counts = new Map<string, number>()
    while (this.#deadBytes > maxDeadBytes) {
      const { dropped, bytes } = await store.trimDead(maxDeadBytes)
      for (const { namespace, name } of dropped) {
        const key = `${namespace}/${name}`
        counts.set(key, (counts.get(key) ?? 0) + 1)
      }
      this.#kept = Math.max(0, this.#kept - dropped.length)
      this.#deadBytes = bytes
      if (dropped.length === 0) break
    }
    for (const [key, count] of counts) onDropped(key, count)
  }
}
