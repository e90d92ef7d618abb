import type { Replica } from './observed.ts'
import { isUp } from './replica-phase.ts'
import type { ReplicaStep } from './step.ts'

/** What becomes of the replicas of a function that is to be frozen. */
export interface Freeze {
  /** Replicas that take calls again as soon as they are thawed, whether or not they are frozen yet. */
  readonly frozen: readonly Replica[]
  /** Of these, the ones that still run: they take no new calls. */
  readonly running: readonly Replica[]
  /** Freezes those in which no call runs. */
  readonly steps: readonly ReplicaStep[]
}

/**
 * Which of these replicas are frozen, and which of them now. A call that runs ends first, however long that takes; what ended
 * stays as it is until a call wakes the function. Pure.
 */
export function planFreeze(replicas: readonly Replica[]): Freeze {
  const running = replicas.filter(r => isUp(r) && !r.paused)
  return {
    frozen: replicas.filter(r => isUp(r) && r.address !== undefined),
    running,
    steps: running
      .filter(r => r.inflight === 0)
      .map(({ name, id, ordinal }) => ({ kind: 'freeze-replica', name, id, ordinal, cause: 'idle' }))
  }
}
