import { RETRY_DEFAULTS } from '../../api/call-settings.ts'
import type { InvocationPhase } from '../../api/invocation.ts'
import { payloadBytes } from '../store/invocation-rows.ts'
import type { ClaimedInvocation, MovedInvocation, Settlement } from '../store/invocation-store.ts'
import { CallRuns } from './call-runs.ts'
import type { DispatcherDeps } from './dispatcher-deps.ts'
import type { Lane, Work } from './lanes.ts'
import { longestWaitMs } from './outcome.ts'
import { CALLBACK_BACKOFF, settlementOfCall, settlementOfCallback } from './settlement.ts'

/** How long a call is its owner's without a sign of life. */
export const LEASE_MS = 60_000
/** How soon the store is asked again after it failed. */
const STORE_RETRY_MS = 1000
const MAX_STORE_RETRY_MS = 30_000
/** Callbacks under way, of all functions and of one. */
const CALLBACKS = 32
const CALLBACKS_PER_FUNCTION = 4
/** The longest that Node's timers can wait. */
const MAX_TIMER_MS = 2 ** 31 - 1

/**
 * Carries out what the lanes have: takes calls that are due under a lease, as many at a time as there may be and of each function
 * alike, and writes down what became of them. It acts when something has changed, or the next call is due, and else not at all.
 */
export class Dispatcher {
  readonly #deps: DispatcherDeps
  readonly #runs: CallRuns
  readonly #taken: Record<Work, number> = { queued: 0, reporting: 0 }
  #state: 'idle' | 'running' | 'stopping' | 'stopped' = 'idle'
  #isWoken = false
  #timer: NodeJS.Timeout | undefined
  /** Where the next round begins, so that no function is always the first. */
  #turn = 0

  constructor(deps: DispatcherDeps) {
    this.#deps = deps
    this.#runs = new CallRuns({ ...deps, leaseMs: LEASE_MS, onBack: moved => this.moved(moved) })
  }

  /** Calls and callbacks under way. */
  get running(): number {
    return this.#runs.count
  }

  /** Takes over what an earlier process left, and begins. */
  async start(): Promise<void> {
    const { store, lanes, owner, clock } = this.#deps
    while ((await store.takeBack({ owner, now: clock.now(), all: true })).length > 0);
    lanes.load(await store.counts(), clock.now())
    this.#state = 'running'
    this.wake()
  }

