import type { FunctionObject } from '../../api/function.ts'
import { parseKey } from '../../api/meta.ts'
import { type Clock, toTimestamp } from '../../src/clock.ts'
import type { Logger } from '../../src/logging/logger.ts'
import type { Reconciler, Result } from '../../src/runtime/reconciler.ts'
import type { EventStore, FunctionStore } from '../../src/store/store.ts'
import { QuotaNotes } from '../quota-notes.ts'
import { type BoundsPolicy, boundsOf } from './bounds.ts'
import { type Change, type Decision, decide, demandOf, type Peak, type Subject } from './decide.ts'
import type { LoadSampler } from './observe.ts'
import type { Known, Subjects } from './subjects.ts'
import { PeakWindow } from './window.ts'

export interface AutoscalerDeps {
  readonly functions: Pick<FunctionStore, 'putScale'>
  readonly events: Pick<EventStore, 'record'>
  readonly subjects: Subjects
  readonly sampler: Pick<LoadSampler, 'loadOf'>
  readonly policy: BoundsPolicy
  /** How many replicas the network of a function holds; undefined when it is not known. */
  readonly capacityOf: (key: string) => number | undefined
  /** It waits for a person, and is left as it is. */
  readonly isHeld: (key: string) => boolean
  /** Whether every function has been looked at since the start; before, nothing is decided. All keys come again then. */
  readonly isReady: () => boolean
  /** Scales down to the most of so long; a function's own label wins. */
  readonly downMs: number
  readonly stepMax: number
  /** Makes the function controller look at a function. */
  readonly enqueue: (key: string) => void
  readonly onDecision: (decision: Decision) => void
  readonly clock: Clock
  readonly log: Logger
}

/** A function that waits for a person is looked at again after so long. */
const HELD_MS = 30_000
/** Somebody was quicker to write the function down; what was to be done may be due still. */
const AGAIN_MS = 1000
/** Its namespace had no room for more replicas; not asked in every tick. */
const NO_ROOM_MS = 5000

/** Decides how many replicas a function has, and whether it is frozen, by its calls. The only thing that it changes is what is wanted. */
export class AutoscalerReconciler implements Reconciler {
  readonly name = 'autoscaler'
  readonly #deps: AutoscalerDeps
  /** What was wanted lately of the functions that have more replicas than their least, or want more. */
  readonly #peaks = new Map<string, PeakWindow>()
  /** How many replicas each of these was last seen with. */
  readonly #seen = new Map<string, number>()
  /** Until when no more replicas are asked for, as the quota left none; monotonic milliseconds. */
  readonly #noRoomUntil = new Map<string, number>()
  readonly #notes: QuotaNotes

  constructor(deps: AutoscalerDeps) {
    this.#deps = deps
    this.#notes = new QuotaNotes(deps)
  }

  async reconcile(key: string): Promise<Result> {
    const { subjects, isReady, isHeld, onDecision, clock } = this.#deps
    const known = subjects.get(key)
    if (known === undefined) {
      this.#forget(key)
      this.#free(key)
      return {}
    }
    if (!isReady()) return {}
    if (isHeld(key)) return { requeueAfter: HELD_MS }
    const decision = this.#decide(key, known)
    if (decision.kind === 'hold') {
      onDecision(decision)
      return decision.until === undefined ? {} : { requeueAfter: Math.max(1, decision.until - clock.monotonic()) }
    }
    const restMs = (this.#noRoomUntil.get(key) ?? 0) - clock.monotonic()
    if (decision.direction === 'up' && restMs > 0) return this.#holdForQuota(restMs)
    return this.#carryOut(key, known)
  }

  /** Decides again on what the database holds, so that neither a call nor a person is overlooked who came meanwhile. */
  async #carryOut(key: string, known: Known): Promise<Result> {
    const { functions, subjects, clock } = this.#deps
    const changes: { readonly change: Change; readonly before: FunctionObject; readonly wanted: number }[] = []
    const written = await functions.putScale(key, known.uid, (before, most) => {
      const change = this.#decide(key, subjects.read(before))
      if (change.kind === 'hold') return undefined
      const { isFrozen } = change
      const replicas = Math.min(change.replicas, most)
      changes.push({ change: { ...change, replicas }, before, wanted: change.replicas })
      if (change.direction === 'up' && replicas <= before.spec.replicas) return undefined
      return { replicas, ...(isFrozen ? { scale: { frozenSince: toTimestamp(clock.now()) } } : {}) }
    })
    const done = changes.at(-1)
    if (written === undefined) return {}
    if (done === undefined) return { requeueAfter: AGAIN_MS }
    const { change, before, wanted } = done
    this.#seen.set(key, change.replicas)
    if (change.direction !== 'up' || change.replicas > before.spec.replicas) await this.#tell(key, change, before)
    return change.replicas < wanted ? this.#limit(key, known.uid, { wanted, left: change.replicas }) : this.#free(key)
  }

