import { keyOf } from '../../api/meta.ts'
import type { FunctionMetrics } from '../metrics/function-calls.ts'
import type { Metrics } from '../metrics/metrics.ts'
import type { Component } from '../runtime/manager.ts'
import { systemTimers, type Timers } from '../runtime/timers.ts'
import type { InvocationCountStore } from '../store/invocation-counts.ts'
import type { Change, FunctionStore } from '../store/store.ts'

export interface InvocationCountsDeps {
  readonly store: {
    readonly functions: Pick<FunctionStore, 'list' | 'onChange'>
    readonly invocationCounts: InvocationCountStore
  }
  readonly metrics: Pick<Metrics, 'knownFunctionMetrics' | 'observeStoreOperation'>
  readonly log: { readonly warn: (fields: object, message: string) => void }
  readonly timers?: Timers
}

/** Counts are written down this often; a gateway that is killed loses what came since. */
const EVERY_MS = 3000

interface Count {
  readonly uid: string
  /** Without what `meter` has counted beyond `seen`. */
  total: number
  written: number
  /** Counts from 0 in each process, and anew for a new function of the name. */
  meter: Pick<FunctionMetrics, 'invocations'> | undefined
  seen: number
}

/** How often each function was called since it was made, though the gateway starts anew in between. */
export class InvocationCountsComponent implements Component {
  readonly name = 'invocation-counts'
  readonly #deps: InvocationCountsDeps
  readonly #timers: Timers
  readonly #counts = new Map<string, Count>()
  #timer: unknown
  #stopListening: (() => void) | undefined
  #hasFailed = false
  #isStopped = false

  constructor(deps: InvocationCountsDeps) {
    this.#deps = deps
    this.#timers = deps.timers ?? systemTimers
  }

  /** Calls that have finished. */
  countOf(key: string): number {
    const count = this.#counts.get(key)
    return count === undefined ? 0 : this.#upToDate(key, count).total
  }

  async start(): Promise<void> {
    const { functions, invocationCounts } = this.#deps.store
    this.#stopListening = functions.onChange(change => this.#note(change))
    const written = await invocationCounts.list()
    for (const { metadata } of await functions.list()) {
      const total = written.get(metadata.uid) ?? 0
      this.#counts.set(keyOf(metadata), { uid: metadata.uid, total, written: total, meter: undefined, seen: 0 })
    }
    this.#timer = this.#timers.set(() => void this.#tick(), EVERY_MS)
  }

  /** Writes what is not written yet. */
  async stop(): Promise<void> {
    this.#timers.clear(this.#timer)
    this.#isStopped = true
    this.#stopListening?.()
    await this.#write()
  }

  async #tick(): Promise<void> {
    await this.#write()
    if (!this.#isStopped) this.#timer = this.#timers.set(() => void this.#tick(), EVERY_MS)
  }

  #note({ type, object: { metadata } }: Change): void {
    const key = keyOf(metadata)
    const known = this.#counts.get(key)
    if (type === 'DELETED') {
      if (known?.uid === metadata.uid) this.#counts.delete(key)
    } else if (known?.uid !== metadata.uid) {
      const meter = this.#deps.metrics.knownFunctionMetrics(key)
      this.#counts.set(key, { uid: metadata.uid, total: 0, written: 0, meter, seen: meter?.invocations ?? 0 })
    }
  }

  #upToDate(key: string, count: Count): Count {
    const meter = this.#deps.metrics.knownFunctionMetrics(key)
    if (meter !== count.meter) {
      count.meter = meter
      count.seen = 0
    }
    if (meter === undefined) return count
    count.total += meter.invocations - count.seen
    count.seen = meter.invocations
    return count
  }

  /** Writes the counts that have changed. Those that cannot be written are tried again with the next ones. */
  async #write(): Promise<void> {
    const changed = [...this.#counts]
      .map(([key, count]) => this.#upToDate(key, count))
      .filter(({ total, written }) => total !== written)
    if (changed.length === 0) return
    const totals = new Map(changed.map(({ uid, total }) => [uid, total]))
    const startedAt = performance.now()
    const tell = (status: 'success' | 'error') =>
      this.#deps.metrics.observeStoreOperation('putInvocationCounts', status, (performance.now() - startedAt) / 1000)
    try {
      await this.#deps.store.invocationCounts.put(totals)
      for (const count of changed) count.written = totals.get(count.uid) ?? count.written
      this.#hasFailed = false
      tell('success')
    } catch (err) {
      tell('error')
      if (!this.#hasFailed) this.#deps.log.warn({ err }, 'Failed to write down counts of calls')
      this.#hasFailed = true
    }
  }
}
