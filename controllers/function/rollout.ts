import type { RestartRecord } from '../../api/function.ts'
import { outdatedName } from '../../api/names.ts'
import { hasPortsInRange, waitsFor } from './debug-ports.ts'
import type { Desired } from './desired.ts'
import { hasLimits } from './limits.ts'
import type { Observed, Phase, Replica } from './observed.ts'
import { isUnhealthy } from './replica-phase.ts'
import { decideRevival, type Revival } from './revival.ts'

/** Which replicas stay, which ordinals need a new one now, and which replicas go. */
export interface Rollout {
  /** The replica that fills each wanted ordinal, alive or exited. */
  readonly kept: ReadonlyMap<number, Replica>
  /** Ordinals to fill now, in order. */
  readonly create: readonly { readonly ordinal: number; readonly cause: string }[]
  /** Replicas that must go, with the reason; they take no new calls from now on. */
  readonly leave: readonly { readonly replica: Replica; readonly cause: string }[]
  /** Old replicas that serve on, or shall again, until their successors are ready. */
  readonly revival: Revival
}

/** How many new replicas may be on their way while old ones serve: a quarter of all, at least one. */
export function surgeOf(replicas: number): number {
  return Math.max(1, Math.floor(replicas / 4))
}

/**
 * Decides removal and creation, and is the only place that does. Never takes a ready replica away that is needed to
 * have `replicas` ready ones, but for a single one when the network has no room for a successor; starts as many as it
 * may, and waits for the rest. What it starts while old replicas serve is bounded by `surgeOf`, so an update whose
 * replicas never get ready stops there and the old ones go on.
 */
export function decideRollout(desired: Desired, observed: Observed, now: number): Rollout {
  const groups = classify(desired, observed.replicas)
  const kept = keepBest(groups.current, desired, mayCreate(desired, observed))
  const isFull = roomOf(observed) <= 0 && mayCreate(desired, observed)
  const revival = decideRevival(desired, observed, { outdated: groups.outdated, kept, isFull, now })
  const regular = leaving(desired, observed.replicas, groups, kept).filter(
    ({ replica }) => !revival.held.has(replica.id)
  )
  const leave = regular.length > 0 ? regular : makingRoom(desired, observed, groups, kept)
  return { kept, create: creating(desired, observed, groups, { kept, held: revival.held, now }), leave, revival }
}

interface Groups {
  /** Made for an earlier object of this name. */
  readonly orphans: readonly Replica[]
  readonly outdated: readonly Replica[]
  readonly surplus: readonly Replica[]
  readonly current: readonly Replica[]
}

function classify(desired: Desired, replicas: readonly Replica[]): Groups {
  const of = (group: keyof Groups) => replicas.filter(r => groupOf(desired, r) === group)
  return { orphans: of('orphans'), outdated: of('outdated'), surplus: of('surplus'), current: of('current') }
}

function groupOf(desired: Desired, replica: Replica): keyof Groups {
  if (replica.uid !== desired.owner.uid) return 'orphans'
  if (desired.hash !== undefined && !isUpToDate(desired, replica)) return 'outdated'
  return replica.ordinal >= desired.replicas ? 'surplus' : 'current'
}

/** Whether the replica is what the spec makes, as far as labels, its volume and the limits that Docker lets people change say. */
export function isUpToDate(desired: Desired, replica: Replica): boolean {
  const { hash, container } = replica
  const isMade = hash === desired.hash && container.secretsVolume === desired.secrets?.volume
  return isMade && hasLimits(desired.limits, container) && hasPortsInRange(desired, replica)
}

const ORPHANED = 'of an earlier function of this name'

/** A replica is kept in this order of worth. */
const WORTH: Readonly<Record<Phase, number>> = {
  ready: 0,
  unready: 1,
  starting: 2,
  created: 3,
  exited: 4,
  exiting: 5,
  removing: 6
}

