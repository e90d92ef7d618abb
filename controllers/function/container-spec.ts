import { type DebugBinding, debugPortsLabel } from '../../api/debug-ports.ts'
import type { FunctionObject } from '../../api/function.ts'
import { containerLabels, LABEL, ownerLabels } from '../../api/labels.ts'
import { parseCpu, parseMemory } from '../../api/quantity.ts'
import { MIN_MEMORY_BYTES } from '../../api/quota.ts'
import type { ContainerSpec } from '../../src/engine/specs.ts'
import type { Desired } from './desired.ts'
import { limitsLabel } from './limits.ts'
import { profileSettings, profileTmpfs } from './profiles.ts'

/** The port on which every function serves HTTP. Source: OpenFaaS workload contract. */
export const FUNCTION_PORT = 8080

/** Path of the only writable directory of a function with a read-only root. */
const TMP = '/tmp'

/**
 * The container of one ordinal: the only place where a spec becomes something that the engine is told. What is not
 * named here cannot be asked for: no mounts, devices, capabilities, host namespaces or networks.
 */
export function containerSpec(
  object: FunctionObject,
  desired: Desired,
  replica: {
    readonly ordinal: number
    readonly image: string
    readonly hash: string
    readonly ports: readonly DebugBinding[]
  }
): ContainerSpec {
  const { spec, metadata } = object
  const { policy, owner, limits, isolation, profile } = desired
  const readOnly = spec.readOnlyRootFilesystem || isolation.level === 'restricted'
  return {
    name: desired.nameOf(replica.ordinal),
    image: replica.image,
    labels: {
      ...containerLabels(metadata.labels),
      ...ownerLabels(owner, 'replica'),
      ...composeOverrides(metadata.labels),
      ...limitsLabel(limits),
      [LABEL.specHash]: replica.hash,
      [LABEL.ordinal]: String(replica.ordinal),
      ...debugPortsLabel(replica.ports)
    },
    env: {
      OPENFAAS_NAME: metadata.name,
      OPENFAAS_NAMESPACE: metadata.namespace,
      ...(spec.envProcess === '' ? {} : { fprocess: spec.envProcess }),
      ...spec.env
    },
    network: desired.networkName,
    memoryBytes: limits.memoryBytes,
    memoryReservationBytes: reservation(spec.requests.memory, limits.memoryBytes),
    nanoCpus: limits.nanoCpus,
    cpuShares: shares(spec.requests.cpu),
    pidsLimit: policy.pidsLimit,
    ...(isolation.runtime === undefined ? {} : { runtime: isolation.runtime }),
    readOnlyRootFilesystem: readOnly,
    tmpfs: { ...(readOnly ? { [TMP]: policy.tmpfsBytes } : {}), ...profileTmpfs(profile) },
    ...profileSettings(profile),
    ports: replica.ports,
    logMaxBytes: policy.logMaxBytes
  }
}

/** Grouping is the user's to choose; identity is not. */
function composeOverrides(labels: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(labels).filter(([key]) => key.startsWith('com.docker.compose.')))
}

/** The engine refuses a reservation below its least memory, and one above the limit: it is raised and cut to them. */
function reservation(request: string | undefined, limitBytes: number): number {
  const bytes = request === undefined ? 0 : (parseMemory(request) ?? 0)
  if (bytes === 0) return 0
  const taken = Math.max(bytes, MIN_MEMORY_BYTES)
  return limitBytes === 0 ? taken : Math.min(taken, limitBytes)
}

/** 1024 shares are one core; the engine takes 2 or more. */
function shares(request: string | undefined): number {
  const nanoCpus = request === undefined ? 0 : (parseCpu(request) ?? 0)
  return nanoCpus === 0 ? 0 : Math.max(2, Math.round((nanoCpus * 1024) / 1e9))
}
