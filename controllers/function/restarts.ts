import type { FunctionObject, RestartRecord } from '../../api/function.ts'
import { faultOfMessage } from '../../src/engine/engine-fault.ts'
import type { Desired } from './desired.ts'
import type { Observed, Replica } from './observed.ts'
import { isUnhealthy } from './replica-phase.ts'
import { restartable } from './revival.ts'

/** Waits before the first, second, … replacement of a replica that keeps exiting: 1, 2, 4 … 300 s. */
const BASE_MS = 1000
const CAP_MS = 300_000

/** A replica that ran for so long before it exited did well: its exits before are forgotten. */
const RAN_WELL_MS = 60_000

/** The same for one that was ended by a signal from outside (killed or stopped by hand), which is not its own fault. */
const RAN_WELL_BEFORE_SIGNAL_MS = 5000

/** Longest wait of one that found a debug port taken: the next one asks for another, and nobody tells when it is freed. */
const PORT_CAP_MS = 5000

const MAX_OUTPUT = 1024

/**
 * The records after this observation: one exit counts once, the wait doubles with each exit in a row, and a replica
 * that runs well clears its ordinal's. One that ended with the engine is made good at once. Only current replicas that
 * ended by themselves are given here.
 */
export function recordExits(
  before: readonly RestartRecord[],
  facts: { exited: readonly Replica[]; alive: readonly Replica[]; replicas: number; now: number }
): RestartRecord[] {
  const wanted = before.filter(r => r.ordinal < facts.replicas)
  const records = new Map(wanted.map(r => [r.ordinal, sinceClockJump(r, facts.now)]))
  for (const replica of facts.alive) {
    const isWell = replica.phase === 'ready' && (replica.liveness?.failures ?? 0) === 0
    if (isWell && facts.now - replica.phaseSince >= RAN_WELL_MS) records.delete(replica.ordinal)
  }
  for (const replica of facts.exited) {
    const last = records.get(replica.ordinal)
    if (!isExitOf(last, replica)) records.set(replica.ordinal, recordOf(replica, last, facts.now))
  }
  return [...records.values()].sort((a, b) => a.ordinal - b.ordinal)
}

/** An exit lies in the future when the clock was set back since: what is left to wait is what it was then, at most. */
function sinceClockJump(record: RestartRecord, now: number): RestartRecord {
  const aheadMs = Date.parse(record.exitedAt) - now
  if (aheadMs <= 0) return record
  const notBefore = new Date(Date.parse(record.notBefore) - aheadMs).toISOString()
  return { ...record, exitedAt: new Date(now).toISOString(), notBefore }
}

/** A container that was started again ends another time. */
function isExitOf(record: RestartRecord | undefined, { id, container: { startedAt } }: Replica): boolean {
  if (record?.container !== id.slice(0, 12)) return false
  return record.startedAt === undefined || Date.parse(record.startedAt) === startedAt
}

function recordOf(replica: Replica, last: RestartRecord | undefined, now: number): RestartRecord {
  const { exitCode, oomKilled, startedAt, finishedAt } = replica.container
  const isUnwell = isUnhealthy(replica)
  const ranMs = ranFor(replica, now)
  const exitedAt = Math.min(finishedAt ?? now, now)
  // The engine's clock may be another one, ahead or behind: waits are counted from when the exit is found.
  const { count, waitsUntil } = replica.endedWithEngine
    ? interruptionOf(last, now)
    : failureOf(replica, last, { ranMs, now })
  return {
    ordinal: replica.ordinal,
    count,
    exitCode,
    oomKilled,
    started: startedAt !== undefined,
    ...(isUnwell ? { unhealthy: true as const } : {}),
    container: replica.id.slice(0, 12),
    ...(startedAt === undefined ? {} : { startedAt: new Date(startedAt).toISOString() }),
    exitedAt: new Date(exitedAt).toISOString(),
    notBefore: new Date(waitsUntil).toISOString(),
    lastOutput: lastWordsOf(replica).trimEnd().slice(-MAX_OUTPUT)
  }
}