/** One that is not healthy is given up where another one can be made in its place. */
function keepBest(current: readonly Replica[], desired: Desired, mayReplace: boolean): Map<number, Replica> {
  const worth = (r: Replica) => WORTH[r.phase] * 2 + (r.name === desired.nameOf(r.ordinal) ? 0 : 1)
  const kept = new Map<number, Replica>()
  for (const replica of current) {
    if (replica.phase === 'exiting' || replica.phase === 'removing') continue
    if (mayReplace && isUnhealthy(replica)) continue
    const other = kept.get(replica.ordinal)
    if (
      other === undefined ||
      worth(replica) < worth(other) ||
      (worth(replica) === worth(other) && isOlder(replica, other))
    ) {
      kept.set(replica.ordinal, replica)
    }
  }
  return kept
}

function isOlder(a: Replica, b: Replica): boolean {
  return (
    a.container.createdAt < b.container.createdAt || (a.container.createdAt === b.container.createdAt && a.id < b.id)
  )
}

function creating(
  desired: Desired,
  observed: Observed,
  groups: Groups,
  { kept, held, now }: { kept: ReadonlyMap<number, Replica>; held: ReadonlySet<string>; now: number }
): Rollout['create'] {
  if (!mayCreate(desired, observed)) return []
  const due: { ordinal: number; cause: string }[] = []
  let unsettled = 0
  for (let ordinal = 0; ordinal < desired.replicas; ordinal++) {
    const replica = kept.get(ordinal)
    if (replica !== undefined && replica.phase !== 'exited') unsettled += replica.phase === 'ready' ? 0 : 1
    else if (notBefore(desired.restarts, ordinal) > now) unsettled += 1
    else if (isNameInReach(desired, observed, ordinal, held))
      due.push({ ordinal, cause: causeOf(replica, ordinal, groups) })
  }
  return due.slice(0, Math.max(0, Math.min(budgetOf(desired, groups, unsettled), roomOf(observed))))
}

function mayCreate(desired: Desired, { network }: Observed): boolean {
  if (desired.isolation.refusal !== undefined) return false
  return desired.hash !== undefined && desired.missingSecrets.length === 0 && network?.ours !== false
}

/**
 * Whether the ordinal's name is free or can be made so now. One that is not must not take the place of others in the
 * budget: its name may come free only when they are ready.
 */
function isNameInReach(desired: Desired, { replicas }: Observed, ordinal: number, held: ReadonlySet<string>): boolean {
  const name = desired.nameOf(ordinal)
  const holder = replicas.find(r => r.name === name)
  if (holder === undefined || (holder.phase === 'exited' && !held.has(holder.id))) return true
  return holder.phase !== 'removing' && !replicas.some(r => r.name === outdatedName(name, holder.hash))
}

function budgetOf(desired: Desired, groups: Groups, unsettled: number): number {
  const oldServe = groups.outdated.some(r => r.phase === 'ready')
  return oldServe ? surgeOf(desired.replicas) - unsettled : Number.POSITIVE_INFINITY
}

function roomOf(observed: Observed): number {
  const capacity = observed.network?.capacity
  if (capacity === undefined) return Number.POSITIVE_INFINITY
  return capacity - observed.replicas.filter(r => r.phase !== 'exited').length
}

function causeOf(exited: Replica | undefined, ordinal: number, groups: Groups): string {
  if (exited !== undefined) {
    return `exited with code ${exited.container.exitCode}${exited.container.oomKilled ? ', out of memory' : ''}`
  }
  if (groups.current.some(r => r.ordinal === ordinal && isUnhealthy(r))) return UNHEALTHY
  const outdated = groups.outdated.find(r => r.ordinal === ordinal)
  return outdated === undefined ? 'missing' : causeToGo(outdated)
}

/** Cause of steps about a replica that does not say that it lives. */
export const UNHEALTHY = 'failed its liveness probe'

function causeOfDuplicate(replica: Replica): string {
  if (isUnhealthy(replica)) return UNHEALTHY
  return replica.phase === 'exiting' ? 'stopping' : 'duplicate'
}

function causeToGo({ legacy }: Replica): string {
  return legacy === true ? 'of the older program' : 'outdated'
}

/** When the ordinal may be filled again after its last exit; milliseconds since the epoch, 0: at once. */
export function notBefore(restarts: readonly RestartRecord[], ordinal: number): number {
  const record = restarts.find(r => r.ordinal === ordinal)
  return record === undefined ? 0 : Date.parse(record.notBefore)
}

