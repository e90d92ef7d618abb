import { LABEL } from '../../api/labels.ts'
import { type Heir, isLegacyNetwork, LEGACY_HASH } from '../../api/legacy.ts'
import { parseKey, type StringMap } from '../../api/meta.ts'
import { networkName } from '../../api/names.ts'
import { networkBond, type Signer } from '../../api/signature.ts'
import type { Container, Engine, Network, Volume } from '../../src/engine/engine.ts'
import { EngineError } from '../../src/engine/faults.ts'
import { FUNCTION_PORT } from './container-spec.ts'
import type { Departures } from './departures.ts'
import { egressOfNetwork } from './isolation.ts'
import { functionLabels, legacyOf, listReplicas } from './listed.ts'
import type { Observed, ObservedNetwork, Phase, Replica } from './observed.ts'
import type { Prober } from './prober.ts'
import type { Probes } from './probes.ts'
import type { ProbeResult } from './readiness.ts'

/** Lines of a dead replica's output that are kept. */
const LAST_LINES = 10

export interface ObserveDeps {
  readonly engine: Pick<Engine, 'listContainers' | 'inspectContainer' | 'inspectNetwork' | 'listVolumes' | 'tailLogs'>
  readonly prober: Pick<Prober, 'check' | 'rest' | 'pardon'>
  readonly departures: Pick<Departures, 'get' | 'volumes'>
  readonly inflight: { count: (containerId: string) => number }
  readonly capacityOf: (subnet: string) => number
  /** What carries our labels without being of our making is a stranger's. */
  readonly signer: Signer
  readonly instance: string
  readonly functionsNetwork: string
  /** Since when the engine has answered without a break, by its own clock, milliseconds since the epoch; what ended before, nobody saw end. */
  readonly engineSince: () => number
  /** Id of the container that the gateway runs in, if it does. */
  readonly gatewayId: () => string | undefined
  readonly now: () => number
}

export interface ObserveOptions {
  /** What is asked of a replica with these labels. */
  readonly probesOf: (labels: StringMap) => Probes
  /** Whether to look for its volumes. */
  readonly withVolumes?: boolean
  readonly signal: AbortSignal
  readonly heir?: Heir | undefined
}

/**
 * All that the engine holds of the function `key` right now, read afresh, with what probes of its replicas say. An heir
 * has its containers and its network of the older program, too.
 */
export async function observe(
  deps: ObserveDeps,
  key: string,
  { probesOf, withVolumes, signal, heir }: ObserveOptions
): Promise<Observed> {
  const { namespace, name } = parseKey(key)
  const networkOfKey = networkName(deps.functionsNetwork, { namespace, name })
  const [listed, inspected, volumes] = await Promise.all([
    listReplicas(deps, key, { heir, signal }),
    deps.engine.inspectNetwork(networkOfKey, signal),
    withVolumes ? deps.engine.listVolumes(functionLabels(deps.instance, key), signal) : undefined
  ])
  const { loaders, forged } = listed
  const network = inspected && toObservedNetwork(deps, inspected, heir)
  const networkId = network?.ours === true ? network.id : undefined
  const gatewayId = deps.gatewayId()
  const isReachable = gatewayId === undefined || network?.members.includes(gatewayId) === true
  const found = { key, networkOfKey, networkId, probesOf, isReachable, heir }
  const containers = await Promise.all(listed.replicas.map(({ id }) => deps.engine.inspectContainer(id, signal)))
  const present = containers.filter(container => container !== undefined)
  const replicas = await Promise.all(present.map(container => observeReplica(deps, { ...found, container }, signal)))
  return {
    replicas: replicas.sort((a, b) => a.ordinal - b.ordinal || (a.name < b.name ? -1 : 1)),
    ...(network === undefined ? {} : { network }),
    ...(volumes === undefined ? {} : toVolumes(deps, key, volumes)),
    ...(loaders.length === 0 ? {} : { loaders }),
    ...(forged.length === 0 ? {} : { forged })
  }
}

/** Those of our making. */
function toVolumes({ signer, departures }: ObserveDeps, key: string, listed: readonly Volume[]) {
  const ours = listed.filter(({ labels }) => signer.isGenuine(labels, { kind: 'volume' }))
  const volumes = ours.map(({ name }) => name).sort()
  const keptVolumes = departures.volumes.among(key, volumes)
  return keptVolumes.length === 0 ? { volumes } : { volumes, keptVolumes }
}

function toObservedNetwork(deps: ObserveDeps, network: Network, heir: Heir | undefined): ObservedNetwork {
  const [subnet] = network.subnets
  const legacy = heir !== undefined && isLegacyNetwork(network.labels, heir.functionName)
  return {
    id: network.id,
    ours: legacy || isOurNetwork(deps, network),
    ...(legacy ? { legacy } : {}),
    capacity: subnet === undefined ? 0 : deps.capacityOf(subnet),
    members: network.members,
    egress: egressOfNetwork(network),
    ...(network.closedBridge === undefined ? {} : { bridge: network.closedBridge }),
    ...(subnet === undefined ? {} : { subnet })
  }
}

function isOurNetwork({ signer, instance }: ObserveDeps, network: Network): boolean {
  return network.labels[LABEL.instance] === instance && signer.isGenuine(network.labels, networkBond(network))
}

interface Found {
  readonly key: string
  readonly container: Container
  readonly networkOfKey: string
  /** Of the network of that name, when it is there and ours. */
  readonly networkId: string | undefined
  readonly probesOf: ObserveOptions['probesOf']
  /** Whether the gateway is on its network, so that silence is the replica's. */
  readonly isReachable: boolean
  readonly heir: Heir | undefined
}

