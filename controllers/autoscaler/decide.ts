import type { HoldReason, ScaleDirection, ScaleReason } from '../../api/scale-decision.ts'
import type { Scaling } from '../../api/scaling.ts'
import type { Bounds } from './bounds.ts'

/** What of a function counts for its size. Instants are monotonic milliseconds. */
export interface Subject {
  readonly scaling: Scaling
  readonly bounds: Bounds
  /** That are wanted now. */
  readonly replicas: number
  /** That answer. */
  readonly ready: number
  /** A person has set the number. */
  readonly isPinned: boolean
  /** An alert that fires has set the number. */
  readonly isAlerted?: boolean
  /** Since when it is to be frozen; absent: it is not. */
  readonly frozenAt?: number
  /** When the number of wanted replicas last changed. */
  readonly steppedAt: number
}

/** What its calls have been like. */
export interface Load {
  /** Calls that run or wait now. */
  readonly inflight: number
  /** When the last call came or ended, or somebody last wanted it to run; absent while one runs or waits. */
  readonly quietSince?: number
  /** When a call was last seen; absent: none since the start of the process. */
  readonly calledAt?: number
  /** Load of all replicas together, in the unit of its target, over the long window; absent: not known. */
  readonly stable?: number
  /** The same over the short window. */
  readonly burst?: number
  /** Since when more than 5 calls a second were answered 200; absent: they are not. */
  readonly overSince?: number
  /** Whether the short window has filled since the start of the process. */
  readonly isFilled: boolean
}

/** The most replicas that were wanted lately, and until when that holds if no more are. */
export interface Peak {
  readonly value: number
  readonly until: number
}

export interface Change {
  readonly kind: 'change'
  readonly direction: ScaleDirection
  readonly reason: ScaleReason
  readonly replicas: number
  /** Whether its replicas are to be frozen. */
  readonly isFrozen: boolean
}

export interface Hold {
  readonly kind: 'hold'
  readonly reason: HoldReason
  /** When time alone may change that; monotonic milliseconds. */
  readonly until?: number
}

export type Decision = Change | Hold

export interface Demand {
  /** Replicas that the load asks for, whole and not bounded; absent: not known. */
  readonly replicas?: number
  /** What it is called to scale for it. */
  readonly up: ScaleReason
  readonly down: ScaleReason
}

/** The short window counts only when it asks for so much more than there is: it is noisy. */
const BURST_TOLERANCE = 1.1
/** Of what a division leaves behind the point. */
const EPSILON = 1e-9

/** The default rule waits so long before it scales up. Source: OpenFaaS CE's alert `APIHighInvocationRate`, `for: 5s`. */
const SURGE_MS = 5000
/** And so long between two steps. Source: the same, `repeat_interval: 30s`. */
const STEP_MS = 30_000

/** How many replicas the load asks for, by the function's target or by the default rule. Pure. */
export function demandOf(subject: Subject, load: Load, now: number): Demand {
  const { target, proportion } = subject.scaling
  if (target === undefined) return { replicas: ruleDemand(subject, load, now), up: 'busy', down: 'calm' }
  const reasons = { up: 'above-target', down: 'below-target' } as const
  if (load.stable === undefined || load.burst === undefined) return reasons
  const each = target * proportion
  const burst = load.burst / each
  const stable = ceil(load.stable / each)
  // What the short window still needs stays, though the long one does not know of it yet.
  const isBurst = burst > subject.replicas * BURST_TOLERANCE
  const needed = isBurst ? ceil(burst) : Math.min(subject.replicas, ceil(burst))
  return { replicas: Math.max(stable, needed), ...reasons }
}

/** The default rule: a step of `factor` percent of the most, as long as it is called much; nothing when it is not. */
function ruleDemand({ scaling, bounds, replicas, steppedAt }: Subject, { overSince }: Load, now: number): number {
  if (scaling.factor === 0) return replicas
  if (overSince === undefined) return 0
  const isDue = now - overSince >= SURGE_MS && now - steppedAt >= STEP_MS
  return isDue ? replicas + ceil((bounds.max * scaling.factor) / 100) : replicas
}

