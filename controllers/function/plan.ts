import { outdatedName } from '../../api/names.ts'
import { waitsFor, willWait } from './debug-ports.ts'
import type { Desired } from './desired.ts'
import type { Observed, ObservedNetwork, Replica } from './observed.ts'
import { planFreeze } from './plan-frozen.ts'
import { planSecrets } from './plan-secrets.ts'
import { isUnhealthy, isUp } from './replica-phase.ts'
import { dueAt, isRestartable } from './revival.ts'
import { decideFrozen, decideRollout, notBefore, type Rollout, UNHEALTHY } from './rollout.ts'
import { MOVES, RENAMED, type ReplicaStep, type Step } from './step.ts'

/** A pull wakes the function when it ends; this is for the case that its end was missed. */
const PULL_LOOK_MS = 2000

/** Nothing tells when a runtime is installed. */
const RUNTIME_LOOK_MS = 5000

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

/** The network makes room for another one. */
interface Move {
  /** Takes the replicas off it. */
  readonly steps: readonly Step[]
  /** The replicas that are on it. */
  readonly own: readonly Replica[]
  /** Of these, the ones that answer calls yet, and get no others; those wait until the move is over. */
  readonly draining: readonly Replica[]
}

/**
 * What has to be taken off a network before another one takes its place, as the host routes its addresses elsewhere, or
 * as it leads where its function may not go, or the other way round; undefined when it stays, or nothing may be done:
 * somebody serves on it, or there is no other place.
 */
function planMove(desired: Desired, { network, replicas }: Observed, now: number): Move | undefined {
  if (desired.deleting || network?.ours !== true || network.legacy === true) return undefined
  const own = replicas.filter(({ id }) => network.members.includes(id))
  if (network.members.some(id => id !== desired.gatewayId && !own.some(replica => replica.id === id))) return undefined
  const cause = causeToMove(desired, network, replicas)
  if (cause === undefined) return undefined
  const isOtherwise = network.egress !== desired.isolation.egress
  const draining = isOtherwise ? own.filter(replica => isBusy(desired, replica, now)) : []
  const steps = own.map(({ id, ordinal }): Step => {
    return { kind: 'disconnect-replica', name: id, networkId: network.id, ordinal, cause }
  })
  return { steps, own, draining }
}

function causeToMove(desired: Desired, network: ObservedNetwork, replicas: readonly Replica[]): string | undefined {
  const { egress, refusal } = desired.isolation
  if (network.egress !== egress && refusal === undefined)
    return `${MOVES}, as egress is ${network.egress}, and ${egress} is wanted`
  const { conflict } = network
  if (conflict?.canMove !== true) return undefined
  const isServing = replicas.some(({ phase }) => phase === 'ready')
  if (replicas.length > 0 && (isServing || !conflict.takesTraffic)) return undefined
  return `route ${conflict.route} of the host leads elsewhere`
}

