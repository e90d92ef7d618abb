import type { Reason } from '../../api/condition.ts'
import type { RestartRecord } from '../../api/function.ts'
import { PROFILE_ANNOTATION } from '../../api/profile.ts'
import type { Desired } from './desired.ts'
import { pullReasonOf, reasonOf, startReasonOf } from './faults.ts'
import type { Observed, ObservedConflict } from './observed.ts'
import type { PassResult } from './pass-result.ts'
import { isUpToDate } from './rollout.ts'

/** What is wrong with a function, as a condition says it. */
export interface Verdict {
  readonly reason: Reason
  readonly message: string
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
export function verdictOf({ desired, failure, now }: PassResult, observed: Observed): Verdict | undefined {
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
    message: `replica ${late.name} has not answered since ${new Date(late.phaseSince).toISOString()}${why}`
  }
}
