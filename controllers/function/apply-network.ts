import { versionLabel } from '../../api/record.ts'
import type { Signer } from '../../api/signature.ts'
import type { Engine } from '../../src/engine/engine.ts'
import { faultOf } from '../../src/engine/faults.ts'
import type { HostRoute } from '../../src/engine/host-routes.ts'
import type { LeaseRequest } from '../../src/engine/subnet-leases.ts'
import { SubnetsExhaustedError } from './faults.ts'
import { networkSizeOf, networkSpec } from './network-spec.ts'
import type { Target } from './target.ts'

/** Chooses subnets so that no two networks get the same one. */
export interface SubnetChooser {
  /** Whether `lease` would give one. */
  hasFree: (request: LeaseRequest) => boolean
  lease: (request: LeaseRequest) => string | undefined
  refused: (networkName: string, subnet: string) => void
  settled: (networkName: string) => void
  freed: (subnet: string, networkName: string) => void
}

export interface NetworkDeps {
  readonly engine: Pick<Engine, 'listNetworks' | 'inspectNetwork' | 'createNetwork' | 'removeNetwork'>
  readonly subnets: SubnetChooser
  readonly prefixFor: (replicas: number) => number
  /** Routes of the host; absent where they cannot be known. */
  readonly routes?: () => Promise<readonly HostRoute[]>
  readonly signer: Signer
  /** The database's, which goes on what is made. */
  readonly resourceVersion: () => number
}

/** Creates the function's network in a subnet that is free. Throws `SubnetsExhaustedError` when none is. */
export async function createNetwork(
  deps: NetworkDeps,
  { object, desired }: Target,
  signal: AbortSignal
): Promise<void> {
  const { networkName, policy } = desired
  const prefix = deps.prefixFor(networkSizeOf(object, policy))
  const [networks, routes] = await Promise.all([deps.engine.listNetworks(signal), deps.routes?.() ?? []])
  const taken = networks.flatMap(network => network.subnets)
  const subnet = deps.subnets.lease({ networkName, prefix, taken, routes: routes.map(({ cidr }) => cidr) })
  if (subnet === undefined) throw new SubnetsExhaustedError(prefix)
  try {
    const spec = networkSpec(desired, subnet)
    const labels = { ...spec.labels, ...versionLabel(deps.resourceVersion()) }
    await deps.engine.createNetwork({ ...spec, labels: deps.signer.sign(labels, { kind: 'network', subnet }) }, signal)
  } catch (err) {
    if (faultOf(err) === 'subnet-overlap') deps.subnets.refused(networkName, subnet)
    throw err
  } finally {
    deps.subnets.settled(networkName)
  }
}

/** Removes a network, so that its subnets are free. */
export async function removeNetwork(
  deps: NetworkDeps,
  step: { readonly id: string; readonly name: string },
  signal: AbortSignal
): Promise<void> {
  const network = await deps.engine.inspectNetwork(step.name, signal)
  await deps.engine.removeNetwork(step.id, signal)
  for (const subnet of network?.subnets ?? []) deps.subnets.freed(subnet, step.name)
}
