import { outdatedName } from '../../api/names.ts'
import { waitsFor, willWait } from './debug-ports.ts'
import type { Desired } from './desired.ts'
import type { Observed, Replica } from './observed.ts'
import { killableAt } from './plan-due.ts'
import { isUnhealthy, isUp } from './replica-phase.ts'
import { type Rollout, UNHEALTHY } from './rollout.ts'
import { RENAMED, type ReplicaStep } from './step.ts'

/** Gives it the name of its ordinal, where nobody has that. */
export function planRename(desired: Desired, observed: Observed, { name, id, ordinal }: Replica): ReplicaStep[] {
  const to = desired.nameOf(ordinal)
  if (name === to || observed.replicas.some(r => r.name === to)) return []
  return [{ kind: 'rename-replica', name, id, to, ordinal, cause: RENAMED }]
}

/** What is missing of a replica that stays: its name, its start, and what people did to it. */
export function planRepair(desired: Desired, observed: Observed, replica: Replica): ReplicaStep[] {
  const { ordinal } = replica
  const steps = replica.phase === 'exited' ? [] : planRename(desired, observed, replica)
  // The engine goes by the network's name, and would attach the replica to a stranger's.
  const waits = observed.replicas.some(other => waitsFor(replica, other))
  if (replica.phase === 'created' && observed.network?.ours !== false && !waits)
    steps.push({ kind: 'start-replica', name: replica.id, ordinal, cause: 'not started' })
  return [...steps, ...planMend(desired, observed, replica)]
}

/** What people do to a replica that runs is undone. */
export function planMend({ wasFrozen }: Desired, observed: Observed, replica: Replica): ReplicaStep[] {
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
export function planIsolation({ id, phase, ordinal, foreignNetworks }: Replica): ReplicaStep[] {
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
export function planKills(desired: Desired, { replicas }: Observed, { revival }: Rollout, now: number): ReplicaStep[] {
  return replicas
    .filter(replica => revival.held.has(replica.id) && isUnhealthy(replica))
    .filter(replica => replica.inflight === 0 || killableAt(desired, replica) <= now)
    .map(({ name, id, ordinal }) => ({ kind: 'kill-replica', name, id, ordinal, cause: UNHEALTHY }))
}

/** One whose network was made anew, or that was taken off it, is attached before it starts. */
export function planRevival({ network }: Observed, { revival }: Rollout): ReplicaStep[] {
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

/** Makes and starts a replica under the name of its ordinal; one that has the name goes, or gives it away. */
export function planCreate(
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

/** The next step towards the end of a replica: nothing while calls run in it, then a signal, then its removal. */
export function planLeave(
  desired: Desired,
  replica: Replica,
  { cause, now }: { cause: string; now: number }
): ReplicaStep[] {
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