export interface DecideOptions {
  /** How many replicas may be added at once; as many as are ready always may. */
  readonly stepMax: number
  readonly now: number
}

/**
 * What becomes of the size of a function. `peak` is the most that was wanted within its window, the demand of now among
 * it: it scales down to that and not below. Pure.
 */
export function decide(
  subject: Subject,
  { load, demand, peak }: { readonly load: Load; readonly demand: Demand; readonly peak: Peak | undefined },
  options: DecideOptions
): Decision {
  if (subject.isPinned) return hold('pinned')
  if (subject.isAlerted === true) return hold('alerted')
  if (subject.replicas === 0) return hold('at-zero')
  if (subject.frozenAt !== undefined) return decideFrozen(subject, subject.frozenAt, load, options.now)
  const idle = decideIdle(subject, load, options.now)
  if (idle?.kind === 'change') return idle
  const sized = decideSize(subject, { load, demand, peak }, options)
  if (sized.kind === 'change' || idle?.until === undefined) return sized
  return { ...sized, until: Math.min(idle.until, sized.until ?? Number.POSITIVE_INFINITY) }
}

function decideFrozen(subject: Subject, frozenAt: number, load: Load, now: number): Decision {
  const { scaling, bounds, replicas } = subject
  if (load.quietSince === undefined || (load.calledAt ?? Number.NEGATIVE_INFINITY) > frozenAt) {
    return change('thaw', 'called', { replicas: within(bounds, replicas), isFrozen: false })
  }
  const until = frozenAt + scaling.freezeDurationMs
  return now >= until ? change('zero', 'frozen-long-enough', { replicas: 0, isFrozen: false }) : hold('frozen', until)
}

/** Undefined where it does not go to zero, or is called. */
function decideIdle({ scaling, bounds, ready }: Subject, { quietSince }: Load, now: number): Decision | undefined {
  if (!scaling.zero || quietSince === undefined) return undefined
  const until = quietSince + scaling.zeroDurationMs
  if (now < until) return hold('as-wanted', until)
  // What does not answer is starting or broken, and neither is to be hidden.
  if (ready === 0) return undefined
  return scaling.freezeDurationMs === 0
    ? change('zero', 'idle', { replicas: 0, isFrozen: false })
    : change('freeze', 'idle', { replicas: bounds.min, isFrozen: true })
}

function decideSize(
  { bounds, replicas, ready }: Subject,
  { load, demand, peak }: { readonly load: Load; readonly demand: Demand; readonly peak: Peak | undefined },
  { stepMax, now }: DecideOptions
): Decision {
  if (replicas < bounds.min) return change('up', 'below-min', { replicas: bounds.min, isFrozen: false })
  if (replicas > bounds.max) return change('down', 'above-max', { replicas: bounds.max, isFrozen: false })
  if (demand.replicas === undefined) return hold('no-data')
  const wanted = within(bounds, demand.replicas)
  if (wanted > replicas) {
    if (!load.isFilled) return hold('starting')
    if (ready === 0) return hold('not-ready')
    const allowed = Math.min(wanted, Math.max(ready * 2, ready + stepMax))
    return allowed > replicas ? change('up', demand.up, { replicas: allowed, isFrozen: false }) : hold('rate-limited')
  }
  const floor = within(bounds, Math.max(demand.replicas, peak !== undefined && peak.until > now ? peak.value : 0))
  if (floor < replicas) return change('down', demand.down, { replicas: floor, isFrozen: false })
  return wanted < replicas && peak !== undefined ? hold('peak', peak.until) : hold('as-wanted')
}

function within({ min, max }: Bounds, replicas: number): number {
  return Math.max(min, Math.min(max, replicas))
}

function ceil(value: number): number {
  return Math.ceil(value - EPSILON)
}

function hold(reason: HoldReason, until?: number): Hold {
  return { kind: 'hold', reason, ...(until === undefined ? {} : { until }) }
}

function change(direction: ScaleDirection, reason: ScaleReason, to: Pick<Change, 'replicas' | 'isFrozen'>): Change {
  return { kind: 'change', direction, reason, ...to }
}
