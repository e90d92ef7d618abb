import { LABEL, ownerLabels } from '../../api/labels.ts'
import { versionLabel } from '../../api/record.ts'
import { containerBond, type Signer } from '../../api/signature.ts'
import type { Engine, Volume } from '../../src/engine/engine.ts'
import { faultOf } from '../../src/engine/faults.ts'
import type { ContainerSpec, SecretFile, SecretsMount } from '../../src/engine/specs.ts'
import type { SecretStore } from '../../src/store/secret-store.ts'
import type { Departures } from './departures.ts'
import type { Desired, WantedSecrets } from './desired.ts'
import { NameConflictError, SecretsIncompleteError } from './faults.ts'

export interface SecretsDeps {
  readonly engine: Pick<
    Engine,
    | 'createContainer'
    | 'inspectContainer'
    | 'removeContainer'
    | 'inspectVolume'
    | 'removeVolume'
    | 'writeSecrets'
    | 'hasSecrets'
  >
  readonly secrets: Pick<SecretStore, 'list' | 'reveal'>
  readonly signer: Signer
  readonly departures: Departures
  readonly resourceVersion: () => number
}

/** Room for a process that never runs. */
const LOADER_MEMORY_BYTES = 16 * 2 ** 20

/**
 * The mount of a function's secrets. Its labels are those of the volume: should somebody have removed it, the engine
 * makes an empty one of that name, which is then ours and known as not whole.
 */
export function secretsMount(
  { signer, resourceVersion }: Pick<SecretsDeps, 'signer' | 'resourceVersion'>,
  { owner }: Desired,
  { volume, hash }: WantedSecrets,
  access: SecretsMount['access']
): SecretsMount {
  const labels = { ...ownerLabels(owner, 'secrets'), [LABEL.specHash]: hash, ...versionLabel(resourceVersion()) }
  return { volume, access, labels: signer.sign(labels, { kind: 'volume' }) }
}

/**
 * Writes the values into the volume by a container of the function's own image that never runs, so that it works
 * wherever the engine is. The container goes when all is written; one that is left shows that it was not.
 */
export async function writeSecrets(deps: SecretsDeps, desired: Desired, signal: AbortSignal): Promise<void> {
  const { engine } = deps
  const { secrets, image } = desired
  if (secrets === undefined || image.state !== 'pinned') throw new Error(`secrets of ${desired.key} are not known`)
  const files = await readFiles(deps, secrets)
  refuseForeign(deps, desired, await engine.inspectVolume(secrets.volume, signal))
  const id = await createLoader(deps, desired, { secrets, imageId: image.pin.id, signal })
  // Nobody can put another volume in its place while the container is there.
  const volume = await engine.inspectVolume(secrets.volume, signal)
  if (volume === undefined) throw new SecretsIncompleteError(secrets.volume)
  refuseForeign(deps, desired, volume)
  if (!(await engine.hasSecrets(id, signal))) await engine.writeSecrets(id, files, signal)
  await engine.removeContainer(id, signal)
}

/**
 * Throws unless a replica that never ran would find all of its secrets; the replica goes then, and its volume where it
 * is ours, so that both are made anew. Afterwards nothing can take the volume from it.
 */
export async function proveSecrets(
  deps: SecretsDeps,
  desired: Desired,
  nameOrId: string,
  signal: AbortSignal
): Promise<void> {
  const { engine } = deps
  const container = await engine.inspectContainer(nameOrId, signal)
  if (container?.secretsVolume === undefined) return
  const name = container.secretsVolume
  const volume = await engine.inspectVolume(name, signal)
  const isOurs = volume !== undefined && isOurVolume(deps, desired, volume)
  if (isOurs && (await engine.hasSecrets(container.id, signal))) return
  await engine.removeContainer(container.id, signal)
  if (volume !== undefined && !isOurs) throw new NameConflictError('volume', name)
  await engine.removeVolume(name, signal)
  throw new SecretsIncompleteError(name)
}

/** Whether it is of our making, for this very function. */
export function isOurVolume(
  { signer }: { readonly signer: Pick<Signer, 'isGenuine'> },
  { owner }: Pick<Desired, 'owner'>,
  { name, labels }: Volume
): boolean {
  const isWhose = labels[LABEL.instance] === owner.instance && labels[LABEL.uid] === owner.uid
  return isWhose && name.endsWith(`-${labels[LABEL.specHash]}`) && signer.isGenuine(labels, { kind: 'volume' })
}

/** Removes a volume. One that a container of somebody else uses stays, and is tried again later; nothing waits for that. */
export async function removeSecrets(
  { engine, departures }: Pick<SecretsDeps, 'engine' | 'departures'>,
  key: string,
  name: string,
  signal: AbortSignal
): Promise<void> {
  try {
    await engine.removeVolume(name, signal)
  } catch (err) {
    if (faultOf(err) !== 'busy') throw err
    departures.volumes.refused(key, name)
  }
}

async function readFiles({ secrets }: SecretsDeps, { volume, found }: WantedSecrets): Promise<SecretFile[]> {
  const files: SecretFile[] = []
  for (const object of found) {
    const value = await secrets.reveal(object)
    if (value === undefined) throw new SecretsIncompleteError(volume)
    files.push({ name: object.name, value })
  }
  return files
}

function refuseForeign(deps: SecretsDeps, desired: Desired, volume: Volume | undefined): void {
  if (volume !== undefined && !isOurVolume(deps, desired, volume)) throw new NameConflictError('volume', volume.name)
}

async function createLoader(
  deps: SecretsDeps,
  desired: Desired,
  { secrets, imageId, signal }: { secrets: WantedSecrets; imageId: string; signal: AbortSignal }
): Promise<string> {
  const labels = { ...ownerLabels(desired.owner, 'loader'), ...versionLabel(deps.resourceVersion()) }
  const spec: ContainerSpec = {
    name: secrets.volume,
    image: imageId,
    labels: deps.signer.sign(labels, containerBond({ imageId })),
    env: {},
    network: desired.networkName,
    memoryBytes: LOADER_MEMORY_BYTES,
    memoryReservationBytes: 0,
    nanoCpus: 0,
    cpuShares: 0,
    pidsLimit: desired.policy.pidsLimit,
    // The engine unpacks beside the volume, too.
    readOnlyRootFilesystem: false,
    tmpfs: {},
    ports: [],
    logMaxBytes: desired.policy.logMaxBytes,
    secrets: secretsMount(deps, desired, secrets, 'write')
  }
  try {
    return await deps.engine.createContainer(spec, signal)
  } catch (err) {
    const holder = faultOf(err) === 'name-in-use' ? await deps.engine.inspectContainer(spec.name, signal) : undefined
    if (holder === undefined || deps.signer.isGenuine(holder.labels, containerBond(holder))) throw err
    throw new NameConflictError('container', spec.name, { cause: err })
  }
}