  /** The quota of its namespace leaves it fewer than its load asks for: that may change, and is asked again. */
  async #limit(key: string, uid: string, counts: { wanted: number; left: number }): Promise<Result> {
    this.#noRoomUntil.set(key, this.#deps.clock.monotonic() + NO_ROOM_MS)
    await this.#notes.reached(key, uid, counts)
    return this.#holdForQuota(NO_ROOM_MS)
  }

  #holdForQuota(requeueAfter: number): Result {
    this.#deps.onDecision({ kind: 'hold', reason: 'quota' })
    return { requeueAfter }
  }

  #free(key: string): Result {
    this.#noRoomUntil.delete(key)
    this.#notes.forget(key)
    return {}
  }

  async #tell(key: string, change: Change, { metadata, spec }: FunctionObject): Promise<void> {
    const { events, enqueue, onDecision, log } = this.#deps
    const { direction, reason, replicas } = change
    enqueue(key)
    onDecision(change)
    log.info({ key, from: spec.replicas, to: replicas, direction, reason }, 'Scaled function')
    // That it is frozen, and that a call brought it back, is told when it is so.
    if ((direction === 'freeze' || direction === 'thaw') && replicas === spec.replicas) return
    const { namespace, name } = parseKey(key)
    const message = messageOf(change, spec.replicas)
    await events.record({ namespace, name, uid: metadata.uid, type: 'Normal', reason: 'Scaled', message })
  }

  #decide(key: string, known: Known): Decision {
    const { sampler, policy, capacityOf, stepMax, clock } = this.#deps
    const now = clock.monotonic()
    const bounds = boundsOf(known.labels, policy, capacityOf(key))
    const subject: Subject = { ...known, bounds }
    const load = sampler.loadOf(key, known.scaling.type, known.wantedAt)
    const demand = demandOf(subject, load, now)
    const peak = this.#peakOf(key, subject, demand.replicas ?? known.replicas)
    return decide(subject, { load, demand, peak }, { stepMax, now })
  }

  /** Notes what is wanted now. What somebody else wrote down was wanted then, and holds for a window, too. */
  #peakOf(key: string, { scaling, bounds, replicas }: Subject, wanted: number): Peak | undefined {
    const { downMs, clock } = this.#deps
    if (replicas <= bounds.min && wanted <= bounds.min) {
      this.#forget(key)
      return undefined
    }
    const now = clock.monotonic()
    const window = this.#peaks.get(key) ?? new PeakWindow()
    this.#peaks.set(key, window)
    window.put(now, this.#seen.get(key) === replicas ? wanted : Math.max(wanted, replicas))
    this.#seen.set(key, replicas)
    return window.most({ ms: scaling.downWindowMs ?? downMs, now })
  }

  #forget(key: string): void {
    this.#peaks.delete(key)
    this.#seen.delete(key)
  }
}

function messageOf({ direction, reason, replicas }: Change, from: number): string {
  switch (direction) {
    case 'freeze':
      return `frozen with ${replicas} replicas: ${reason}`
    case 'thaw':
      return `thawed: ${reason}`
    case 'up':
    case 'down':
    case 'zero':
      return `from ${from} to ${replicas} replicas: ${reason}`
    default:
      return direction satisfies never
  }
}
