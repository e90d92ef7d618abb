import type { Desired } from './desired.ts'
import type { Observed, ObservedNetwork, Replica } from './observed.ts'
import { MOVES, type Step } from './step.ts'

/** The network makes room for another one. */
export interface Move {
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
export function planMove(desired: Desired, { network, replicas }: Observed, now: number): Move | undefined {
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

/** Makes the network and attaches the gateway, after what does not do has gone. A stranger's of that name stays as it is. */
export function planNetwork(desired: Desired, observed: Observed, isMoving: boolean): Step[] {
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

/** Removes the network of a function that is deleted when no replica is left. */
export function planTeardown(desired: Desired, { network, replicas }: Observed): Step[] {
  if (!desired.deleting || replicas.length > 0 || network === undefined || !network.ours) return []
  return planRemoveNetwork(desired, network, 'function deleted')
}