  /** Takes no more calls. Those under way go on. */
  pause(): void {
    this.#state = 'stopping'
    clearTimeout(this.#timer)
  }

  /** Ends what is under way and waits until it is written down: whatever had no answer is carried out by the next process. */
  async stop(): Promise<void> {
    this.pause()
    this.#runs.abortAll(new Error('the gateway is being stopped'))
    await this.#runs.whenEmpty()
    this.#state = 'stopped'
  }

  /** Something has changed: looks, in a moment, for what can be done. */
  wake(): void {
    if (this.#isWoken || this.#state !== 'running') return
    this.#isWoken = true
    setImmediate(() => {
      this.#isWoken = false
      if (this.#state === 'running') this.#look()
    })
  }

  /** Follows what was done to calls by others; those that were cancelled are broken off. */
  moved(moved: readonly MovedInvocation[]): void {
    this.#deps.lanes.move(moved, this.#deps.clock.now())
    for (const { id, to } of moved) if (to === 'cancelled') this.#runs.abort(id, new Error('the call was cancelled'))
    this.wake()
  }

  /**
   * Makes dead letters of the calls of functions that are not written down any more; of one when it is named. Never rejects: while
   * the store fails it tries again, as nothing else would look at those calls.
   */
  async buryGone(only?: string): Promise<void> {
    for (let waitMs = STORE_RETRY_MS; ; waitMs = Math.min(waitMs * 2, MAX_STORE_RETRY_MS)) {
      try {
        await this.#buryAll(only)
        return
      } catch (err) {
        if (this.#state === 'stopping' || this.#state === 'stopped') return
        this.#deps.log.error({ err, key: only }, 'Failed to dead-letter calls')
        await this.#runs.pause(waitMs)
      }
    }
  }

  async #buryAll(only: string | undefined): Promise<void> {
    const { lanes, isWritten, store, clock } = this.#deps
    const some = only === undefined ? [...lanes.all()] : [lanes.find(only)].filter(lane => lane !== undefined)
    for (const { key, namespace, name } of some) {
      if (await isWritten(key)) continue
      for (;;) {
        const moved = await store.bury(namespace, name, clock.now())
        if (moved.length === 0) break
        for (const _ of moved) this.#deps.metrics.processed(key, 'FunctionDeleted')
        this.#deps.log.warn({ key, count: moved.length }, 'Dead-lettered calls of deleted function')
        this.moved(moved)
      }
    }
  }

  #look(): void {
    const now = this.#deps.clock.now()
    this.#takeDue('reporting', CALLBACKS, now)
    this.#takeDue('queued', this.#deps.limits.concurrency, now)
    this.#wakeLater(now)
  }

  #takeDue(work: Work, most: number, now: number): void {
    const due = [...this.#deps.lanes.all()].filter(lane => this.#isDue(lane, work, now) && this.#roomOf(lane, work) > 0)
    const start = due.length === 0 ? 0 : this.#turn++ % due.length
    const inTurn = [...due.slice(start), ...due.slice(0, start)]
    for (const [at, lane] of inTurn.entries()) {
      const free = most - this.#taken[work]
      if (free <= 0) return
      const share = Math.ceil(free / (inTurn.length - at))
      void this.#take(lane, work, Math.min(share, this.#roomOf(lane, work)))
    }
  }

  /** Also when the clock was set back, and what was due is ahead. */
  #isDue(lane: Lane, work: Work, now: number): boolean {
    const at = lane.dueAt[work]
    return at <= now || (at < Number.POSITIVE_INFINITY && at > this.#farthest(lane, work, now))
  }

  /** Nothing of the lane waits beyond this time. */
  #farthest({ key }: Lane, work: Work, now: number): number {
    const longestMs =
      work === 'reporting'
        ? CALLBACK_BACKOFF.maxWaitMs
        : longestWaitMs(this.#deps.settingsOf(key)?.retry ?? RETRY_DEFAULTS)
    return now + longestMs + STORE_RETRY_MS
  }

  /** Whether answers that callbacks wait for take all the room that there is: no more are made before some are gone. */
  #isFullOfResults({ bytes, waiting, busy, settling }: Lane): boolean {
    const { lanes, limits } = this.#deps
    if (waiting.reporting + busy.reporting + settling === 0) return false
    return bytes > limits.maxBytes / 2 || lanes.bytes > limits.maxBytes
  }

  /** How many more of the lane may be taken now. */
  #roomOf(lane: Lane, work: Work): number {
    if (lane.waiting[work] <= 0 || lane.isClaiming[work]) return 0
    const settings = this.#deps.settingsOf(lane.key)
    if (work === 'queued' && (settings === undefined || this.#isFullOfResults(lane))) return 0
    const most =
      work === 'reporting' ? CALLBACKS_PER_FUNCTION : (settings?.asyncConcurrency ?? this.#deps.limits.perFunction)
    return Math.min(most - lane.busy[work], lane.waiting[work])
  }

  async #take(lane: Lane, work: Work, limit: number): Promise<void> {
    const { store, lanes, owner, clock, log } = this.#deps
    const { namespace, name } = lane
    this.#taken[work] += limit
    lane.isClaiming[work] = true
    // What comes from now on sets it again.
    lane.dueAt[work] = Number.POSITIVE_INFINITY
    let left = limit
    try {
      const now = clock.now()
      const claims = await store.claim({
        ...{ namespace, name, phase: work, limit, owner, now },
        ...{ farthest: this.#farthest(lane, work, now), leaseUntil: now + LEASE_MS }
      })
      lane.dueAt[work] = Math.min(lane.dueAt[work], claims.nextDueAt ?? Number.POSITIVE_INFINITY)
      for (const call of claims.claimed) {
        left--
        lanes.take(lane, work)
        this.#run(lane, work, call).catch((err: unknown) => {
          log.error({ err, key: lane.key, id: call.id }, 'Failed to carry out asynchronous call')
        })
      }
    } catch (err) {
      log.error({ err, key: lane.key }, 'Failed to take asynchronous calls')
      lane.dueAt[work] = clock.now() + STORE_RETRY_MS
    } finally {
      lane.isClaiming[work] = false
      this.#taken[work] -= left
      this.wake()
    }
  }

  /** One call from when it was taken to when it is written down what became of it. */
  async #run(lane: Lane, work: Work, call: ClaimedInvocation): Promise<void> {
    const { lanes, metrics, clock } = this.#deps
    if (work === 'queued') metrics.inflight(lane.key, 1)
    const [settlement, to] = await this.#runs.run(call, async signal => {
      const settlement = await this.#settlementOf(work, call, signal)
      // There is room for another, which is taken in the transaction in which this one is written down.
      lanes.end(lane, work, grownOf(call, settlement))
      this.#taken[work]--
      if (work === 'queued') metrics.inflight(lane.key, -1)
      this.wake()
      return [settlement, await this.#settle(call, settlement)] as const
    })
    const { storedBytes: bytes } = call
    const bytesAfter = bytesAfterOf(call, settlement)
    const dueAt = dueAtOf(settlement, clock.now())
    lanes.settle(lane, { phase: to, bytes, bytesAfter, grown: grownOf(call, settlement), dueAt })
    if (to === 'done' || to === 'dead' || to === undefined) this.#deps.onEnded(to === 'dead' ? bytesAfter : 0)
    this.wake()
    const isUnknown = settlement.kind === 'return' && this.#deps.settingsOf(lane.key) === undefined
    if (isUnknown && this.#state === 'running') await this.buryGone(lane.key)
  }

