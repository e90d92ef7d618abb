import { FaasError } from '../../api/errors.ts'
import type { Clock } from '../clock.ts'
import type { Logger } from '../logging/logger.ts'
import { backoffMs } from './backoff.ts'
import type { Reconciler, Result } from './reconciler.ts'
import { systemTimers, type Timers } from './timers.ts'
import { Workqueue, type WorkqueueObserver } from './workqueue.ts'

/** What a controller tells of itself. */
export interface ControllerObserver {
  readonly reconciled: (result: 'success' | 'requeue' | 'error' | 'timeout', seconds: number) => void
  /** A pass threw what nobody throws on purpose. */
  readonly panicked: () => void
  /** A pass reached its deadline. */
  readonly timedOut: () => void
  readonly queue: WorkqueueObserver & { readonly retried: () => void }
}

export interface ControllerOptions {
  readonly reconciler: Reconciler
  /** How many keys are reconciled at the same time. */
  readonly concurrency: number
  /** A pass that takes longer is aborted. */
  readonly deadlineMs: number
  /** How long an aborted pass keeps its worker; 5 s when left out. */
  readonly graceMs?: number
  readonly log: Logger
  readonly metrics: ControllerObserver
  readonly clock: Pick<Clock, 'monotonic'>
  /** In [0, 1). */
  readonly random: () => number
  readonly timers?: Timers
}

const BASE_BACKOFF_MS = 200
const MAX_BACKOFF_MS = 5 * 60_000
const GRACE_MS = 5000

type Outcome = { readonly result: Result } | { readonly err: unknown }

interface Pass {
  readonly key: string
  readonly reconcileId: number
  readonly abort: AbortController
  readonly startedAt: number
  /** Whether its deadline aborted it. */
  late: boolean
}

/**
 * Runs passes of one reconciler: one at a time per key, each with a deadline, again when it asks for it, and again with
 * full-jitter back-off when it fails. An error with `retryable: false` waits for the next change instead; one with
 * `maxBackoffMs` comes back within that time.
 */
export class Controller {
  readonly name: string
  readonly #options: ControllerOptions
  readonly #timers: Timers
  readonly #graceMs: number
  readonly #queue: Workqueue
  /** Failures in a row. */
  readonly #failures = new Map<string, number>()
  readonly #passes = new Set<Pass>()
  /** Keys whose pass lost its worker and goes on → whether the key was due meanwhile. */
  readonly #overdue = new Map<string, boolean>()
  #lastId = 0
  #stopping = false

