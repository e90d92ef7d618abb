import { type Condition, getCondition, type Reason, transition } from '../../api/condition.ts'
import type { FunctionObject, FunctionStatus, RestartRecord } from '../../api/function.ts'
import type { Egress } from '../../api/isolation.ts'
import { PROFILE_ANNOTATION } from '../../api/profile.ts'
import { EngineError } from '../../src/engine/faults.ts'
import { boundDebugPorts, exposure } from './debug-status.ts'
import type { Desired } from './desired.ts'
import { pullReasonOf, reasonOf, startReasonOf } from './faults.ts'
import type { Observed, ObservedConflict, Replica } from './observed.ts'
import { isUp } from './replica-phase.ts'
import { isUpToDate } from './rollout.ts'

interface Verdict {
  readonly reason: Reason
  readonly message: string
}

/** What a pass knows at its end. */
export interface PassResult {
  readonly object: FunctionObject
  readonly desired: Desired
  /** The last observation; absent when the engine could not be read. */
  readonly observed?: Observed | undefined
  /** What stopped the pass, if something did. */
  readonly failure?: unknown
  /** Milliseconds since the epoch. */
  readonly now: number
}

/** The status after a pass. Speaks of the generation that the pass planned for. Pure. */
export function statusOf({ object, desired, observed, failure, now }: PassResult): FunctionStatus {
  const before = object.status
  const at = new Date(now).toISOString()
  const seen = observed === undefined ? undefined : summarize(desired, observed)
  // It says whose exits the record holds: that secrets are not known now makes them nobody else's.
  const specHash = desired.hash ?? (desired.image.state === 'pinned' ? before.specHash : undefined)
  const debugPorts = observed === undefined ? before.debugPorts : boundDebugPorts(observed)
  const verdicts = conditionsOf({ object, desired, observed, failure, now }, seen)
  return {
    observedGeneration: desired.owner.generation,
    replicas: seen?.replicas ?? before.replicas,
    readyReplicas: seen?.ready ?? before.readyReplicas,
    frozenReplicas: seen?.frozen ?? before.frozenReplicas,
    outdatedReplicas: seen?.outdated ?? before.outdatedReplicas,
    ...(specHash === undefined ? {} : { specHash }),
    conditions: [...verdicts, ...exposure(desired, debugPorts)].map(draft => transition(before.conditions, draft, at)),
    debugPorts,
    ...(desired.image.state === 'pinned'
      ? { image: desired.image.pin }
      : before.image === undefined
        ? {}
        : { image: before.image }),
    restarts: desired.restarts,
    outdatedRestarts: desired.outdatedRestarts,
    lastReconciledAt: at
  }
}

