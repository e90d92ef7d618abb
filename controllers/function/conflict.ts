import type { Engine, NetworkSummary } from '../../src/engine/engine.ts'
import type { HostRoute } from '../../src/engine/host-routes.ts'
import type { LeaseRequest } from '../../src/engine/subnet-leases.ts'
import { overlaps } from '../../src/engine/subnets.ts'
import type { Observed, ObservedConflict } from './observed.ts'

export interface ConflictDeps {
  readonly engine: Pick<Engine, 'listNetworks'>
  readonly subnets: { readonly hasFree: (request: LeaseRequest) => boolean }
  /** Routes of the host; absent, or none, where they cannot be known. */
  readonly routes?: () => Promise<readonly HostRoute[]>
  /** Id of the container that the gateway runs in, if it does. */
  readonly gatewayId: () => string | undefined
}

type Place = Pick<NetworkSummary, 'id' | 'subnets' | 'closedBridge'>

/**
 * The route of the host, other than the network's own, that leads elsewhere with addresses of the network; one that takes
 * traffic away from it before one that only goes around it. Undefined when there is none. `isInside`: we run in a
 * container, which has a route of its own to each network that it is attached to. Pure.
 */
export function conflictOf(
  { id, subnets: [subnet], closedBridge }: Place,
  { routes, isInside }: { readonly routes: readonly HostRoute[]; readonly isInside: boolean }
): Pick<ObservedConflict, 'route' | 'takesTraffic'> | undefined {
  if (subnet === undefined) return undefined
  const bridge = closedBridge || `br-${id.slice(0, 12)}`
  const [first] = routes
    .filter(route => route.interface !== bridge && !(isInside && route.cidr === subnet))
    .filter(route => overlaps(route.cidr, subnet))
    .map(({ cidr }) => ({ route: cidr, takesTraffic: prefixOf(cidr) >= prefixOf(subnet) }))
    .sort((a, b) => Number(b.takesTraffic) - Number(a.takesTraffic))
  return first
}

/** What was observed, with what is in the way of the network, and whether there is another place for it. */
export async function withConflict(
  { engine, subnets, routes, gatewayId }: ConflictDeps,
  observed: Observed,
  { networkName, signal }: { readonly networkName: string; readonly signal: AbortSignal }
): Promise<Observed> {
  const { network } = observed
  if (network?.ours !== true || network.subnet === undefined || routes === undefined) return observed
  const known = await routes()
  const conflict = conflictOf(
    {
      id: network.id,
      subnets: [network.subnet],
      ...(network.bridge === undefined ? {} : { closedBridge: network.bridge })
    },
    { routes: known, isInside: gatewayId() !== undefined }
  )
  if (conflict === undefined) return observed
  const networks = await engine.listNetworks(signal)
  const canMove = subnets.hasFree({
    ...{ networkName, prefix: prefixOf(network.subnet) },
    ...{ taken: networks.flatMap(each => each.subnets), routes: known.map(({ cidr }) => cidr) }
  })
  return { ...observed, network: { ...network, conflict: { ...conflict, canMove } } }
}

function prefixOf(cidr: string): number {
  return Number(cidr.split('/')[1])
}
