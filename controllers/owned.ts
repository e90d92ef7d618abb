import { LABEL, ownerOf, type Role } from '../api/labels.ts'
import { keyOf, type StringMap } from '../api/meta.ts'
import { type FunctionRecord, parseRecord, parseVersion } from '../api/record.ts'
import { type Bond, containerBond, networkBond, type Signer } from '../api/signature.ts'
import type { ContainerSummary, Engine } from '../src/engine/engine.ts'

/** Something in Docker that carries our instance label. */
export interface OwnedObject {
  readonly kind: 'container' | 'network' | 'volume'
  readonly id: string
  readonly name: string
  readonly role: Role | undefined
  /** `namespace/name` of the function that its labels name; absent when they name none. */
  readonly owner?: string
  readonly uid?: string
  /** It carries our labels and is not of our making. */
  readonly forged?: true
  /** Milliseconds since the epoch. */
  readonly createdAt: number
  /** The database's resourceVersion when it was made, as its labels say; absent: they do not. */
  readonly resourceVersion?: number
  /** The volume with secrets that a container has mounted. */
  readonly secretsVolume?: string
  /** What a container of ours was made for; absent when its labels do not say. */
  readonly record?: ReplicaRecord
}

/** What a replica's labels say of the function that it was made for. */
export interface ReplicaRecord extends FunctionRecord {
  readonly generation: number
  readonly ordinal: number
  readonly imageId: string
}

export interface OwnedDeps {
  readonly engine: Pick<Engine, 'listContainers' | 'listNetworks' | 'listVolumes'>
  readonly signer: Pick<Signer, 'isGenuine'>
  readonly instance: string
}

/** Everything on the engine that carries our instance label, forged or not. */
export async function listOwned({ engine, signer, instance }: OwnedDeps, signal: AbortSignal): Promise<OwnedObject[]> {
  const label = { [LABEL.instance]: instance }
  const [containers, networks, volumes] = await Promise.all([
    engine.listContainers(label, signal),
    engine.listNetworks(signal),
    engine.listVolumes(label, signal)
  ])
  const ours = networks.filter(network => network.labels[LABEL.instance] === instance)
  return [
    ...containers.map(container => toOwnedContainer(signer, container)),
    ...ours.map(network => toOwned(signer, networkBond(network), network)),
    ...volumes.map(volume => toOwned(signer, { kind: 'volume' }, { ...volume, id: volume.name }))
  ]
}

/** A container that carries our instance label, as what it says of itself. */
export function toOwnedContainer(signer: OwnedDeps['signer'], container: ContainerSummary): OwnedObject {
  const { secretsVolume } = container
  const mounted = secretsVolume === undefined ? {} : { secretsVolume }
  const owned = { ...toOwned(signer, containerBond(container), container), ...mounted }
  const record = owned.forged === true ? undefined : recordOf(container)
  return record === undefined ? owned : { ...owned, record }
}

function recordOf({ labels, imageId }: ContainerSummary): ReplicaRecord | undefined {
  const record = parseRecord(labels)
  const ordinal = Number(labels[LABEL.ordinal] ?? Number.NaN)
  if (record === undefined || !Number.isInteger(ordinal)) return undefined
  return { ...record, ordinal, imageId, generation: ownerOf(labels)?.generation ?? 0 }
}

function toOwned(
  signer: OwnedDeps['signer'],
  bond: Bond,
  object: { readonly id: string; readonly name: string; readonly labels: StringMap; readonly createdAt: number }
): OwnedObject {
  const owner = ownerOf(object.labels)
  const resourceVersion = parseVersion(object.labels)
  return {
    kind: bond.kind,
    id: object.id,
    name: object.name,
    role: object.labels[LABEL.role] as Role | undefined,
    createdAt: object.createdAt,
    ...(owner === undefined ? {} : { owner: keyOf(owner), uid: owner.uid }),
    ...(resourceVersion === 0 ? {} : { resourceVersion }),
    ...(signer.isGenuine(object.labels, bond) ? {} : { forged: true })
  }
}
