import type { StringMap } from '../../api/meta.ts'

/** A TCP port of the container on an address of the host. */
export interface PortBinding {
  readonly containerPort: number
  readonly address: string
  /** 0 in a spec: the engine picks one. */
  readonly hostPort: number
}

/**
 * Everything that may be said of a container, and so the allow-list between specs and the engine. What is the same
 * for all (no capabilities, no new privileges, restart policy `no`, default seccomp) is not here: the adapter adds it.
 */
export interface ContainerSpec {
  readonly name: string
  /** Reference or id; must be in the engine's store. */
  readonly image: string
  readonly labels: StringMap
  readonly env: StringMap
  /** Name of the only network. */
  readonly network: string
  /** 0: no limit. */
  readonly memoryBytes: number
  readonly memoryReservationBytes: number
  /** 0: no limit. */
  readonly nanoCpus: number
  /** Relative weight under contention, 1024 per requested core; 0: the engine's default. */
  readonly cpuShares: number
  readonly pidsLimit: number
  /** Absent: the engine's own. */
  readonly runtime?: string
  readonly readOnlyRootFilesystem: boolean
  /** Path → bytes of a tmpfs. */
  readonly tmpfs: Readonly<Record<string, number>>
  /** As whom its process runs, number or name, perhaps with a group; absent: as its image says. */
  readonly user?: string
  /** Absent: as the engine's host asks. */
  readonly dns?: DnsSettings
  readonly ports: readonly PortBinding[]
  /** Size at which the engine rotates the log; it keeps two files. */
  readonly logMaxBytes: number
  /** Absent: it has none. */
  readonly secrets?: SecretsMount
}

/** Whom a container asks for names. */
export interface DnsSettings {
  /** IP addresses. */
  readonly nameservers: readonly string[]
  readonly searches: readonly string[]
  /** Of resolv.conf. */
  readonly options: readonly string[]
}

/** A volume with the secrets of one function, mounted where functions look for them. */
export interface SecretsMount {
  /** Name of the volume; it is made when it is not there. */
  readonly volume: string
  /** Of the volume, where it is made; one that is there keeps its own. */
  readonly labels: StringMap
  readonly access: 'read' | 'write'
}

/** A secret as a function reads it. */
export interface SecretFile {
  readonly name: string
  readonly value: Uint8Array
}

export interface NetworkSpec {
  readonly name: string
  readonly labels: StringMap
  /** CIDR. */
  readonly subnet: string
  /** Name of the bridge of a network that does not lead out of the host; absent: one that does. */
  readonly closedBridge?: string
}
