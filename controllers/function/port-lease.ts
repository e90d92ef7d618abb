import { DEBUGGERS, type DebugBinding, parseDebugPorts } from '../../api/debug-ports.ts'
import { LABEL, ownerOf } from '../../api/labels.ts'
import { containerBond, type Signer } from '../../api/signature.ts'
import type { ContainerSummary, Engine } from '../../src/engine/engine.ts'
import type { PortRequest } from '../../src/engine/port-leases.ts'
import type { Desired } from './desired.ts'
import { PortsExhaustedError } from './faults.ts'

/** Chooses ports so that no two replicas get the same one. */
export interface PortChooser {
  lease: (request: PortRequest) => ReadonlyMap<number, number> | undefined
  refused: (port: number) => void
}

export interface PortDeps {
  readonly engine: Pick<Engine, 'listContainers'>
  readonly signer: Pick<Signer, 'isGenuine'>
  readonly ports: PortChooser
}

/** Leases the ports of a new replica; none for a function without `debug`. Throws `PortsExhaustedError`. */
export async function leasePorts(
  { engine, signer, ports }: PortDeps,
  { debug, owner }: Desired,
  ordinal: number,
  signal: AbortSignal
): Promise<DebugBinding[]> {
  if (debug === undefined) return []
  for (const port of debug.refused) ports.refused(port)
  const isItself = (container: ContainerSummary) => {
    const { instance, namespace, name } = ownerOf(container.labels) ?? {}
    const isSame = instance === owner.instance && namespace === owner.namespace && name === owner.name
    const isSameOrdinal = container.labels[LABEL.ordinal] === String(ordinal)
    return isSame && isSameOrdinal && signer.isGenuine(container.labels, containerBond(container))
  }
  const others = (await engine.listContainers({}, signal)).filter(container => !isItself(container))
  const taken = others.flatMap(({ ports, labels }) => [...ports, ...parseDebugPorts(labels)])
  const held = debug.held.filter(port => port.ordinal === ordinal)
  const leased = ports.lease({
    owner: `${owner.instance}/${owner.namespace}/${owner.name}/${ordinal}`,
    containerPorts: [...DEBUGGERS.keys()],
    held: new Map(held.map(({ containerPort, hostPort }) => [containerPort, hostPort])),
    taken: new Set(taken.map(({ hostPort }) => hostPort))
  })
  if (leased === undefined) throw new PortsExhaustedError()
  return [...leased].map(([containerPort, hostPort]) => ({ containerPort, address: debug.address, hostPort }))
}
