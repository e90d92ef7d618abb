import type { StringMap } from '../../api/meta.ts'
import type { ContainerSpec, NetworkSpec, PortBinding, SecretFile } from './specs.ts'

/**
 * Docker in our words: what the loop needs of an engine and nothing more. Every call has a deadline of its own and
 * ends early when `signal` aborts. Rejects with `EngineError` only. "Not there" is an answer (undefined, or done), not a fault.
 */
export interface Engine {
  /**
   * Done when the engine answers, within 3 s, on a connection of its own: how far its clock is ahead of ours,
   * in milliseconds, give or take the second in which it tells it.
   */
  ping: (signal?: AbortSignal) => Promise<number>
  /** What the engine says of itself. */
  info: (signal?: AbortSignal) => Promise<EngineInfo>

  /** Containers, running or not, that carry all these labels; an empty value means any value, and no label all containers. */
  listContainers: (labels: StringMap, signal?: AbortSignal) => Promise<ContainerSummary[]>
  /** Everything about one container, by name or id. */
  inspectContainer: (nameOrId: string, signal?: AbortSignal) => Promise<Container | undefined>
  /** Creates it, without starting it; gives its id. Faults: `name-in-use`, `no-image`, `not-found` (network). */
  createContainer: (spec: ContainerSpec, signal?: AbortSignal) => Promise<string>
  /** Done when it runs, also when it did before. Faults: `not-found`, `port-in-use`, `no-address`, `other` (the process cannot be started). */
  startContainer: (nameOrId: string, signal?: AbortSignal) => Promise<void>
  /** Sends a POSIX signal. Done also when it does not run or is not there. */
  signalContainer: (nameOrId: string, posixSignal: string, signal?: AbortSignal) => Promise<void>
  /** Stops its processes where they are, by its cgroup. No effect on one that is paused, or does not run. */
  pauseContainer: (nameOrId: string, signal?: AbortSignal) => Promise<void>
  unpauseContainer: (nameOrId: string, signal?: AbortSignal) => Promise<void>
  /** Faults: `name-in-use`, `not-found`. */
  renameContainer: (nameOrId: string, newName: string, signal?: AbortSignal) => Promise<void>
  /** Kills and removes it, with its anonymous volumes. Done also when it is not there; `busy` while another removal runs. */
  removeContainer: (nameOrId: string, signal?: AbortSignal) => Promise<void>
  /** The last `tail` lines of stdout and stderr together, oldest first, at most 64 KiB. */
  tailLogs: (nameOrId: string, tail: number, signal?: AbortSignal) => Promise<string>
  /**
   * The lines of its log, oldest first; with `follow` also those that come, until it stops or `signal` aborts. Reads no faster
   * than it is read. Ends by returning, also when `signal` aborts. Faults: `not-found`, `unavailable` when the stream breaks.
   */
  readLogs: (nameOrId: string, query: LogQuery, signal: AbortSignal) => AsyncIterable<LogLine>
  /** What it has used, at once; undefined when it does not run or is not there. */
  usage: (nameOrId: string, signal?: AbortSignal) => Promise<ContainerUsage | undefined>

  /** All networks of the engine, also those that are not ours: their subnets are taken. */
  listNetworks: (signal?: AbortSignal) => Promise<NetworkSummary[]>
  /** By name; with the containers that are attached. With several of one name, the one that has our labels. */
  inspectNetwork: (name: string, signal?: AbortSignal) => Promise<Network | undefined>
  /** Gives its id. Faults: `name-in-use`, `subnet-overlap`. */
  createNetwork: (spec: NetworkSpec, signal?: AbortSignal) => Promise<string>
  /** Done also when it is not there; `busy` while containers are attached. */
  removeNetwork: (id: string, signal?: AbortSignal) => Promise<void>
  /** Done also when it is attached already. Fault `port-in-use` of one that runs and has ports. */
  connectNetwork: (network: string, container: string, signal?: AbortSignal) => Promise<void>
  /** Done also when it is not attached, or either is gone. */
  disconnectNetwork: (network: string, container: string, signal?: AbortSignal) => Promise<void>

  listVolumes: (labels: StringMap, signal?: AbortSignal) => Promise<Volume[]>
  inspectVolume: (name: string, signal?: AbortSignal) => Promise<Volume | undefined>
  /** Done also when it is not there; `busy` while a container has it mounted, whether that runs or not. */
  removeVolume: (name: string, signal?: AbortSignal) => Promise<void>
  /**
   * Writes these files, and no others, into the volume with secrets of a container that never ran. Only when all of
   * them are there is the volume whole. Faults: `not-found`, `no-space`.
   */
  writeSecrets: (nameOrId: string, files: readonly SecretFile[], signal?: AbortSignal) => Promise<void>
  /** Whether the volume with secrets of a container is whole; false also when there is no such container, or none of it. */
  hasSecrets: (nameOrId: string, signal?: AbortSignal) => Promise<boolean>

  /** The image that the reference or id names in the engine's own store. */
  inspectImage: (referenceOrId: string, signal?: AbortSignal) => Promise<Image | undefined>
  /**
   * Pulls; progress is told at every message of the registry. Ends with `timeout` when nothing comes for a while.
   * Faults: `no-image`, `unauthorized`, `throttled`, `unavailable`, `timeout`, `no-space`, `other`.
   */
  pullImage: (reference: string, onProgress: (progress: PullProgress) => void, signal?: AbortSignal) => Promise<void>

