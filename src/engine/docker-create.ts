import type Docker from 'dockerode'
import { toSecretsMount } from './docker-secrets.ts'
import type { ContainerSpec, DnsSettings, NetworkSpec } from './specs.ts'

/** Enough for any function, and below what engines may give that run without the right to raise their own limit. */
const OPEN_FILES = 16_384

/** The option of a network that names its bridge. */
export const BRIDGE_NAME = 'com.docker.network.bridge.name'

/** Network modes that are no network of ours but a namespace of the host or of another container. */
const NOT_A_NETWORK = /^(?:host|none|default|container:.*|ns:.*)$/

/**
 * What is sent to create a container: the spec, and what is the same for all. Only what is named here can reach the
 * engine: no mounts but that of its secrets, no devices, capabilities, host namespaces or privileges. Seccomp and AppArmor stay the engine's
 * defaults because `SecurityOpt` does not name them. `networkId` says which one is meant where several have the network's
 * name. Throws when the network is not one that isolates.
 */
export function toCreateBody(spec: ContainerSpec, networkId?: string): Docker.ContainerCreateOptions {
  if (NOT_A_NETWORK.test(spec.network)) throw new Error(`network ${spec.network} is not allowed`)
  return {
    Image: explicitImage(spec.image),
    ...(spec.user === undefined ? {} : { User: spec.user }),
    Env: Object.entries(spec.env).map(([key, value]) => `${key}=${value}`),
    Labels: { ...spec.labels },
    ExposedPorts: Object.fromEntries(spec.ports.map(port => [`${port.containerPort}/tcp`, {}])),
    // The loop probes replicas itself; an image's own check would start a process in each every few seconds.
    Healthcheck: { Test: ['NONE'] },
    HostConfig: toHostConfig(spec),
    NetworkingConfig: { EndpointsConfig: { [spec.network]: networkId === undefined ? {} : { NetworkID: networkId } } }
  }
}

/** Explicit about everything that an engine's `daemon.json` could default otherwise. */
export function toNetworkBody(spec: NetworkSpec): Docker.NetworkCreateOptions {
  return {
    Name: spec.name,
    // Without it 20.10 makes a second network of one name; newer engines refuse that in any case.
    CheckDuplicate: true,
    Driver: 'bridge',
    Internal: spec.closedBridge !== undefined,
    ...(spec.closedBridge === undefined ? {} : { Options: { [BRIDGE_NAME]: spec.closedBridge } }),
    Attachable: false,
    EnableIPv6: false,
    IPAM: { Driver: 'default', Config: [{ Subnet: spec.subnet }] },
    Labels: { ...spec.labels }
  }
}

/** `cafe` could be the start of an image's id as well; `cafe:latest` cannot. */
export function explicitImage(referenceOrId: string): string {
  const isExplicit = /^sha256:|@|:[^/]*$/.test(referenceOrId)
  return isExplicit ? referenceOrId : `${referenceOrId}:latest`
}

function toHostConfig(spec: ContainerSpec): Docker.HostConfig {
  return {
    NetworkMode: spec.network,
    ...(spec.runtime === undefined ? {} : { Runtime: spec.runtime }),
    RestartPolicy: { Name: 'no' },
    AutoRemove: false,
    Privileged: false,
    CapDrop: ['ALL'],
    SecurityOpt: ['no-new-privileges'],
    ReadonlyRootfs: spec.readOnlyRootFilesystem,
    Tmpfs: Object.fromEntries(
      Object.entries(spec.tmpfs).map(([path, bytes]) => [path, `size=${bytes},mode=1777,nosuid,nodev`])
    ),
    Memory: spec.memoryBytes,
    // The sum of memory and swap, so that there is no swap; an engine whose kernel cannot limit swap warns and ignores it.
    MemorySwap: spec.memoryBytes,
    MemoryReservation: spec.memoryReservationBytes,
    NanoCpus: spec.nanoCpus,
    CpuShares: spec.cpuShares,
    PidsLimit: spec.pidsLimit,
    Ulimits: [{ Name: 'nofile', Soft: OPEN_FILES, Hard: OPEN_FILES }],
    // The driver too: the engine's default may be another, which refuses these options or keeps no log to read.
    LogConfig: { Type: 'json-file', Config: { 'max-size': String(spec.logMaxBytes), 'max-file': '2' } },
    PortBindings: toPortBindings(spec),
    ...(spec.dns === undefined ? {} : toDns(spec.dns)),
    ...(spec.secrets === undefined ? {} : { Mounts: [toSecretsMount(spec.secrets)] })
  }
}

/** What is empty stays as the engine has it. */
function toDns({ nameservers, searches, options }: DnsSettings): Docker.HostConfig {
  return {
    ...(nameservers.length === 0 ? {} : { Dns: [...nameservers] }),
    ...(searches.length === 0 ? {} : { DnsSearch: [...searches] }),
    ...(options.length === 0 ? {} : { DnsOptions: [...options] })
  }
}

function toPortBindings(spec: ContainerSpec): Docker.PortMap {
  const bindings: Record<string, Docker.PortBinding[]> = {}
  for (const { containerPort, address, hostPort } of spec.ports) {
    const binding = { HostIp: address, HostPort: hostPort === 0 ? '' : String(hostPort) }
    const key = `${containerPort}/tcp`
    bindings[key] = [...(bindings[key] ?? []), binding]
  }
  return bindings
}