interface Summary {
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

function summarize(desired: Desired, { replicas }: Observed): Summary {
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

type Draft = Omit<Condition, 'lastTransitionTime'>

function conditionsOf(result: PassResult, seen: Summary | undefined): Draft[] {
  const { object, desired, observed, failure } = result
  if (isUnanswered(failure) && observed === undefined) return asBefore(object.status.conditions, failure)
  if (observed === undefined || seen === undefined || isUnreachable(failure)) return unreachable(failure)
  const fault = faultOf(result, observed)
  const moving = movesTo(desired, observed)
  const converged = desired.frozen
    ? seen.thawed === 0 && seen.extra === 0
    : moving === undefined && seen.settled === desired.replicas && seen.extra === 0 && desired.hash !== undefined
  return [
    readyCondition(desired, seen, fault),
    progressing(desired, seen, { fault, converged, moving }),
    degraded(fault)
  ]
}

function isUnreachable(failure: unknown): boolean {
  return failure instanceof EngineError && reasonOf(failure) === 'EngineUnreachable'
}

/** One call had no answer, of an engine that answers others. */
function isUnanswered(failure: unknown): failure is EngineError {
  return failure instanceof EngineError && failure.isUnreachable && !failure.isEngineAway
}

/** Nothing new is known of the replicas, and nothing speaks against what was. */
function asBefore(before: readonly Condition[], failure: EngineError): Draft[] {
  return unreachable(failure).map(draft =>
    draft.type === 'Degraded' ? draft : (getCondition(before, draft.type) ?? draft)
  )
}

function unreachable(failure: unknown): Draft[] {
  const reason = failure === undefined ? 'EngineUnreachable' : reasonOf(failure)
  const message = failure instanceof Error ? failure.message : 'the engine could not be read'
  return [
    { type: 'Ready', status: 'Unknown', reason, message },
    { type: 'Progressing', status: 'Unknown', reason, message },
    { type: 'Degraded', status: 'True', reason, message }
  ]
}

function readyCondition(desired: Desired, seen: Summary, fault: Verdict | undefined): Draft {
  const type = 'Ready'
  if (desired.deleting) return { type, status: 'False', reason: 'Deleting', message: 'deletion was asked for' }
  if (desired.replicas === 0) {
    return { type, status: 'True', reason: 'ScaledToZero', message: 'no replica is wanted' }
  }
  if (desired.frozen) {
    const when = seen.thawed === 0 ? '' : ' as soon as the calls that run have ended'
    return { type, status: 'True', reason: 'Frozen', message: `replicas are frozen${when}; a call brings them back` }
  }
  if (seen.ready > 0) {
    return {
      type,
      status: 'True',
      reason: 'ReplicasReady',
      message: `${seen.ready} of ${desired.replicas} replicas answer`
    }
  }
  return { type, status: 'False', ...(fault ?? { reason: 'WaitingForReadiness', message: 'no replica answers yet' }) }
}

function progressing(
  desired: Desired,
  seen: Summary,
  { fault, converged, moving }: { fault: Verdict | undefined; converged: boolean; moving: Egress | undefined }
): Draft {
  const type = 'Progressing'
  if (desired.deleting) {
    return { type, status: 'True', reason: 'Deleting', message: `${seen.replicas} replicas are left to remove` }
  }
  if (fault !== undefined) return { type, status: 'False', ...fault }
  if (converged) return { type, status: 'False', reason: 'Converged', message: 'everything is as wanted' }
  if (desired.image.state === 'pulling') {
    return { type, status: 'True', reason: 'ImagePulling', message: pullText(desired.image) }
  }
  if (desired.frozen) {
    const message = `${seen.thawed} replicas are frozen as soon as the calls that run have ended`
    return { type, status: 'True', reason: 'Scaling', message }
  }
  if (moving !== undefined) {
    const message = `replicas move to a network of egress ${moving} as soon as the calls that run have ended`
    return { type, status: 'True', reason: 'RollingOut', message }
  }
  const reason = seen.outdated > 0 ? 'RollingOut' : seen.extra > 0 ? 'Scaling' : 'WaitingForReadiness'
  return {
    type,
    status: 'True',
    reason,
    message: `${seen.settled} of ${desired.replicas} replicas are as wanted and answer`
  }
}

/** The egress of the network that takes the place of the one that is there; undefined when that one does. */
function movesTo({ isolation, replicas }: Desired, { network }: Observed): Egress | undefined {
  if (network?.ours !== true || network.legacy === true || replicas === 0) return undefined
  return isolation.refusal !== undefined || network.egress === isolation.egress ? undefined : isolation.egress
}

function pullText({
  currentBytes,
  totalBytes
}: {
  readonly currentBytes: number
  readonly totalBytes: number
}): string {
  const text = 'the image is being pulled'
  return totalBytes === 0 ? text : `${text}: ${toMiB(currentBytes)} of ${toMiB(totalBytes)} MiB`
}

function toMiB(bytes: number): string {
  return (bytes / 2 ** 20).toFixed(1)
}

function degraded(fault: Verdict | undefined): Draft {
  return fault === undefined
    ? { type: 'Degraded', status: 'False', reason: 'AsWanted', message: 'nothing is wrong' }
    : { type: 'Degraded', status: 'True', ...fault }
}

/** What keeps a function from coming up until somebody mends it, or for long. */
const LASTING: ReadonlySet<Reason> = new Set([
  'ImageNotFound',
  'ImagePullUnauthorized',
  'ImagePullFailed',
  'DiskPressure',
  'SecretMissing',
  'ProfileMissing',
  'PolicyViolation',
  'RuntimeMissing',
  'NameConflict',
  'DebugAddressMissing',
  'ReadinessTimeout'
])

/** A replica that is started again within this time is worth waiting for. */
const SOON_MS = 5000

/** The reason why no replica will be ready soon, if there is one: calls then need not wait for it. Pure. */
export function troubleOf(desired: Desired, observed: Observed, now: number): Reason | undefined {
  const fault = standingFault(desired, observed, now)
  if (fault === undefined) return undefined
  const backsOff = desired.restarts.some(record => Date.parse(record.notBefore) - now > SOON_MS)
  return LASTING.has(fault.reason) || backsOff ? fault.reason : undefined
}

/** The most telling thing that is wrong, if any is. */
function faultOf({ desired, failure, now }: PassResult, observed: Observed): Verdict | undefined {
  if (failure === undefined) return standingFault(desired, observed, now)
  const reason = reasonOf(failure)
  return { reason, message: `${messageOf(failure)}${START_REMEDIES[reason] ?? ''}` }
}

/** What is wrong apart from how the pass went. */
function standingFault(desired: Desired, observed: Observed, now: number): Verdict | undefined {
  if (desired.isolation.refusal !== undefined) return desired.isolation.refusal
  if (desired.image.state === 'failed') {
    return { reason: pullReasonOf(desired.image.fault), message: desired.image.message }
  }
  if (desired.missingSecrets.length > 0) {
    return {
      reason: 'SecretMissing',
      message: `secrets are missing: ${desired.missingSecrets.join(', ')}; create them`
    }
  }
  if (desired.missingProfiles.length > 0) {
    return {
      reason: 'ProfileMissing',
      message: `profiles are missing: ${desired.missingProfiles.join(', ')}; make them, or take them out of ${PROFILE_ANNOTATION}`
    }
  }
  // What ended while it was frozen is made anew when a call comes, and not before.
  if (desired.frozen) return networkFault(desired, observed)
  return networkFault(desired, observed) ?? exitFault(desired, observed, now) ?? readinessFault(desired, observed, now)
}

function messageOf(failure: unknown): string {
  return failure instanceof Error ? failure.message : String(failure)
}

function networkFault(desired: Desired, { network, replicas }: Observed): Verdict | undefined {
  if (network === undefined || desired.replicas === 0) return undefined
  if (!network.ours) {
    return {
      reason: 'NameConflict',
      message: `network ${desired.networkName} is not ours; remove or rename it`
    }
  }
  if (network.conflict !== undefined) {
    const { subnet, conflict } = network
    const where = `network ${desired.networkName} (${subnet}) overlaps route ${conflict.route} of the host`
    return { reason: 'SubnetConflict', message: `${where}; ${conflictRemedy(conflict)}` }
  }
  const { egress } = desired.isolation
  const isShared = network.members.some(id => id !== desired.gatewayId && !replicas.some(replica => replica.id === id))
  if (network.egress !== egress && isShared) {
    const message = `network ${desired.networkName} is used by others, so its egress stays ${network.egress}; disconnect them`
    return { reason: 'NetworkBusy', message }
  }
  if (network.capacity >= desired.replicas) return undefined
  return {
    reason: 'NetworkTooSmall',
    message: `network ${desired.networkName} holds ${network.capacity} replicas; scale to 0 and back to get a larger one`
  }
}

function conflictRemedy({ canMove, takesTraffic }: ObservedConflict): string {
  if (!canMove) return 'no other subnet is free: remove the route, or set FUNCTIONS_SUBNET_POOL'
  return takesTraffic
    ? 'it moves as soon as no replica answers'
    : 'it moves when the function is scaled to 0, or remove the route'
}

/** Exits that have not been made good: no ready replica stands where one exited. */
function exitFault(desired: Desired, observed: Observed, now: number): Verdict | undefined {
  const broken = desired.restarts.filter(
    record => record.ordinal < desired.replicas && !isMadeGood(desired, observed, record)
  )
  const worst = broken.sort((a, b) => b.count - a.count)[0]
  if (worst === undefined) return undefined
  const times = worst.count > 1 ? `, ${worst.count} times in a row` : ''
  const next = Date.parse(worst.notBefore) > now ? `; next start at ${worst.notBefore}` : ''
  const output = worst.lastOutput === '' ? '' : `; ${sourceOf(worst)}: ${worst.lastOutput}`
  const reason = exitReason(worst)
  const remedy = worst.started ? '' : (START_REMEDIES[reason] ?? '')
  return { reason, message: `replica ${worst.ordinal} ${exitText(worst)}${times}${next}${output}${remedy}` }
}

function sourceOf({ started, unhealthy }: RestartRecord): string {
  if (!started) return 'the engine says'
  return unhealthy ? 'last probe' : 'last output'
}

/** What helps, where the engine's words do not say it. */
const START_REMEDIES: Partial<Record<Reason, string>> = {
  BridgeFull:
    '; the bridge of its network takes no more interfaces, of which Linux allows 1023: ask for fewer replicas',
  DiskPressure: "; free space on the engine's disk, or remove images",
  PortInUse: '; it gets another port of DEBUG_PORT_RANGE',
  DebugAddressMissing: "; set DEBUG_BIND_ADDRESS to an address of the engine's host"
}

function exitReason({ started, oomKilled, unhealthy, count, lastOutput }: RestartRecord): Reason {
  if (!started) return startReasonOf(lastOutput)
  if (oomKilled) return 'OOMKilled'
  if (count > 1) return 'CrashLoopBackOff'
  return unhealthy ? 'LivenessFailed' : 'ReplicaExited'
}

function exitText({ started, oomKilled, unhealthy, exitCode }: RestartRecord): string {
  if (!started) return 'could not be started'
  if (unhealthy) return 'failed its liveness probe and is replaced'
  return oomKilled ? 'was killed for lack of memory' : `exited with code ${exitCode}`
}

function isMadeGood(desired: Desired, { replicas }: Observed, record: RestartRecord): boolean {
  return replicas.some(r => r.ordinal === record.ordinal && r.phase === 'ready' && isUpToDate(desired, r))
}

function readinessFault(desired: Desired, { replicas }: Observed, now: number): Verdict | undefined {
  const late = replicas.find(
    r =>
      r.uid === desired.owner.uid &&
      r.phase === 'starting' &&
      isUpToDate(desired, r) &&
      now - r.phaseSince >= desired.readyTimeoutMs
  )
  if (late === undefined) return undefined
  const why = late.probeError === undefined ? '' : ` (${late.probeError})`
  return {
    reason: 'ReadinessTimeout',
    message: `replica ${late.name} has not answered since it started at ${new Date(late.phaseSince).toISOString()}${why}`
  }
}
