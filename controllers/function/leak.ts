import { getCondition } from '../../api/condition.ts'
import type { FunctionObject } from '../../api/function.ts'
import { isNetworkBusy } from './faults.ts'
import type { Observed, ObservedNetwork } from './observed.ts'

/**
 * The network that keeps the deletion of a function waiting for the grace: no replica is left, and the engine says that
 * there are endpoints on it for all that. The garbage collector has it from then on. One of the older program is never
 * given up, as nobody would collect it. Pure.
 */
export function leakedNetwork(
  { metadata, status }: FunctionObject,
  { observed, failure }: { readonly observed?: Observed | undefined; readonly failure?: unknown },
  { now, graceMs }: { readonly now: number; readonly graceMs: number }
): ObservedNetwork | undefined {
  const network = observed?.network
  if (metadata.deletionRequestedAt === undefined || !isNetworkBusy(failure)) return undefined
  if (network?.ours !== true || network.legacy === true || observed?.replicas.length !== 0) return undefined
  const degraded = getCondition(status.conditions, 'Degraded')
  if (degraded?.status !== 'True' || degraded.reason !== 'NetworkBusy') return undefined
  return now - Date.parse(degraded.lastTransitionTime) >= graceMs ? network : undefined
}
