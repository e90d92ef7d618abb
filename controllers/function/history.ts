import { type Condition, getCondition } from '../../api/condition.ts'
import type { EventReason } from '../../api/event-reason.ts'
import type { FunctionStatus, RestartRecord } from '../../api/function.ts'
import { attachText, newDebugPorts } from './debug-status.ts'
import { isRepair, type Step } from './step.ts'

/** Something worth telling people that a status says and the one before did not. */
export interface Happening {
  readonly type: 'Normal' | 'Warning'
  readonly reason: EventReason
  readonly message: string
}

/** What happened between two statuses. Pure, so that the same change is told the same way. */
export function happeningsOf(before: FunctionStatus, after: FunctionStatus): Happening[] {
  return [
    ...exits(before, after),
    ...faults(before, after),
    ...debugging(before, after),
    ...uncovered(before, after),
    ...freezing(before, after),
    ...convergence(before, after)
  ]
}

function isFrozen({ conditions }: FunctionStatus): boolean {
  return getCondition(conditions, 'Ready')?.reason === 'Frozen'
}

/** The same words each time, so that the event store counts them. */
function freezing(before: FunctionStatus, after: FunctionStatus): Happening[] {
  if (!isFrozen(after) || isFrozen(before)) return []
  return [
    { type: 'Normal', reason: 'Frozen', message: 'no call came for a while: its replicas are frozen until one does' }
  ]
}

function exits(before: FunctionStatus, after: FunctionStatus): Happening[] {
  const known = new Set(recordsOf(before).map(exitOf))
  const fresh = new Map(recordsOf(after).map(record => [exitOf(record), record]))
  return [...fresh]
    .filter(([exit]) => !known.has(exit))
    .map(([, record]) => record)
    .map(record => ({ type: 'Warning', reason: reasonOf(record), message: messageOf(record) }))
}

function recordsOf({ restarts, outdatedRestarts }: FunctionStatus): RestartRecord[] {
  return [...restarts, ...outdatedRestarts]
}

/** One exit: a container may be started again and exit again. */
function exitOf({ container, startedAt = '' }: RestartRecord): string {
  return `${container} ${startedAt}`
}

function reasonOf({ started, oomKilled, unhealthy }: RestartRecord): EventReason {
  if (!started) return 'StartFailed'
  if (unhealthy) return 'LivenessFailed'
  return oomKilled ? 'OOMKilled' : 'ReplicaExited'
}

function messageOf({ started, ordinal, exitCode, unhealthy, lastOutput }: RestartRecord): string {
  if (!started) return `replica ${ordinal} could not be started: ${lastOutput}`
  if (unhealthy) return `replica ${ordinal} failed its liveness probe and is replaced: ${lastOutput}`
  return `replica ${ordinal} exited with code ${exitCode}${lastOutput === '' ? '' : `; last output: ${lastOutput}`}`
}

/** Reasons whose events tell of each exit, rather than of the state that it leaves. */
const TOLD_BY_EXITS: ReadonlySet<EventReason> = new Set(['ReplicaExited', 'LivenessFailed', 'OOMKilled', 'StartFailed'])

function faults(before: FunctionStatus, after: FunctionStatus): Happening[] {
  const was = getCondition(before.conditions, 'Degraded')
  const is = getCondition(after.conditions, 'Degraded')
  if (is?.status !== 'True' || TOLD_BY_EXITS.has(is.reason)) return []
  if (was?.status === 'True' && was.reason === is.reason) return []
  return [{ type: 'Warning', reason: is.reason, message: is.message }]
}

/** Where debuggers attach from now on, and that others may, too. */
function debugging(before: FunctionStatus, after: FunctionStatus): Happening[] {
  const fresh = newDebugPorts(before.debugPorts, after.debugPorts)
  const isExposed = getCondition(after.conditions, 'Exposed')
  const isNews = isExposed !== undefined && getCondition(before.conditions, 'Exposed')?.message !== isExposed.message
  return [
    ...(fresh.length === 0
      ? []
      : [{ type: 'Normal' as const, reason: 'DebugPortsBound' as const, message: attachText(fresh) }]),
    ...(isNews ? [{ type: 'Warning' as const, reason: isExposed.reason, message: isExposed.message }] : [])
  ]
}

/** The same words each time, so that the event store counts them. */
function uncovered(before: FunctionStatus, after: FunctionStatus): Happening[] {
  const is = getCondition(after.conditions, 'Uncovered')
  if (is === undefined || getCondition(before.conditions, 'Uncovered')?.message === is.message) return []
  return [{ type: 'Warning', reason: is.reason, message: is.message }]
}

function convergence(before: FunctionStatus, after: FunctionStatus): Happening[] {
  // One that is frozen may be of an old revision, which a call replaces; an event of its own tells that it is.
  if (!isConverged(after.conditions) || after.outdatedReplicas > 0 || isFrozen(after)) return []
  if (isConverged(before.conditions) && before.observedGeneration === after.observedGeneration) return []
  const message = `generation ${after.observedGeneration} is as wanted: ${answering(after.readyReplicas)}`
  return [{ type: 'Normal', reason: 'RolloutComplete', message }]
}

/** What was undone that somebody did to a replica, or that befell it. */
export function repairsOf(done: readonly Step[]): Happening[] {
  return done.filter(isRepair).map(({ kind, ordinal, cause }) => {
    const [verb] = kind.split('-')
    return { type: 'Warning', reason: 'DriftRepaired', message: `${verb} replica ${ordinal}: ${cause}` }
  })
}

/** Whether everything is as wanted: what a rollout ends with. */
export function isConverged(conditions: readonly Condition[]): boolean {
  return getCondition(conditions, 'Progressing')?.reason === 'Converged'
}

function answering(replicas: number): string {
  return replicas === 1 ? '1 replica answers' : `${replicas} replicas answer`
}
