import { parseDebugPorts } from '../../api/debug-ports.ts'
import type { FunctionObject } from '../../api/function.ts'
import { LABEL } from '../../api/labels.ts'
import { outdatedName } from '../../api/names.ts'
import { recordLabel, versionLabel } from '../../api/record.ts'
import { containerBond, type Signer } from '../../api/signature.ts'
import type { Container, Engine } from '../../src/engine/engine.ts'
import { EngineError, faultOf } from '../../src/engine/faults.ts'
import type { HostRoute } from '../../src/engine/host-routes.ts'
import type { LeaseRequest } from '../../src/engine/subnet-leases.ts'
import type { EndpointTable } from '../../src/gateway/endpoints.ts'
import { proveSecrets, type SecretsDeps, secretsMount, writeSecrets } from './apply-secrets.ts'
import { containerSpec } from './container-spec.ts'
import { refusedPorts } from './debug-ports.ts'
import type { Departures } from './departures.ts'
import type { Desired } from './desired.ts'
import { NameConflictError, SubnetsExhaustedError } from './faults.ts'
import { keepLastLines, type LastLinesDeps } from './last-lines.ts'
import { networkSizeOf, networkSpec } from './network-spec.ts'
import { leasePorts, type PortChooser } from './port-lease.ts'
import { isReplicaStep, type ReplicaStep, type Step } from './step.ts'

/** Chooses subnets so that no two networks get the same one. */
export interface SubnetChooser {
  /** Whether `lease` would give one. */
  hasFree: (request: LeaseRequest) => boolean
  lease: (request: LeaseRequest) => string | undefined
  refused: (networkName: string, subnet: string) => void
  settled: (networkName: string) => void
  freed: (subnet: string, networkName: string) => void
}

export interface ApplyDeps extends SecretsDeps, LastLinesDeps {
  readonly engine: Engine
  readonly subnets: SubnetChooser
  readonly ports: PortChooser
  readonly prefixFor: (replicas: number) => number
  /** Routes of the host; absent where they cannot be known. */
  readonly routes?: () => Promise<readonly HostRoute[]>
  readonly signer: Signer
  /** The database's, which goes on what is made. */
  readonly resourceVersion: () => number
  readonly departures: Departures
  readonly endpoints: Pick<EndpointTable, 'end'>
  readonly inflight: { count: (containerId: string) => number }
  /** Whether calls wait for the function, so that nothing of it is frozen. */
  readonly isWanted?: (key: string) => boolean
  readonly now: () => number
}

/** The object that the steps are for, and what is wanted of it. */
export interface Target {
  readonly object: FunctionObject
  readonly desired: Desired
  /** Whether a replica of this very revision answers, so that more of them will hardly all fail. */
  readonly isProven: boolean
  /** Told of each step that succeeded. */
  readonly onDone?: (step: Step) => void
}

/** Creations side by side, as long as nobody knows whether they all fail. */
const MAX_BATCH = 8
/** Creations side by side of a revision that is proven: more only wait for each other in the engine. */
const PROVEN_BATCH = 32

/**
 * Does the steps: those of the network in order, then those of the replicas, ordinals side by side. Creations of a
 * revision that is not proven go in batches of 1, 2, 4 …, so that when all fail alike one failed instead of all. What
 * goes does so last, volumes with old secrets too, and whether or not what comes has failed: it was decided without that. What serves again in the
 * place of what does not come waits for nothing. Throws the first error, after
 * everything else has ended. Source of the batches: Kubernetes, slowStartBatch.
 */