/** Of a function that is frozen one replica stays for each ordinal, of whatever revision, but for what was asked to stop; nothing is created. */
export function decideFrozen(desired: Desired, replicas: readonly Replica[]): Pick<Rollout, 'kept' | 'leave'> {
  const own = replicas.filter(({ uid }) => uid === desired.owner.uid)
  const kept = keepBest(
    own.filter(({ ordinal, stoppingSince }) => ordinal < desired.replicas && stoppingSince === undefined),
    desired,
    false
  )
  const stays = new Set([...kept.values()].map(({ id }) => id))
  const leave = replicas
    .filter(({ id }) => !stays.has(id))
    .map(replica => ({ replica, cause: own.includes(replica) ? 'surplus' : ORPHANED }))
  return { kept, leave }
}

function leaving(
  desired: Desired,
  replicas: readonly Replica[],
  groups: Groups,
  kept: ReadonlyMap<number, Replica>
): Rollout['leave'] {
  const duplicates = groups.current.filter(r => kept.get(r.ordinal) !== r)
  const goes = [
    ...duplicates.map(replica => ({ replica, cause: causeOfDuplicate(replica) })),
    ...[...groups.outdated].sort(bySuccessor(desired, kept)).map(replica => ({ replica, cause: causeToGo(replica) })),
    ...[...groups.surplus].sort((a, b) => b.ordinal - a.ordinal).map(replica => ({ replica, cause: 'surplus' }))
  ]
  const ready = replicas.filter(r => r.phase === 'ready' && r.uid === desired.owner.uid).length
  let spare = ready - desired.replicas
  const settled = [...kept.values()].filter(r => r.phase === 'ready' && r.legacy === undefined).length
  const leave: { replica: Replica; cause: string }[] = groups.orphans.map(replica => ({
    replica,
    cause: ORPHANED
  }))
  // Those that go in any case use up what may be spared.
  const isAwaited = awaitedOf(kept)
  for (const { replica, cause } of goes.sort((a, b) => Number(isAwaited(b.replica)) - Number(isAwaited(a.replica)))) {
    if (replica.phase === 'ready' && spare-- <= 0 && !isAwaited(replica)) continue
    if (settled < desired.replicas && mayServeYet(replica)) continue
    leave.push({ replica, cause: desired.deleting ? 'function deleted' : cause })
  }
  return leave
}

/** Two cannot have one port: a successor that is made, and needs only the old one's debug ports, takes its place first. */
function awaitedOf(kept: ReadonlyMap<number, Replica>): (old: Replica) => boolean {
  return old => {
    const successor = kept.get(old.ordinal)
    return successor?.phase === 'created' && waitsFor(successor, old)
  }
}

/** An update of a full network goes on with one replica fewer, where there are several: nothing else ever makes room. */
function makingRoom(
  desired: Desired,
  observed: Observed,
  groups: Groups,
  kept: ReadonlyMap<number, Replica>
): Rollout['leave'] {
  const serving = observed.replicas.filter(r => r.phase === 'ready' && r.uid === desired.owner.uid).length
  const waits = serving < desired.replicas || [...kept.values()].some(r => r.phase !== 'ready')
  if (roomOf(observed) > 0 || waits || desired.replicas < 2) return []
  const replica = [...groups.outdated].sort(bySuccessor(desired, kept)).find(r => r.phase === 'ready')
  return replica === undefined || !mayCreate(desired, observed) ? [] : [{ replica, cause: causeToGo(replica) }]
}

/** The older program's replicas are met for the first time: one that has not answered us yet may be serving well. */
function mayServeYet({ legacy, phase }: Replica): boolean {
  return legacy === true && (phase === 'starting' || phase === 'unready')
}

/** Outdated replicas whose ordinal is not wanted or has a ready successor go first, the highest ordinal first. */
function bySuccessor(desired: Desired, kept: ReadonlyMap<number, Replica>) {
  const waits = (r: Replica) => r.ordinal < desired.replicas && kept.get(r.ordinal)?.phase !== 'ready'
  return (a: Replica, b: Replica) => Number(waits(a)) - Number(waits(b)) || b.ordinal - a.ordinal
}