  constructor(options: ControllerOptions) {
    const { reconciler, concurrency, clock, metrics, timers = systemTimers, graceMs = GRACE_MS } = options
    this.name = reconciler.name
    this.#options = options
    this.#timers = timers
    this.#graceMs = graceMs
    this.#queue = new Workqueue({
      ...{ name: reconciler.name, concurrency, clock, timers, observer: metrics.queue, autoStart: false },
      work: key => this.#work(key)
    })
  }

  /** Keys that are due and wait. */
  get depth(): number {
    return this.#queue.depth
  }

  /** Passes under way. */
  get running(): number {
    return this.#passes.size
  }

  /** Keys that become due later. */
  get delayed(): number {
    return this.#queue.delayed
  }

  /** Keys whose last pass failed. */
  get failing(): number {
    return this.#failures.size
  }

  /** Whether the key is due or a pass of it is under way. */
  has(key: string): boolean {
    return this.#queue.has(key) || this.#overdue.has(key)
  }

  /** The key is due now. Says nothing about why, and leaves the count of its failures alone. */
  add(key: string): void {
    this.#queue.add(key)
  }

  /** The key is due now, and before those that wait: somebody asked for it. */
  addFirst(key: string): void {
    this.#queue.addFirst(key)
  }

  /** The key is due now, and waits for no worker: its pass is short. */
  addUrgent(key: string): void {
    this.#queue.addUrgent(key)
  }

  /** As `add`, but after all others that wait. */
  addLast(key: string): void {
    this.#queue.addLast(key)
  }

  /** The key is due in so many milliseconds, unless it is earlier anyway. */
  addAfter(key: string, ms: number): void {
    this.#queue.addAfter(key, ms)
  }

  /** Forgets the failures of a key, because what failed is not wanted any more: its spec changed. */
  forgive(key: string): void {
    this.#failures.delete(key)
  }

  /** Begins to work; keys that were added before are due. */
  start(): void {
    this.#queue.start()
  }

  /** Takes nothing new; lets passes end, aborts them after the grace, and gives up on them after another. */
  async stop(): Promise<void> {
    this.#stopping = true
    const stopped = this.#queue.stop()
    if (await this.#within(stopped, this.#graceMs)) return
    for (const pass of this.#passes) pass.abort.abort()
    if (await this.#within(stopped, this.#graceMs)) return
    this.#options.log.warn(
      { controller: this.name, keys: [...this.#passes].map(({ key }) => key) },
      'Left passes behind'
    )
  }

  /** Holds a worker until the pass ends, or its deadline and grace are over. Never rejects. */
  async #work(key: string): Promise<void> {
    if (this.#overdue.has(key)) {
      this.#overdue.set(key, true)
      return
    }
    const pass = this.#begin(key)
    const ended = this.#run(pass)
    if (await this.#within(ended, this.#options.deadlineMs + this.#graceMs)) {
      this.#settle(pass, await ended)
      return
    }
    this.#overdue.set(key, false)
    this.#logOf(pass).error({ seconds: this.#secondsOf(pass) }, 'Took worker from pass that ignores its deadline')
    void ended.then(outcome => this.#settleOverdue(pass, outcome))
  }

  #begin(key: string): Pass {
    const startedAt = this.#options.clock.monotonic()
    const pass = { key, reconcileId: ++this.#lastId, abort: new AbortController(), startedAt, late: false }
    this.#passes.add(pass)
    return pass
  }

  async #run(pass: Pass): Promise<Outcome> {
    const { reconciler, deadlineMs, metrics } = this.#options
    const deadline = this.#timers.set(() => {
      pass.late = true
      metrics.timedOut()
      pass.abort.abort(new DOMException(`pass took longer than ${deadlineMs} ms`, 'TimeoutError'))
    }, deadlineMs)
    try {
      return { result: await reconciler.reconcile(pass.key, pass.abort.signal) }
    } catch (err) {
      return { err }
    } finally {
      this.#timers.clear(deadline)
      this.#passes.delete(pass)
    }
  }

  #settle(pass: Pass, outcome: Outcome): void {
    if ('result' in outcome) this.#succeeded(pass, outcome.result)
    else this.#failed(pass, outcome.err)
  }

  /** NOTE: that it failed is logged already, when it lost its worker. */
  #settleOverdue(pass: Pass, outcome: Outcome): void {
    const due = this.#overdue.get(pass.key) === true
    this.#overdue.delete(pass.key)
    this.#logOf(pass).info({ seconds: this.#secondsOf(pass), ...outcome }, 'Ended pass that ignored its deadline')
    this.#options.metrics.reconciled('timeout', this.#secondsOf(pass))
    if (due) this.#queue.add(pass.key)
    else if ('err' in outcome) this.#retry(pass.key, outcome.err)
    else this.#requeue(pass.key, outcome.result)
  }

  #succeeded(pass: Pass, result: Result): void {
    this.#failures.delete(pass.key)
    this.#options.metrics.reconciled(result.requeueAfter === undefined ? 'success' : 'requeue', this.#secondsOf(pass))
    this.#requeue(pass.key, result)
  }

  #failed(pass: Pass, err: unknown): void {
    const { metrics } = this.#options
    metrics.reconciled(pass.late ? 'timeout' : 'error', this.#secondsOf(pass))
    const aborted = pass.abort.signal.aborted
    if (aborted && this.#stopping && !pass.late) {
      this.#logOf(pass).info({}, 'Gave up pass in order to stop')
      return
    }
    if (!(err instanceof FaasError) && !aborted) metrics.panicked()
    const retryInMs = this.#retry(pass.key, err)
    this.#logOf(pass).error({ err, ...(retryInMs === undefined ? {} : { retryInMs }) }, 'Failed to reconcile')
  }

  #requeue(key: string, { requeueAfter }: Result): void {
    if (requeueAfter !== undefined) this.#queue.addAfter(key, requeueAfter)
  }

  /** Milliseconds after which the key comes again; undefined when only a change can help. */
  #retry(key: string, err: unknown): number | undefined {
    if (propertyOf(err, 'retryable') === false) return undefined
    const failures = this.#failures.get(key) ?? 0
    this.#failures.set(key, failures + 1)
    const hint = propertyOf(err, 'maxBackoffMs')
    const capMs = typeof hint === 'number' ? Math.min(hint, MAX_BACKOFF_MS) : MAX_BACKOFF_MS
    const retryInMs = Math.round(backoffMs(failures, { baseMs: BASE_BACKOFF_MS, capMs }, this.#options.random))
    this.#options.metrics.queue.retried()
    this.#queue.addAfter(key, retryInMs)
    return retryInMs
  }

  /** Whether the promise settles before so many milliseconds are over. */
  async #within(promise: Promise<unknown>, ms: number): Promise<boolean> {
    const { promise: over, resolve } = Promise.withResolvers<boolean>()
    const timer = this.#timers.set(() => resolve(false), ms)
    try {
      return await Promise.race([promise.then(() => true), over])
    } finally {
      this.#timers.clear(timer)
    }
  }

  #secondsOf(pass: Pass): number {
    return (this.#options.clock.monotonic() - pass.startedAt) / 1000
  }

  #logOf({ key, reconcileId }: Pass): Logger {
    return this.#options.log.child({ controller: this.name, key, reconcileId })
  }
}

function propertyOf(err: unknown, name: string): unknown {
  return typeof err === 'object' && err !== null ? (err as Record<string, unknown>)[name] : undefined
}
