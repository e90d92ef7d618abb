import type { Desired } from './desired.ts'
import type { Observed, Replica } from './observed.ts'
import { isUp } from './replica-phase.ts'
import { isUpToDate } from './rollout.ts'

/** How many replicas of a function are in which state. */
export interface Summary {
  readonly replicas: number
  readonly ready: number
  readonly frozen: number
  /** Of a function that is to be frozen, the ones that run yet. */
  readonly thawed: number
  readonly outdated: number
  /** Up to date, wanted and ready. */
  readonly settled: number
  /** Found beside what is wanted: outdated, surplus, leaving. */
  readonly extra: number
}

/** Counts the replicas that were found by what is wanted of them. Pure. */
export function summarize(desired: Desired, { replicas }: Observed): Summary {
  const own = replicas.filter(r => r.uid === desired.owner.uid)
  const isCurrent = (r: Replica) => desired.hash !== undefined && isUpToDate(desired, r) && r.ordinal < desired.replicas
  // An old revision may be frozen too.
  const isWanted = (r: Replica) => (desired.frozen ? r.ordinal < desired.replicas : isCurrent(r))
  const isFrozen = (r: Replica) => desired.frozen && r.paused
  return {
    replicas: replicas.length,
    ready: own.filter(r => r.phase === 'ready').length,
    frozen: own.filter(isFrozen).length,
    thawed: desired.frozen ? own.filter(r => isUp(r) && !r.paused).length : 0,
    outdated: desired.hash === undefined ? 0 : own.filter(r => !isUpToDate(desired, r)).length,
    settled: own.filter(r => isCurrent(r) && r.phase === 'ready').length,
    extra: replicas.filter(r => !(r.uid === desired.owner.uid && isWanted(r))).length
  }
}
