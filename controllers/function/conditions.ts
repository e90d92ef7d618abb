import { type Condition, getCondition } from '../../api/condition.ts'
import type { Egress } from '../../api/isolation.ts'
import { EngineError } from '../../src/engine/faults.ts'
import type { Desired } from './desired.ts'
import { reasonOf } from './faults.ts'
import type { Observed } from './observed.ts'
import type { PassResult } from './pass-result.ts'
import type { Summary } from './replica-summary.ts'
import { type Verdict, verdictOf } from './trouble.ts'

type Draft = Omit<Condition, 'lastTransitionTime'>

/**
 * `Ready`, `Progressing` and `Degraded` after a pass; `seen` is undefined when the engine could not be read. What nothing new is known
 * of stays as it was. Pure.
 */
export function conditionsOf(result: PassResult, seen: Summary | undefined): Draft[] {
  const { object, desired, observed, failure } = result
  if (isUnanswered(failure) && observed === undefined) return asBefore(object.status.conditions, failure)
  if (observed === undefined || seen === undefined || isUnreachable(failure)) return unreachable(failure)
  const fault = verdictOf(result, observed)
  const moving = movesTo(desired, observed)
  const isInPlace = desired.frozen ? seen.thawed === 0 : moving === undefined && seen.settled === desired.replicas
  // What is not known yet is not there, nor was it rolled out of a function that is frozen.
  const converged = isInPlace && seen.extra === 0 && desired.hash !== undefined
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