async function observeReplica(deps: ObserveDeps, found: Found, signal: AbortSignal): Promise<Replica> {
  const { container, key } = found
  const departure = deps.departures.get(key, container.id)
  const { networkName: network, ...identity } = identityOf(found)
  const foreignNetworks = identity.legacy === true ? [] : foreignNetworksOf(found)
  const isItsOwn = !foreignNetworks.some(({ name }) => name === network)
  const isUp = container.state === 'running' || container.state === 'paused'
  const address = isUp && isItsOwn ? container.networks[network]?.ipAddress : undefined
  const hasAddress = address !== undefined && address !== ''
  const paused = container.state === 'paused'
  if (paused) deps.prober.rest(container.id)
  const probe =
    hasAddress && !paused && departure?.stoppingSince === undefined
      ? await probeReplica(deps, found, address)
      : undefined
  const { phase, since } = phaseOf(container, departure?.stoppingSince !== undefined, probe, deps.now())
  const died = phase === 'exited' && departure?.stoppingSince === undefined
  return {
    container,
    id: container.id,
    name: container.name,
    ...identity,
    phase,
    phaseSince: since,
    paused,
    foreignNetworks,
    inflight: deps.inflight.count(container.id),
    ...(hasAddress ? { address } : {}),
    ...(departure ?? {}),
    ...(probe === undefined ? {} : probed(probe)),
    ...(died && endedBefore(container, deps.engineSince()) ? { endedWithEngine: true as const } : {}),
    ...(died ? { lastOutput: await lastOutputOf(deps, container.id, signal) } : {})
  }
}

/** What probes tell beside the phase. */
function probed({ lastError, liveness }: ProbeResult): Pick<Replica, 'probeError' | 'liveness'> {
  return {
    ...(lastError === undefined ? {} : { probeError: lastError }),
    ...(liveness === undefined ? {} : { liveness })
  }
}

function endedBefore({ startedAt, finishedAt }: Container, instant: number): boolean {
  return startedAt !== undefined && finishedAt !== undefined && finishedAt < instant
}

/** Also one of the name of its own that is another one. */
function foreignNetworksOf({ container, networkOfKey, networkId }: Found): { id: string; name: string }[] {
  return Object.entries(container.networks)
    .filter(([, { networkId: id }]) => id !== '')
    .filter(([name, { networkId: id }]) => name !== networkOfKey || (networkId !== undefined && id !== networkId))
    .map(([name, { networkId: id }]) => ({ id, name }))
}

/** The engine refuses the output of some that are dead for good; that must not keep them from being replaced. */
async function lastOutputOf(deps: ObserveDeps, id: string, signal: AbortSignal): Promise<string> {
  try {
    return await deps.engine.tailLogs(id, LAST_LINES, signal)
  } catch (err) {
    if (err instanceof EngineError && err.fault !== 'unavailable' && err.fault !== 'aborted') return ''
    throw err
  }
}

/** Which replica of which owner it is, and the network on which it is reached. */
function identityOf({ container, networkOfKey, heir }: Found) {
  const { labels } = container
  const legacy = legacyOf(container, heir)
  if (heir !== undefined && legacy !== undefined) {
    const { ordinal, networkName: itsOwn } = legacy
    const name = container.networks[networkOfKey] === undefined ? itsOwn : networkOfKey
    return { ordinal, hash: LEGACY_HASH, uid: heir.uid, legacy: true as const, networkName: name }
  }
  return {
    ordinal: Number(labels[LABEL.ordinal] ?? Number.NaN),
    hash: labels[LABEL.specHash] ?? '',
    uid: labels[LABEL.uid] ?? '',
    networkName: networkOfKey
  }
}

async function probeReplica(deps: ObserveDeps, found: Found, host: string): Promise<ProbeResult> {
  const { key, container, probesOf, isReachable } = found
  const { readiness, liveness } = probesOf(container.labels)
  const { id: containerId, startedAt } = container
  if (!isReachable) deps.prober.pardon(containerId)
  return deps.prober.check({
    key,
    containerId,
    host,
    port: FUNCTION_PORT,
    ...readiness,
    ...(liveness === undefined ? {} : { liveness }),
    ...(startedAt === undefined ? {} : { startedAt })
  })
}

/** Phase of a container and since when, out of its state, whether we asked it to stop, and its probe. */
export function phaseOf(
  container: Container,
  stopping: boolean,
  probe: ProbeResult | undefined,
  now: number
): { phase: Phase; since: number } {
  switch (container.state) {
    case 'created':
      // One that could not be started stays created; trying the same one again would not help, nor be slowed down.
      return { phase: container.error === '' ? 'created' : 'exited', since: container.createdAt }
    case 'removing':
      return { phase: 'removing', since: now }
    case 'exited':
    case 'dead':
      return { phase: 'exited', since: container.finishedAt ?? now }
    case 'paused':
      return { phase: stopping ? 'exiting' : 'unready', since: now }
    case 'running':
    case 'restarting':
      return runningPhaseOf(container.startedAt ?? container.createdAt, stopping, probe)
    default:
      return container.state satisfies never
  }
}

function runningPhaseOf(
  startedAt: number,
  stopping: boolean,
  probe: ProbeResult | undefined
): { phase: Phase; since: number } {
  if (stopping) return { phase: 'exiting', since: startedAt }
  if (probe === undefined) return { phase: 'starting', since: startedAt }
  const { ready, answered, since, liveness } = probe
  if (liveness?.failedAt !== undefined) return { phase: 'unready', since: liveness.failedAt }
  if (ready || answered) return { phase: ready ? 'ready' : 'unready', since }
  // A gateway that starts anew has yet to hear of it: its silence counts from the first question.
  return { phase: 'starting', since: Math.max(startedAt, since) }
}
