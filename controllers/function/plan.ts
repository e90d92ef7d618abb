import type { Desired } from './desired.ts'
import type { Observed, Replica } from './observed.ts'
import { deadlineOf, drainedAt, imageDue, nextDue } from './plan-due.ts'
import { planFreeze } from './plan-frozen.ts'
import { type Move, planMove, planNetwork, planTeardown } from './plan-network.ts'
import {
  planCreate,
  planIsolation,
  planKills,
  planLeave,
  planMend,
  planRename,
  planRepair,
  planRevival
} from './plan-replica.ts'
import { planSecrets } from './plan-secrets.ts'
import { isUp } from './replica-phase.ts'
import { decideFrozen, decideRollout } from './rollout.ts'
import type { Step } from './step.ts'

/** What can safely be done now; the next pass observes again and plans the rest. */
export interface Plan {
  readonly steps: readonly Step[]
  /** The replicas that take calls. */
  readonly endpoints: readonly Replica[]
  /** The replicas that take calls when they are thawed; absent where the function is not frozen. */
  readonly frozen?: readonly Replica[]
  /** Ids of the replicas that take no more calls and are to go. */
  readonly leaving: ReadonlySet<string>
  /** Milliseconds after which something is due that no event tells of. */
  readonly requeueAfter?: number
  /** The function was deleted and the engine holds nothing of it. */
  readonly finished: boolean
}

/** Plans the next steps from what is wanted and what was found. Pure: equal input gives an equal plan. */
export function planFunction(desired: Desired, found: Observed, now: number): Plan {
  return desired.frozen ? planFrozen(desired, found, now) : planRunning(desired, found, now)
}

/**
 * Of a function that is frozen only what is not its own goes, and what is more than wanted: an old revision stays until a call
 * comes, and what is missing is made then.
 */
function planFrozen(desired: Desired, observed: Observed, now: number): Plan {
  const { network, replicas } = observed
  const { kept, leave } = decideFrozen(desired, replicas)
  const gone = new Set(leave.map(({ replica }) => replica.id))
  const { frozen, running, steps } = planFreeze([...kept.values()])
  const leaving = withIds(gone, running)
  const ahead = leave
    .map(({ replica }) => replica)
    .flatMap(replica => (isUp(replica) ? [drainedAt(desired, replica, now)] : deadlineOf(desired, replica, now)))
    .concat(imageDue(desired, now))
    .filter(instant => instant > now)
  return {
    steps: [
      ...(network === undefined ? [] : planNetwork(desired, observed, false)),
      ...replicas.filter(({ id }) => !gone.has(id)).flatMap(planIsolation),
      ...[...kept.values()].flatMap(replica => planRename(desired, observed, replica)),
      ...leave.flatMap(({ replica, cause }) => planLeave(desired, replica, { cause, now })),
      ...steps
    ],
    endpoints: [],
    frozen,
    leaving,
    ...(ahead.length === 0 ? {} : { requeueAfter: Math.min(...ahead) - now }),
    finished: false
  }
}

function planRunning(desired: Desired, found: Observed, now: number): Plan {
  const move = planMove(desired, found, now)
  const plan = planOf(desired, found, { isMoving: move !== undefined, now })
  if (move === undefined) return plan
  const { steps, own, draining } = move
  if (draining.length > 0) return planDrain(desired, plan, move, now)
  return steps.length === 0 ? plan : { ...plan, steps, endpoints: [], leaving: withIds(plan.leaving, own) }
}

/**
 * Lets running calls end before their replicas lose the network; new ones wait. Those whose calls have ended go on leaving: one that
 * is forgotten meanwhile would have to leave anew, and the others wait for it in turn.
 */
function planDrain(desired: Desired, plan: Plan, { own, draining }: Move, now: number): Plan {
  const drained = draining.map(replica => (replica.inflight === 0 ? now : drainedAt(desired, replica, now)))
  return {
    ...plan,
    steps: [],
    endpoints: [],
    leaving: withIds(plan.leaving, own),
    requeueAfter: Math.max(0, Math.min(...drained) - now)
  }
}

function planOf(
  desired: Desired,
  found: Observed,
  { isMoving, now }: { readonly isMoving: boolean; readonly now: number }
): Plan {
  const observed = isMoving ? withoutNetwork(found) : found
  const rollout = decideRollout(desired, observed, now)
  const leaving = new Set(rollout.leave.map(({ replica }) => replica.id))
  const requeueAfter = nextDue(desired, observed, rollout, now)
  const creates = rollout.create.flatMap(({ ordinal, cause }) =>
    planCreate(desired, observed, { ordinal, cause, held: rollout.revival.held })
  )
  const keptIds = new Set([...rollout.kept.values()].map(({ id }) => id))
  const removed = new Set(creates.flatMap(step => (step.kind === 'remove-replica' ? [step.id] : [])))
  return {
    steps: [
      ...planNetwork(desired, found, isMoving),
      ...planSecrets(desired, observed, creates.length > 0),
      ...observed.replicas.filter(({ id }) => !leaving.has(id)).flatMap(planIsolation),
      ...[...rollout.kept.values()].flatMap(replica => planRepair(desired, observed, replica)),
      ...observed.replicas
        .filter(({ id }) => rollout.revival.held.has(id) && !keptIds.has(id))
        .flatMap(replica => planMend(desired, observed, replica)),
      ...planKills(desired, observed, rollout, now),
      ...planRevival(observed, rollout),
      ...creates,
      ...rollout.leave
        .filter(({ replica }) => !removed.has(replica.id))
        .flatMap(({ replica, cause }) => planLeave(desired, replica, { cause, now })),
      ...planTeardown(desired, observed)
    ],
    endpoints: observed.replicas.filter(
      r => r.phase === 'ready' && r.address !== undefined && r.uid === desired.owner.uid && !leaving.has(r.id)
    ),
    leaving,
    ...(requeueAfter === undefined ? {} : { requeueAfter }),
    finished: desired.deleting && observed.network?.ours !== true && isEmpty(observed)
  }
}

/** What a stranger's container uses of it is left to the garbage collector. */
function isEmpty({ replicas, loaders = [] }: Observed): boolean {
  return replicas.length === 0 && loaders.length === 0
}

function withIds(ids: ReadonlySet<string>, replicas: readonly Replica[]): ReadonlySet<string> {
  return new Set([...ids, ...replicas.map(({ id }) => id)])
}

/** What is there as it is when its network is gone. */
function withoutNetwork({ network: _, ...rest }: Observed): Observed {
  return rest
}
