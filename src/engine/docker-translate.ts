import type Docker from 'dockerode'
import type { StringMap } from '../../api/meta.ts'
import { BRIDGE_NAME } from './docker-create.ts'
import { secretsVolumeOf } from './docker-secrets.ts'
import type {
  Container,
  ContainerState,
  ContainerSummary,
  ContainerUsage,
  EngineInfo,
  Image,
  ImageSummary,
  Network,
  NetworkSummary,
  Volume
} from './engine.ts'
import type { PortBinding } from './specs.ts'

const STATES: ReadonlySet<string> = new Set([
  'created',
  'running',
  'paused',
  'restarting',
  'removing',
  'exited',
  'dead'
] satisfies ContainerState[])

/** The filter that selects what carries all these labels; an empty value means any value. */
export function labelFilter(labels: StringMap): string[] {
  return Object.entries(labels).map(([key, value]) => (value === '' ? key : `${key}=${value}`))
}

export function toContainerSummary(raw: Docker.ContainerInfo): ContainerSummary {
  return {
    id: raw.Id,
    name: toName(raw.Names ?? []),
    state: toState(raw.State),
    imageId: raw.ImageID,
    labels: raw.Labels ?? {},
    createdAt: raw.Created * 1000,
    ...toSecretsVolume(raw.Mounts),
    networks: toNetworks(raw.NetworkSettings?.Networks ?? {}),
    ports: toListedPorts(raw.Ports ?? [])
  }
}

export function toContainer(raw: Docker.ContainerInspectInfo): Container {
  const { State: state, Config: config, HostConfig: host } = raw
  return {
    id: raw.Id,
    name: toName([raw.Name]),
    state: toState(state.Status),
    imageId: raw.Image,
    labels: config.Labels ?? {},
    createdAt: Date.parse(raw.Created),
    ...optionalTime('startedAt', state.StartedAt),
    ...optionalTime('finishedAt', state.FinishedAt),
    exitCode: state.ExitCode,
    oomKilled: state.OOMKilled ?? false,
    error: state.Error ?? '',
    ...toSecretsVolume(raw.Mounts),
    stopSignal: (config as { StopSignal?: string }).StopSignal || 'SIGTERM',
    networks: toNetworks(raw.NetworkSettings.Networks ?? {}),
    ports: toPorts(raw.NetworkSettings.Ports ?? {}),
    memoryBytes: host.Memory ?? 0,
    // moby, verifyPlatformContainerResources: a limit that is discarded becomes 0, and that of memory and swap -1.
    ...(host.Memory === 0 && host.MemorySwap === -1 ? { memoryUnlimitable: true } : {}),
    nanoCpus: host.NanoCpus ?? 0
  }
}

function toSecretsVolume(mounts: Parameters<typeof secretsVolumeOf>[0]): { secretsVolume?: string } {
  const secretsVolume = secretsVolumeOf(mounts)
  return secretsVolume === undefined ? {} : { secretsVolume }
}

export function toNetworkSummary(raw: Docker.NetworkInspectInfo): NetworkSummary {
  return {
    id: raw.Id,
    name: raw.Name,
    labels: raw.Labels ?? {},
    subnets: (raw.IPAM?.Config ?? []).flatMap(config => config.Subnet ?? []),
    createdAt: Date.parse(raw.Created),
    ...(raw.Internal === true ? { closedBridge: raw.Options?.[BRIDGE_NAME] ?? '' } : {})
  }
}

export function toNetwork(raw: Docker.NetworkInspectInfo): Network {
  // An endpoint whose container is gone is listed as `ep-<endpoint>`.
  const members = Object.keys(raw.Containers ?? {}).filter(id => !id.startsWith('ep-'))
  return { ...toNetworkSummary(raw), members: members.toSorted() }
}

export function toVolume(raw: Docker.VolumeInspectInfo): Volume {
  const { CreatedAt: createdAt = '' } = raw as { CreatedAt?: string }
  return { name: raw.Name, labels: raw.Labels ?? {}, createdAt: Date.parse(createdAt) || 0 }
}

export function toImage(raw: Docker.ImageInspectInfo): Image {
  // Not every engine gives an image a configuration.
  const { Config: config } = raw as { Config?: { User?: string } | null }
  return { id: raw.Id, digests: raw.RepoDigests ?? [], user: config?.User ?? '' }
}