export async function applySteps(
  deps: ApplyDeps,
  target: Target,
  steps: readonly Step[],
  signal: AbortSignal
): Promise<void> {
  const lanes = lanesOf(steps.filter(isReplicaStep))
  const reviving = lanes.filter(lane => lane.some(isRevival))
  const going = lanes.filter(isLeaving)
  const runLane = (lane: readonly ReplicaStep[]) => applyInOrder(deps, target, lane, signal)
  const bring = async () => {
    const first = steps.filter(step => !isReplicaStep(step) && !isLeftOver(target, step))
    await applyInOrder(deps, target, first, signal)
    const coming = lanes.filter(lane => !going.includes(lane) && !reviving.includes(lane))
    await bringReplicas(coming, target.isProven, runLane)
  }
  const came = await Promise.allSettled([bring(), ...reviving.map(runLane)])
  const leftOver = steps.filter(step => isLeftOver(target, step))
  const removals = leftOver.map(step => applyInOrder(deps, target, [step], signal))
  throwFirst([...came, ...(await Promise.allSettled([...going.map(runLane), ...removals]))])
}

/** What replicas that come do not need gone: the wanted volume is written only after its old loader has made room. */
function isLeftOver({ desired }: Target, step: Step): boolean {
  return step.kind === 'remove-secrets' || (step.kind === 'remove-loader' && step.name !== desired.secrets?.volume)
}

/** What is there is repaired whether or not what is made fails: it may be what stands in the way, by a volume that is not whole. */
async function bringReplicas(
  lanes: readonly (readonly ReplicaStep[])[],
  isProven: boolean,
  runLane: (lane: readonly ReplicaStep[]) => Promise<void>
): Promise<void> {
  const creating = lanes.filter(lane => lane.some(step => step.kind === 'create-replica'))
  const repairing = lanes.filter(lane => !creating.includes(lane))
  const created = await Promise.allSettled([createInBatches(creating, isProven, runLane)])
  throwFirst([...created, ...(await Promise.allSettled(repairing.map(runLane)))])
}

async function createInBatches(
  creating: readonly (readonly ReplicaStep[])[],
  isProven: boolean,
  runLane: (lane: readonly ReplicaStep[]) => Promise<void>
): Promise<void> {
  const [first, most] = isProven ? [PROVEN_BATCH, PROVEN_BATCH] : [1, MAX_BATCH]
  let done = 0
  for (let size = first; done < creating.length; size = Math.min(most, size * 2)) {
    throwFirst(await Promise.allSettled(creating.slice(done, done + size).map(runLane)))
    done += size
  }
}

/** Whether it brings back a replica that ran before. */
function isRevival(step: ReplicaStep): boolean {
  return (step.kind === 'start-replica' || step.kind === 'connect-replica') && step.id !== undefined
}

/** Whether it only takes something away. */
function isLeaving(lane: readonly ReplicaStep[]): boolean {
  const last = lane.at(-1)?.kind
  const takes = new Set<string>(['thaw-replica', 'stop-replica', 'remove-replica'])
  return (last === 'stop-replica' || last === 'remove-replica') && lane.every(({ kind }) => takes.has(kind))
}

/** What is done to an old replica. */
const APART: ReadonlySet<string> = new Set(['stop-replica', 'thaw-replica', 'kill-replica'])

/** Steps of one ordinal depend on each other; an old one that leaves or serves on must not wait for its successor. */
function lanesOf(steps: readonly ReplicaStep[]): ReplicaStep[][] {
  const lanes = new Map<string, ReplicaStep[]>()
  for (const step of steps) {
    const isApart = APART.has(step.kind) || isRevival(step)
    const lane = isApart ? `old ${'id' in step ? step.id : ''}` : `ordinal ${step.ordinal}`
    lanes.set(lane, [...(lanes.get(lane) ?? []), step])
  }
  return [...lanes.values()]
}

function throwFirst(results: readonly PromiseSettledResult<void>[]): void {
  for (const result of results) if (result.status === 'rejected') throw result.reason
}

async function applyInOrder(
  deps: ApplyDeps,
  target: Target,
  steps: readonly Step[],
  signal: AbortSignal
): Promise<void> {
  for (const step of steps) {
    signal.throwIfAborted()
    await applyStep(deps, target, step, signal)
    target.onDone?.(step)
  }
}

