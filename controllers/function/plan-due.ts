import type { Desired } from './desired.ts'
import type { Observed, Replica } from './observed.ts'
import { isUnhealthy, isUp } from './replica-phase.ts'
import { dueAt, isRestartable } from './revival.ts'
import { notBefore, type Rollout } from './rollout.ts'

/** A pull wakes the function when it ends; this is for the case that its end was missed. */
const PULL_LOOK_MS = 2000

/** Nothing tells when a runtime is installed. */
const RUNTIME_LOOK_MS = 5000

/** When calls that run in one that hangs have had their time; milliseconds since the epoch. */
export function killableAt({ policy }: Desired, { phaseSince }: Replica): number {
  return phaseSince + policy.drainMs
}

/** The least time to something that only the clock brings about. */
export function nextDue(desired: Desired, observed: Observed, rollout: Rollout, now: number): number | undefined {
  const ahead = [
    ...imageDue(desired, now),
    ...(desired.isolation.refusal?.reason === 'RuntimeMissing' ? [now + RUNTIME_LOOK_MS] : []),
    ...(observed.keptVolumes ?? []).map(({ retryAt }) => retryAt),
    ...observed.replicas.flatMap(replica => deadlineOf(desired, replica, now)),
    ...rollout.leave.filter(({ replica }) => isUp(replica)).map(({ replica }) => drainedAt(desired, replica, now)),
    ...Array.from({ length: desired.replicas }, (_, ordinal) => ordinal)
      .filter(ordinal => (rollout.kept.get(ordinal)?.phase ?? 'exited') === 'exited')
      .map(ordinal => notBefore(desired.restarts, ordinal)),
    ...observed.replicas
      .filter(replica => rollout.revival.held.has(replica.id) && isRestartable(replica))
      .map(replica => dueAt(desired, replica)),
    ...observed.replicas
      .filter(replica => rollout.revival.held.has(replica.id) && isUnhealthy(replica))
      .map(replica => killableAt(desired, replica))
  ].filter(instant => instant > now)
  return ahead.length === 0 ? undefined : Math.min(...ahead) - now
}

/** When to look again at an image that is not there; milliseconds since the epoch. */
export function imageDue({ image }: Desired, now: number): number[] {
  if (image.state === 'failed') return [Math.max(image.retryAt, now + 1)]
  return image.state === 'pulling' ? [now + PULL_LOOK_MS] : []
}

/** When a replica that is asked to stop is killed, or one that starts has failed; milliseconds since the epoch. */
export function deadlineOf({ policy, readyTimeoutMs }: Desired, replica: Replica, now: number): number[] {
  if (replica.phase === 'exiting') return [(replica.stoppingSince ?? now) + policy.stopGraceMs]
  return replica.phase === 'starting' ? [replica.phaseSince + readyTimeoutMs] : []
}

/** When the calls of a replica that leaves have had their time; milliseconds since the epoch. */
export function drainedAt({ policy }: Desired, replica: Replica, now: number): number {
  return (replica.leavingSince ?? now) + policy.drainMs
}