/** Whether calls run in it that may end yet; one that took calls until now has to leave the endpoint table first. */
function isBusy({ policy }: Desired, { phase, inflight, leavingSince }: Replica, now: number): boolean {
  if (phase !== 'ready') return false
  return leavingSince === undefined || (inflight > 0 && now - leavingSince < policy.drainMs)
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

function planNetwork(desired: Desired, observed: Observed, isMoving: boolean): Step[] {
  const { network } = observed
  if (desired.deleting || network?.ours === false) return []
  const remove = planReplaceNetwork(desired, observed, isMoving)
  if (desired.replicas === 0) return network?.legacy === true || isMoving ? remove : []
  const { networkName: name, gatewayId } = desired
  const isNew = network === undefined || remove.length > 0
  const create: Step[] = isNew ? [{ kind: 'create-network', name, cause: 'missing' }] : []
  const isAttached = !isNew && network.members.includes(gatewayId ?? '')
  const attach: Step[] =
    gatewayId === undefined || isAttached ? [] : [{ kind: 'connect-gateway', name, gatewayId, cause: 'not attached' }]
  return [...remove, ...create, ...attach]
}

/** A network that does not do can go only while nobody is on it. */
function planReplaceNetwork(desired: Desired, { network, replicas }: Observed, isMoving: boolean): Step[] {
  if (network === undefined) return []
  if (isMoving) return planRemoveNetwork(desired, network, causeToMove(desired, network, replicas) ?? 'moves')
  if (replicas.length > 0) return []
  if (network.members.some(id => id !== desired.gatewayId)) return []
  if (network.legacy === true) return planRemoveNetwork(desired, network, 'of the older program')
  return network.capacity < desired.replicas ? planRemoveNetwork(desired, network, 'too small') : []
}

function planRemoveNetwork({ networkName: name, gatewayId }: Desired, network: ObservedNetwork, cause: string): Step[] {
  const detach: Step[] =
    gatewayId !== undefined && network.members.includes(gatewayId)
      ? [{ kind: 'disconnect-gateway', name, gatewayId, cause }]
      : []
  return [...detach, { kind: 'remove-network', name, id: network.id, cause }]
}

function planRename(desired: Desired, observed: Observed, { name, id, ordinal }: Replica): ReplicaStep[] {
  const to = desired.nameOf(ordinal)
  if (name === to || observed.replicas.some(r => r.name === to)) return []
  return [{ kind: 'rename-replica', name, id, to, ordinal, cause: RENAMED }]
}

function planRepair(desired: Desired, observed: Observed, replica: Replica): ReplicaStep[] {
  const { ordinal } = replica
  const steps = replica.phase === 'exited' ? [] : planRename(desired, observed, replica)
  // The engine goes by the network's name, and would attach the replica to a stranger's.
  const waits = observed.replicas.some(other => waitsFor(replica, other))
  if (replica.phase === 'created' && observed.network?.ours !== false && !waits)
    steps.push({ kind: 'start-replica', name: replica.id, ordinal, cause: 'not started' })
  return [...steps, ...planMend(desired, observed, replica)]
}

/** What people do to a replica that runs is undone. */
function planMend({ wasFrozen }: Desired, observed: Observed, replica: Replica): ReplicaStep[] {
  const { id, name, ordinal } = replica
  const steps: ReplicaStep[] = []
  if (replica.paused && wasFrozen) steps.push({ kind: 'thaw-replica', name, id, ordinal, cause: 'is to run' })
  else if (replica.paused) steps.push({ kind: 'unpause-replica', name: id, ordinal, cause: 'paused' })
  // One that is paused is attached when it runs: the next look does that.
  if (replica.address === undefined && !replica.paused && isUp(replica) && observed.network?.ours !== false) {
    const network = observed.network === undefined ? {} : { networkId: observed.network.id }
    steps.push({ kind: 'connect-replica', name: replica.id, ...network, ordinal, cause: 'not on its network' })
  }
  return steps
}

/** A function is reached by the gateway only, whatever network somebody attaches it to. */
function planIsolation({ id, phase, ordinal, foreignNetworks }: Replica): ReplicaStep[] {
  if (phase === 'exited' || phase === 'exiting' || phase === 'removing') return []
  return foreignNetworks.map(network => ({
    kind: 'disconnect-replica',
    name: id,
    networkId: network.id,
    ordinal,
    cause: `attached to network ${network.name}, which is not its own`
  }))
}

/** One that nothing can take the place of yet, and that hangs, is ended, so that it is started again. */
function planKills(desired: Desired, { replicas }: Observed, { revival }: Rollout, now: number): ReplicaStep[] {
  return replicas
    .filter(replica => revival.held.has(replica.id) && isUnhealthy(replica))
    .filter(replica => replica.inflight === 0 || killableAt(desired, replica) <= now)
    .map(({ name, id, ordinal }) => ({ kind: 'kill-replica', name, id, ordinal, cause: UNHEALTHY }))
}

/** When calls that run in one that hangs have had their time; milliseconds since the epoch. */
function killableAt({ policy }: Desired, { phaseSince }: Replica): number {
  return phaseSince + policy.drainMs
}

/** One whose network was made anew, or that was taken off it, is attached before it starts. */
function planRevival({ network }: Observed, { revival }: Rollout): ReplicaStep[] {
  if (network?.ours !== true) return []
  return revival.start.flatMap(({ replica: { name, id, ordinal, container }, cause }) => {
    const isAttached = Object.values(container.networks).some(({ networkId }) => networkId === network.id)
    const start: ReplicaStep = { kind: 'start-replica', name, id, ordinal, cause }
    if (isAttached) return [start]
    return [
      { kind: 'connect-replica', name: id, id, networkId: network.id, ordinal, cause: 'not on its network' },
      start
    ]
  })
}

function planCreate(
  desired: Desired,
  observed: Observed,
  { ordinal, cause, held }: { ordinal: number; cause: string; held: ReadonlySet<string> }
): ReplicaStep[] {
  const name = desired.nameOf(ordinal)
  const holder = observed.replicas.find(r => r.name === name)
  const start: ReplicaStep[] = willWait(desired, observed.replicas, ordinal)
    ? []
    : [{ kind: 'start-replica', name, ordinal, cause }]
  const create: ReplicaStep[] = [{ kind: 'create-replica', name, ordinal, cause }, ...start]
  if (holder === undefined) return create
  const { id } = holder
  if (holder.phase === 'exited' && !held.has(id))
    return [{ kind: 'remove-replica', name, id, ordinal, cause }, ...create]
  const to = outdatedName(name, holder.hash)
  return [{ kind: 'rename-replica', name, id, to, ordinal, cause: 'makes room' }, ...create]
}

function planLeave(desired: Desired, replica: Replica, { cause, now }: { cause: string; now: number }): ReplicaStep[] {
  const { name, id, ordinal } = replica
  const remove: ReplicaStep = { kind: 'remove-replica', name, id, ordinal, cause }
  switch (replica.phase) {
    case 'removing':
      return []
    case 'exited':
    case 'created':
      return [remove]
    case 'exiting':
      return now - (replica.stoppingSince ?? now) >= desired.policy.stopGraceMs
        ? [{ ...remove, cause: 'does not stop' }]
        : []
    case 'starting':
    case 'ready':
    case 'unready': {
      const drained = replica.inflight === 0 || now - (replica.leavingSince ?? now) >= desired.policy.drainMs
      if (!drained) return []
      // The engine sends no signals to one that is paused.
      const thaw: ReplicaStep[] = replica.paused ? [{ kind: 'thaw-replica', name, id, ordinal, cause: 'to stop' }] : []
      return [...thaw, { kind: 'stop-replica', name, id, posixSignal: replica.container.stopSignal, ordinal, cause }]
    }
    default:
      return replica.phase satisfies never
  }
}

function planTeardown(desired: Desired, { network, replicas }: Observed): Step[] {
  if (!desired.deleting || replicas.length > 0 || network === undefined || !network.ours) return []
  return planRemoveNetwork(desired, network, 'function deleted')
}

/** The least time to something that only the clock brings about. */
function nextDue(desired: Desired, observed: Observed, rollout: Rollout, now: number): number | undefined {
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

/** When to look again at an image that is not there. */
function imageDue({ image }: Desired, now: number): number[] {
  if (image.state === 'failed') return [Math.max(image.retryAt, now + 1)]
  return image.state === 'pulling' ? [now + PULL_LOOK_MS] : []
}

function deadlineOf({ policy, readyTimeoutMs }: Desired, replica: Replica, now: number): number[] {
  if (replica.phase === 'exiting') return [(replica.stoppingSince ?? now) + policy.stopGraceMs]
  return replica.phase === 'starting' ? [replica.phaseSince + readyTimeoutMs] : []
}

function drainedAt({ policy }: Desired, replica: Replica, now: number): number {
  return (replica.leavingSince ?? now) + policy.drainMs
}
