import { parseDebugPorts } from '../../api/debug-ports.ts'
import { LABEL } from '../../api/labels.ts'
import { outdatedName } from '../../api/names.ts'
import { recordLabel, versionLabel } from '../../api/record.ts'
import { containerBond, type Signer } from '../../api/signature.ts'
import type { Container, Engine } from '../../src/engine/engine.ts'
import { EngineError, faultOf } from '../../src/engine/faults.ts'
import type { EndpointTable } from '../../src/gateway/endpoints.ts'
import { proveSecrets, type SecretsDeps, secretsMount } from './apply-secrets.ts'
import { containerSpec } from './container-spec.ts'
import { refusedPorts } from './debug-ports.ts'
import type { Desired } from './desired.ts'
import { NameConflictError } from './faults.ts'
import { keepLastLines, type LastLinesDeps } from './last-lines.ts'
import { leasePorts, type PortDeps } from './port-lease.ts'
import type { Target } from './target.ts'

export interface ReplicaDeps extends SecretsDeps, LastLinesDeps, PortDeps {
  readonly engine: Engine
  readonly signer: Signer
  readonly endpoints: Pick<EndpointTable, 'end'>
}

/** Creates the container of an ordinal. Throws `NameConflictError` when a stranger's has its name. */
export async function createReplica(
  deps: ReplicaDeps,
  { object, desired }: Target,
  ordinal: number,
  signal: AbortSignal
): Promise<void> {
  if (desired.image.state !== 'pinned' || desired.hash === undefined) {
    throw new Error(`replica ${desired.nameOf(ordinal)} was planned without an image`)
  }
  const { pin } = desired.image
  // The reference reads better in `docker ps`, but only the id is sure to be the revision's image.
  const tagged = await deps.engine.inspectImage(pin.reference, signal)
  const image = tagged?.id === pin.id ? pin.reference : pin.id
  const ports = await leasePorts(deps, desired, ordinal, signal)
  try {
    const spec = containerSpec(object, desired, { ordinal, image, hash: desired.hash, ports })
    const labels = { ...spec.labels, ...recordLabel(object), ...versionLabel(deps.resourceVersion()) }
    const { secrets } = desired
    const mount = secrets === undefined ? {} : { secrets: secretsMount(deps, desired, secrets, 'read') }
    await deps.engine.createContainer(
      { ...spec, ...mount, labels: deps.signer.sign(labels, containerBond({ imageId: pin.id })) },
      signal
    )
  } catch (err) {
    if (faultOf(err) === 'name-in-use') await refuseForeign(deps, desired, ordinal, { err, signal })
    throw err
  }
}

/** Starts a replica; one that is new only when it finds its secrets, one that ran before has them. */
export async function startReplica(
  deps: ReplicaDeps,
  { object, desired }: Target,
  step: { readonly id?: string; readonly name: string },
  signal: AbortSignal
): Promise<void> {
  if (step.id === undefined && object.spec.secrets.length > 0) await proveSecrets(deps, desired, step.name, signal)
  await deps.engine.startContainer(step.id ?? step.name, signal)
}

/** Throws `NameConflictError` when the name is a stranger's; returns when it is ours and on its way out. */
async function refuseForeign(
  deps: ReplicaDeps,
  desired: Desired,
  ordinal: number,
  { err, signal }: { err: unknown; signal: AbortSignal }
): Promise<void> {
  const name = desired.nameOf(ordinal)
  const holder = await deps.engine.inspectContainer(name, signal)
  if (holder !== undefined && !isOurs(deps, desired, holder)) {
    throw new NameConflictError('container', name, { cause: err })
  }
}

function isOurs({ signer }: ReplicaDeps, { policy }: Desired, holder: Container): boolean {
  return holder.labels[LABEL.instance] === policy.instance && signer.isGenuine(holder.labels, containerBond(holder))
}

/** One whose removal does not come to an end gives its name away, so that its successor need not wait for that. */
export async function removeReplica(
  deps: ReplicaDeps,
  desired: Desired,
  step: { readonly id: string; readonly name: string; readonly ordinal: number },
  signal: AbortSignal
): Promise<void> {
  const { engine } = deps
  // Those of a function that is deleted go with it.
  if (!desired.deleting) await keepLastLines(deps, { ...step, uid: desired.owner.uid }, signal)
  try {
    await engine.removeContainer(step.id, signal)
  } catch (err) {
    if (faultOf(err) !== 'busy' || step.name !== desired.nameOf(step.ordinal)) throw err
    await engine.renameContainer(step.id, outdatedName(step.name, step.id.slice(0, 8)), signal)
  }
}

/**
 * One whose debug ports somebody took while it was off its network goes, as nobody can give it others; so that the next
 * one does not ask for them, they are noted.
 */
export async function connectReplica(
  { engine, ports }: ReplicaDeps,
  network: string,
  nameOrId: string,
  signal: AbortSignal
): Promise<void> {
  try {
    await engine.connectNetwork(network, nameOrId, signal)
  } catch (err) {
    if (!(err instanceof EngineError) || err.fault !== 'port-in-use') throw err
    const container = await engine.inspectContainer(nameOrId, signal)
    const bindings = parseDebugPorts(container?.labels ?? {})
    for (const port of refusedPorts(err.message, bindings)) ports.refused(port)
    if (bindings.length > 0) await engine.removeContainer(nameOrId, signal)
    throw err
  }
}

/** Asks a replica to stop: calls that run in it end, and it gets no others. */
export async function stopReplica(
  deps: ReplicaDeps,
  key: string,
  step: { readonly id: string; readonly posixSignal: string },
  signal: AbortSignal
): Promise<void> {
  deps.departures.stopping(key, step.id)
  deps.endpoints.end(step.id, 'stopped')
  await deps.engine.signalContainer(step.id, step.posixSignal, signal)
}