  #settlementOf(work: Work, call: ClaimedInvocation, signal: AbortSignal): Promise<Settlement> {
    const isStopping = () => this.#state !== 'running'
    return work === 'queued'
      ? settlementOfCall(call, this.#deps, { signal, isStopping })
      : settlementOfCallback(call, this.#deps, signal)
  }

  /** Writes it down; for as long as the store fails, tries again: nothing but the lease is lost when the process ends first. */
  async #settle(call: ClaimedInvocation, settlement: Settlement): Promise<InvocationPhase | undefined> {
    const { store, owner, clock, log } = this.#deps
    for (let waitMs = STORE_RETRY_MS; ; waitMs = Math.min(waitMs * 2, MAX_STORE_RETRY_MS)) {
      try {
        return await store.settle(call.seq, owner, settlement, clock.now())
      } catch (err) {
        log.error({ err, id: call.id }, 'Failed to write down outcome of asynchronous call')
        if (this.#state !== 'running') return undefined
        await this.#runs.pause(waitMs)
      }
    }
  }

  /** Comes back when the next call is due. */
  #wakeLater(now: number): void {
    clearTimeout(this.#timer)
    let next = Number.POSITIVE_INFINITY
    for (const { dueAt } of this.#deps.lanes.all()) {
      // What is due now waits for room, and is looked at when there is some.
      for (const at of [dueAt.queued, dueAt.reporting]) if (at > now) next = Math.min(next, at)
    }
    if (next === Number.POSITIVE_INFINITY) return
    this.#timer = setTimeout(() => this.wake(), Math.min(next - now, MAX_TIMER_MS)).unref()
  }
}

/** What is kept of a call of which this was written down. */
function bytesAfterOf({ storedBytes, callbackUrl }: ClaimedInvocation, settlement: Settlement): number {
  if (settlement.kind !== 'end' || callbackUrl === undefined) return storedBytes
  return (settlement.reason === undefined ? 0 : storedBytes) + payloadBytes(settlement.result)
}

/** How much of it is counted before it is written down, so that no others are taken in the place that it needs. */
function grownOf(call: ClaimedInvocation, settlement: Settlement): number {
  return Math.max(0, bytesAfterOf(call, settlement) - call.storedBytes)
}

function dueAtOf(settlement: Settlement, now: number): number {
  return 'dueAt' in settlement && settlement.dueAt !== undefined ? settlement.dueAt : now
}
