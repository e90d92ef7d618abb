import { type ApplyDeps, applyStep } from './apply-step.ts'
import { type Lane, lanesOf } from './lanes.ts'
import { isReplicaStep, type Step } from './step.ts'
import type { Target } from './target.ts'

/** Creations side by side, as long as nobody knows whether they all fail. */
const MAX_BATCH = 8
/** Creations side by side of a revision that is proven: more only wait for each other in the engine. */
const PROVEN_BATCH = 32

/**
 * Does the steps: those of the network in order, then those of the replicas, ordinals side by side. Creations of a
 * revision that is not proven go in batches of 1, 2, 4 …, so that when all fail alike one failed instead of all. What
 * goes does so last, volumes with old secrets too, and whether or not what comes has failed: it was decided without that. What serves again in the
 * place of what does not come waits for nothing. Throws the first error, after
 * everything else has ended. Source of the batches: Kubernetes, slowStartBatch.
 */
export async function applySteps(
  deps: ApplyDeps,
  target: Target,
  steps: readonly Step[],
  signal: AbortSignal
): Promise<void> {
  const { coming, reviving, going } = lanesOf(steps.filter(isReplicaStep))
  const runLane = (lane: Lane) => applyInOrder(deps, target, lane, signal)
  const bring = async () => {
    const first = steps.filter(step => !isReplicaStep(step) && !isLeftOver(target, step))
    await applyInOrder(deps, target, first, signal)
    await bringReplicas(coming, target.isProven, runLane)
  }
  const came = await Promise.allSettled([bring(), ...reviving.map(runLane)])
  const leftOver = steps.filter(step => isLeftOver(target, step))
  const removals = leftOver.map(step => applyInOrder(deps, target, [step], signal))
  throwFirst([...came, ...(await Promise.allSettled([...going.map(runLane), ...removals]))])
}

/** What replicas that come do not need gone: the wanted volume is written only after its old loader has made room. */
function isLeftOver({ desired }: Target, step: Step): boolean {
  return step.kind === 'remove-secrets' || (step.kind === 'remove-loader' && step.name !== desired.secrets?.volume)
}

/** What is there is repaired whether or not what is made fails: it may be what stands in the way, by a volume that is not whole. */
async function bringReplicas(
  lanes: readonly Lane[],
  isProven: boolean,
  runLane: (lane: Lane) => Promise<void>
): Promise<void> {
  const creating = lanes.filter(lane => lane.some(step => step.kind === 'create-replica'))
  const repairing = lanes.filter(lane => !creating.includes(lane))
  const created = await Promise.allSettled([createInBatches(creating, isProven, runLane)])
  throwFirst([...created, ...(await Promise.allSettled(repairing.map(runLane)))])
}

async function createInBatches(
  creating: readonly Lane[],
  isProven: boolean,
  runLane: (lane: Lane) => Promise<void>
): Promise<void> {
  const [first, most] = isProven ? [PROVEN_BATCH, PROVEN_BATCH] : [1, MAX_BATCH]
  let done = 0
  for (let size = first; done < creating.length; size = Math.min(most, size * 2)) {
    throwFirst(await Promise.allSettled(creating.slice(done, done + size).map(runLane)))
    done += size
  }
}

function throwFirst(results: readonly PromiseSettledResult<void>[]): void {
  for (const result of results) if (result.status === 'rejected') throw result.reason
}

async function applyInOrder(
  deps: ApplyDeps,
  target: Target,
  steps: readonly Step[],
  signal: AbortSignal
): Promise<void> {
  for (const step of steps) {
    signal.throwIfAborted()
    await applyStep(deps, target, step, signal)
    target.onDone?.(step)
  }
}