async function applyStep(deps: ApplyDeps, target: Target, step: Step, signal: AbortSignal): Promise<void> {
  const { engine } = deps
  const { desired } = target
  switch (step.kind) {
    case 'create-network':
      return createNetwork(deps, target, signal)
    case 'remove-network':
      return removeNetwork(deps, step, signal)
    case 'connect-gateway':
      return engine.connectNetwork(step.name, step.gatewayId, signal)
    case 'disconnect-gateway':
      return engine.disconnectNetwork(step.name, step.gatewayId, signal)
    case 'write-secrets':
      return writeSecrets(deps, desired, signal)
    case 'remove-secrets':
      return removeSecrets(deps, desired.key, step.name, signal)
    case 'remove-loader':
      return engine.removeContainer(step.id, signal)
    case 'create-replica':
      return createReplica(deps, target, step.ordinal, signal)
    case 'start-replica':
      return startReplica(deps, target, step, signal)
    case 'connect-replica':
      return connectReplica(deps, step.networkId ?? desired.networkName, step.name, signal)
    case 'disconnect-replica':
      return engine.disconnectNetwork(step.networkId, step.name, signal)
    case 'unpause-replica':
      return engine.unpauseContainer(step.name, signal)
    case 'freeze-replica':
      // A call came since this was planned: it waits, or runs on.
      return deps.isWanted?.(desired.key) === true || deps.inflight.count(step.id) > 0
        ? undefined
        : engine.pauseContainer(step.id, signal)
    case 'thaw-replica':
      return engine.unpauseContainer(step.id, signal)
    case 'rename-replica':
      return engine.renameContainer(step.id, step.to, signal)
    case 'kill-replica':
      return engine.signalContainer(step.id, 'SIGKILL', signal)
    case 'stop-replica':
      return stopReplica(deps, desired.key, step, signal)
    case 'remove-replica':
      return removeReplica(deps, desired, step, signal)
    default:
      return step satisfies never
  }
}

async function createNetwork(deps: ApplyDeps, { object, desired }: Target, signal: AbortSignal): Promise<void> {
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

async function removeNetwork(
  deps: ApplyDeps,
  step: { readonly id: string; readonly name: string },
  signal: AbortSignal
): Promise<void> {
  const network = await deps.engine.inspectNetwork(step.name, signal)
  await deps.engine.removeNetwork(step.id, signal)
  for (const subnet of network?.subnets ?? []) deps.subnets.freed(subnet, step.name)
}

async function createReplica(
  deps: ApplyDeps,
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

/** One that ran before has its secrets. */
async function startReplica(
  deps: ApplyDeps,
  { object, desired }: Target,
  step: { readonly id?: string; readonly name: string },
  signal: AbortSignal
): Promise<void> {
  if (step.id === undefined && object.spec.secrets.length > 0) await proveSecrets(deps, desired, step.name, signal)
  await deps.engine.startContainer(step.id ?? step.name, signal)
}

/** One that a container of somebody else uses stays, and is tried again later; nothing waits for that. */
async function removeSecrets(
  { engine, departures }: ApplyDeps,
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

/** Throws `NameConflictError` when the name is a stranger's; returns when it is ours and on its way out. */
async function refuseForeign(
  deps: ApplyDeps,
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

function isOurs({ signer }: ApplyDeps, { policy }: Desired, holder: Container): boolean {
  return holder.labels[LABEL.instance] === policy.instance && signer.isGenuine(holder.labels, containerBond(holder))
}

/** One whose removal does not come to an end gives its name away, so that its successor need not wait for that. */
async function removeReplica(
  deps: ApplyDeps,
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
async function connectReplica(
  { engine, ports }: ApplyDeps,
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

async function stopReplica(
  deps: ApplyDeps,
  key: string,
  step: { readonly id: string; readonly posixSignal: string },
  signal: AbortSignal
): Promise<void> {
  deps.departures.stopping(key, step.id)
  deps.endpoints.end(step.id, 'stopped')
  await deps.engine.signalContainer(step.id, step.posixSignal, signal)
}