  /** All images of the engine's own store that have a name, whoever brought them. */
  listImages: (signal?: AbortSignal) => Promise<ImageSummary[]>
  /**
   * Takes a tag off an image, and removes the image with its last one, or by its id. Done also when it is not there;
   * `busy` while a container is made of it, whether that runs or not, and by id while it has several tags.
   */
  removeImage: (referenceOrId: string, signal?: AbortSignal) => Promise<void>

  /**
   * Changes as they happen, from now on; the first item is always `{ kind: 'connected' }`. Ends by throwing, when the
   * stream breaks or is found to have lost events, or by returning, when `signal` aborts. Losing events is normal: whoever listens also looks.
   */
  watch: (signal: AbortSignal) => AsyncIterable<EngineEvent>
}

export interface EngineInfo {
  /** Random; the same as long as the engine's data directory lives. */
  readonly id: string
  readonly version: string
  readonly apiVersion: string
  readonly operatingSystem: string
  readonly architecture: string
  readonly cpus: number
  readonly memoryBytes: number
  /** Whether its kernel can limit CPU; where not, the engine refuses containers that ask for it. */
  readonly canLimitCpu: boolean
  /** Names of the runtimes that containers may ask for, such as `runc` and `runsc`. */
  readonly runtimes: readonly string[]
  /** What guards its containers: `seccomp`, `apparmor`, `selinux`, `rootless`, `userns`, … */
  readonly guards: readonly string[]
}

export type ContainerState = 'created' | 'running' | 'paused' | 'restarting' | 'removing' | 'exited' | 'dead'

export interface ContainerSummary {
  readonly id: string
  /** Without the leading slash. */
  readonly name: string
  readonly state: ContainerState
  readonly imageId: string
  readonly labels: StringMap
  /** Milliseconds since the epoch. */
  readonly createdAt: number
  /** The volume with secrets that it has mounted, if it has one. */
  readonly secretsVolume?: string
  /** The networks it is attached to, by name; the address is empty while it does not run. */
  readonly networks: Readonly<Record<string, { readonly networkId: string; readonly ipAddress: string }>>
  /** The TCP ports that are bound on the host now; none while it does not run. */
  readonly ports: readonly PortBinding[]
}

export interface Container extends ContainerSummary {
  /** Milliseconds since the epoch; absent when it never ran. */
  readonly startedAt?: number
  /** Milliseconds since the epoch; absent when it never ended. */
  readonly finishedAt?: number
  readonly exitCode: number
  readonly oomKilled: boolean
  /** What the engine says when it could not be started, else empty. */
  readonly error: string
  /** The signal that asks it to stop, `SIGTERM` unless its image says otherwise. */
  readonly stopSignal: string
  readonly memoryBytes: number
  /** The kernel cannot limit memory, and the engine has discarded the limit that was asked for. */
  readonly memoryUnlimitable?: boolean
  readonly nanoCpus: number
}

/** Which lines of a log. */
export interface LogQuery {
  /** None that are older: RFC 3339 with up to nine digits after the point. */
  readonly since?: string
  /** Only so many of the last ones; all when absent. */
  readonly tail?: number
  /** Also those that come. */
  readonly follow?: boolean
}

/** A line that a container wrote. */
export interface LogLine {
  /** RFC 3339 in UTC, with nine digits after the point: the order of the texts is that of time. */
  readonly timestamp: string
  readonly stream: 'stdout' | 'stderr'
  /** Without its end; bytes that are no UTF-8 are U+FFFD. Of a line longer than 64 KiB a part. */
  readonly text: string
}

/** What the processes of a container have used. */
export interface ContainerUsage {
  /** When it was read, by the engine's clock; milliseconds since the epoch, with a fraction. */
  readonly readAt: number
  /** Of all cores together, since its start. */
  readonly cpuNanos: number
  /** Memory that cannot be taken from it without harm: without the file cache that is not in use, as Kubernetes counts it. */
  readonly workingSetBytes: number
}

export interface NetworkSummary {
  readonly id: string
  readonly name: string
  readonly labels: StringMap
  /** CIDRs. */
  readonly subnets: readonly string[]
  /** Name of the bridge of a network that does not lead out of the host, empty where the engine chose it; absent: one that does. */
  readonly closedBridge?: string
  /** Milliseconds since the epoch. */
  readonly createdAt: number
}

export interface Network extends NetworkSummary {
  /** Ids of the running containers that are attached. */
  readonly members: readonly string[]
}

export interface Volume {
  readonly name: string
  readonly labels: StringMap
  /** Milliseconds since the epoch. */
  readonly createdAt: number
}

export interface Image {
  readonly id: string
  /** `repository@sha256:…` of every registry it is known from. */
  readonly digests: readonly string[]
  /** `user` or `user:group`, by name or number, that its processes run as; empty: root. */
  readonly user: string
}

export interface ImageSummary extends Omit<Image, 'user'> {
  /** `repository:tag`; none, when the tag that it had has moved on. */
  readonly tags: readonly string[]
  /** Layers that it shares with others included. */
  readonly sizeBytes: number
}

export interface PullProgress {
  readonly currentBytes: number
  readonly totalBytes: number
}

export type EngineEvent =
  | { readonly kind: 'connected' }
  | {
      readonly kind: 'container'
      /** `create`, `start`, `die`, `destroy`, `pause`, `unpause`, `rename`, `update`, `oom`, `kill`, … */
      readonly action: string
      readonly id: string
      readonly labels: StringMap
    }
  | { readonly kind: 'network'; readonly action: string; readonly name: string; readonly container?: string }
  | { readonly kind: 'image'; readonly action: string; readonly reference: string }