/** Why it could not be started, why it is taken for dead, or what it wrote. */
function lastWordsOf(replica: Replica): string {
  if (replica.container.startedAt === undefined) return replica.container.error
  return (isUnhealthy(replica) ? replica.liveness?.lastError : replica.lastOutput) ?? ''
}

/** One that hung did well only as long as it lived; milliseconds. */
function ranFor(replica: Replica, now: number): number {
  const { startedAt, finishedAt } = replica.container
  if (startedAt === undefined) return 0
  const endedAt = isUnhealthy(replica) ? (replica.liveness?.aliveAt ?? startedAt) : (finishedAt ?? now)
  return endedAt - startedAt
}

/** Another exit in a row, unless it ran well before, and the wait that follows; milliseconds since the epoch. */
function failureOf(
  { container: { exitCode, oomKilled, error } }: Replica,
  last: RestartRecord | undefined,
  { ranMs, now }: { ranMs: number; now: number }
): { count: number; waitsUntil: number } {
  const fromOutside = isFromOutside(exitCode, oomKilled)
  const count = ranMs >= (fromOutside ? RAN_WELL_BEFORE_SIGNAL_MS : RAN_WELL_MS) ? 0 : (last?.count ?? 0) + 1
  const capMs = faultOfMessage(error) === 'port-in-use' ? PORT_CAP_MS : CAP_MS
  return { count, waitsUntil: now + Math.min(capMs, waitMs(fromOutside ? count - 1 : count)) }
}

/** No failure of its own: what it failed before still counts, and what it waits for because of that. */
function interruptionOf(last: RestartRecord | undefined, now: number): { count: number; waitsUntil: number } {
  if (last === undefined) return { count: 0, waitsUntil: now }
  return { count: last.count, waitsUntil: Math.max(now, Date.parse(last.notBefore)) }
}

/** Whether somebody ended it: 137 and 143 are SIGKILL and SIGTERM. One such exit is made good at once. */
function isFromOutside(exitCode: number, oomKilled: boolean): boolean {
  return !oomKilled && (exitCode === 137 || exitCode === 143)
}

function waitMs(failures: number): number {
  return failures <= 0 ? 0 : Math.min(CAP_MS, BASE_MS * 2 ** (failures - 1))
}

/** How the last exits of the current revision went. Another one starts with a clean record: its exits are not those of the one before. */
export function restartsAfter(
  object: FunctionObject,
  desired: Desired,
  observed: Observed,
  now: number
): RestartRecord[] {
  const before = desired.hash === undefined || object.status.specHash === desired.hash ? object.status.restarts : []
  const own = observed.replicas.filter(
    r => r.uid === desired.owner.uid && (desired.hash === undefined || r.hash === desired.hash)
  )
  const ended = own.filter(r => (r.phase === 'exited' || isUnhealthy(r)) && r.stoppingSince === undefined)
  return recordExits(before, {
    exited: ended.filter(r => r.ordinal < desired.replicas),
    alive: own,
    replicas: desired.replicas,
    now
  })
}

/** The same of earlier revisions, kept of ordinals only that have a replica of an earlier revision; without an image, every one may be such. */
export function outdatedRestartsAfter(
  object: FunctionObject,
  { hash, owner, replicas }: Desired,
  observed: Observed,
  now: number
): RestartRecord[] {
  const outdated = observed.replicas.filter(r => r.uid === owner.uid && r.hash !== hash)
  const before = object.status.outdatedRestarts.filter(({ ordinal }) => outdated.some(r => r.ordinal === ordinal))
  const hung = outdated.filter(r => isUnhealthy(r) && r.stoppingSince === undefined)
  const exited = [...restartable(outdated), ...hung].filter(r => r.ordinal < replicas)
  return recordExits(before, { exited, alive: outdated, replicas, now })
}