/** The engine writes `<none>` for what is missing. */
export function toImageSummary(raw: Docker.ImageInfo): ImageSummary {
  const named = (names: readonly string[] | null | undefined) => (names ?? []).filter(name => !name.includes('<none>'))
  // Both are null of an image that has none.
  const { RepoTags: tags, RepoDigests: digests } = raw as { RepoTags?: string[] | null; RepoDigests?: string[] | null }
  return { id: raw.Id, tags: named(tags), digests: named(digests), sizeBytes: raw.Size }
}

export function toEngineInfo(info: Record<string, unknown>, version: Docker.DockerVersion): EngineInfo {
  return {
    id: String(info['ID'] ?? ''),
    version: version.Version,
    apiVersion: version.ApiVersion,
    operatingSystem: String(info['OperatingSystem'] ?? version.Os),
    architecture: version.Arch,
    cpus: Number(info['NCPU'] ?? 0),
    memoryBytes: Number(info['MemTotal'] ?? 0),
    canLimitCpu: info['CpuCfsQuota'] === true,
    runtimes: Object.keys((info['Runtimes'] as object | undefined) ?? {}).toSorted(),
    guards: toGuards(info['SecurityOptions'])
  }
}

/** Out of `name=seccomp,profile=default` and the like; what is there and does nothing is no guard. */
function toGuards(options: unknown): string[] {
  const list = Array.isArray(options) ? options.map(String) : []
  const active = list.filter(option => !option.includes('profile=unconfined'))
  return active.map(option => /(?:^|,)name=([^,]+)/.exec(option)?.[1] ?? option).toSorted()
}

/** A container that others link to has names such as `/other/alias` beside its own. */
function toName(names: readonly string[]): string {
  const own = names.find(name => name.lastIndexOf('/') === 0) ?? names[0] ?? ''
  return own.replace(/^\//, '')
}

function toState(state: string): ContainerState {
  return STATES.has(state) ? (state as ContainerState) : 'dead'
}

/** The engine writes year 1 for never. */
function optionalTime<K extends string>(key: K, timestamp: string | undefined): { [P in K]?: number } {
  const ms = Date.parse(timestamp ?? '')
  return (ms > 0 ? { [key]: ms } : {}) as { [P in K]?: number }
}

/** Only of each network: API 1.52 has no address at the top any more. */
function toNetworks(raw: Readonly<Record<string, Docker.EndpointSettings>>): Container['networks'] {
  return Object.fromEntries(
    Object.entries(raw).map(([name, { NetworkID: networkId = '', IPAddress: ipAddress = '' }]) => [
      name,
      { networkId, ipAddress }
    ])
  )
}

/** Those that are only exposed have no port of the host. */
function toListedPorts(raw: readonly Docker.Port[]): PortBinding[] {
  return raw
    .filter(({ Type, PublicPort }) => Type === 'tcp' && PublicPort !== undefined)
    .map(({ IP, PrivatePort, PublicPort }) => ({ containerPort: PrivatePort, address: IP ?? '', hostPort: PublicPort }))
}

function toPorts(raw: Readonly<Record<string, Docker.PortBinding[] | null>>): PortBinding[] {
  return Object.entries(raw).flatMap(([port, bindings]) =>
    port.endsWith('/tcp')
      ? (bindings ?? []).map(({ HostIp: address = '', HostPort: hostPort = '0' }) => ({
          containerPort: Number.parseInt(port, 10),
          address,
          hostPort: Number(hostPort)
        }))
      : []
  )
}

/** As far as it is read of the engine's answer. */
interface RawStats {
  readonly read: string
  readonly cpu_stats?: { readonly cpu_usage?: { readonly total_usage?: number } }
  readonly memory_stats?: {
    readonly usage?: number
    /** `inactive_file` of cgroup v2, `total_inactive_file` of v1. */
    readonly stats?: Readonly<Record<string, number>>
  }
}

/** Undefined for a container that does not run: the engine then says nothing of when it read. */
export function toUsage({ read, cpu_stats: cpu, memory_stats: memory }: RawStats): ContainerUsage | undefined {
  const readAt = preciseTime(read)
  const cpuNanos = cpu?.cpu_usage?.total_usage
  if (readAt <= 0 || cpuNanos === undefined) return undefined
  const { inactive_file: v2, total_inactive_file: v1 } = memory?.stats ?? {}
  return { readAt, cpuNanos, workingSetBytes: Math.max(0, (memory?.usage ?? 0) - (v1 ?? v2 ?? 0)) }
}

/** Milliseconds since the epoch of an RFC 3339 time, with what is behind the millisecond. */
function preciseTime(text: string): number {
  const [, fraction = ''] = /\.\d{3}(\d+)/.exec(text) ?? []
  return Date.parse(text) + Number(`0.${fraction}0`)
}
