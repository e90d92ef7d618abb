import type { PortRange } from '../../api/debug-ports.ts'
import { parseDuration } from '../../api/duration.ts'
import type { DebugPort, FunctionObject, PinnedImage, RestartRecord } from '../../api/function.ts'
import type { IsolationRules } from '../../api/isolation.ts'
import type { Owner } from '../../api/labels.ts'
import { keyOf } from '../../api/meta.ts'
import { networkName, replicaName, secretsVolumeName } from '../../api/names.ts'
import { leastReadyMs, readinessOf } from '../../api/probe.ts'
import { type ProfileSpec, profileNamesOf, type ResolvedProfile } from '../../api/profile.ts'
import { type SecretObject, secretsHash } from '../../api/secret.ts'
import { specHash, templateHash } from '../../api/spec-hash.ts'
import type { EngineInfo } from '../../src/engine/engine.ts'
import type { EngineFault } from '../../src/engine/faults.ts'
import { type Isolation, isolationOf, isolationTexts } from './isolation.ts'
import { type Limits, limitsOf } from './limits.ts'
import { profileTexts } from './profiles.ts'
import type { SecretsFacts } from './secrets.ts'

/** What the operator decides for all functions; out of the configuration. */
export interface Policy {
  readonly instance: string
  readonly isolation: IsolationRules
  /** Base of every function network's name. */
  readonly functionsNetwork: string
  /** CIDR of which their subnets are; absent: any. */
  readonly subnetPool?: string
  readonly maxReplicas: number
  /** Address of the engine's host on which debug ports are bound, and the ports of it that may be. */
  readonly debugBindAddress: string
  readonly debugPortRange: PortRange
  readonly pidsLimit: number
  readonly tmpfsBytes: number
  readonly logMaxBytes: number
  /** Memory limit of functions that name none; 0: as large as the engine allows for. */
  readonly memoryDefaultBytes: number
  /** CPU limit of functions that name none; 0: as large as the engine allows for. */
  readonly nanoCpusDefault: number
  /** A replica that does not answer for so long after its start has failed. */
  readonly readyTimeoutMs: number
  /** How long calls that run in a leaving replica may go on. */
  readonly drainMs: number
  /** Between asking a replica to stop and killing it. */
  readonly stopGraceMs: number
}

/** Where the image of a function stands. */
export type ImageStatus =
  | { readonly state: 'pinned'; readonly pin: PinnedImage }
  | { readonly state: 'pulling'; readonly currentBytes: number; readonly totalBytes: number }
  | { readonly state: 'failed'; readonly fault: EngineFault; readonly message: string; readonly retryAt: number }

/** Where debuggers of a function are to be reached, and what is known of its ports. */
export interface DebugWish {
  /** Address of the engine's host. */
  readonly address: string
  readonly range: PortRange
  /** What each ordinal has, or had when it was seen last. */
  readonly held: readonly DebugPort[]
  /** Ports that replicas could not start with, as somebody listens on them. */
  readonly refused: readonly number[]
}

/** The secrets that replicas get. */
export interface WantedSecrets {
  /** 8 hex; of which values they are. */
  readonly hash: string
  /** Name of the volume that holds them. */
  readonly volume: string
  readonly found: readonly SecretObject[]
}

/** Everything that the planner knows of what is wanted. */
export interface Desired {
  readonly key: string
  readonly owner: Owner
  readonly deleting: boolean
  /** 0 while deleting. */
  readonly replicas: number
  /** Its replicas are to be frozen: nothing runs, and nothing is started. */
  readonly frozen: boolean
  /** It was frozen when it was last looked at, so that what is paused was not paused by somebody else. */
  readonly wasFrozen: boolean
  readonly image: ImageStatus
  /** Hash that current replicas carry; absent until image and secrets are known: then nothing is created or outdated. */
  readonly hash?: string
  readonly limits: Limits
  readonly isolation: Isolation
  /** Secrets that the spec names and that are not there: nothing is created before they are. */
  readonly missingSecrets: readonly string[]
  /** Absent when the spec names none, or one is missing. */
  readonly secrets?: WantedSecrets
  /** What its profiles come to, as far as they are there. */
  readonly profile: ProfileSpec
  /** Profiles that it names and that are not there: nothing is created before they are. */
  readonly missingProfiles: readonly string[]
  readonly networkName: string
  /** CIDR in which the firewall takes functions to be; absent: anywhere. */
  readonly pool?: string
  /** Id of the container that the gateway runs in; absent on a host. */
  readonly gatewayId?: string
  /** How the last exits of each ordinal went. */
  readonly restarts: readonly RestartRecord[]
  /** The same for replicas of an earlier revision. */
  readonly outdatedRestarts: readonly RestartRecord[]
  /** Absent where no debugger is wanted. */
  readonly debug?: DebugWish
  /** A replica that does not answer for so long after its start has failed; what its probe waits for comes on top. */
  readonly readyTimeoutMs: number
  readonly policy: Policy
  readonly nameOf: (ordinal: number) => string
}

/**
 * Hash of what replicas of this object must be, with its image pinned. A debug function's covers where its ports are
 * bound, so that a changed address closes the old one everywhere; that of one with secrets, which values they are; that of
 * any, what a policy asks for beside the spec.
 */
function wantedHash(
  object: FunctionObject,
  {
    imageId,
    secrets,
    profile,
    policy
  }: { imageId: string; secrets: WantedSecrets | undefined; profile: ProfileSpec; policy: Policy }
): string {
  const template = templateHash(object.spec, object.metadata.labels)
  const debug = object.spec.debug ? [`debug on ${policy.debugBindAddress}`] : []
  const ofSecrets = secrets === undefined ? [] : [`secrets ${secrets.hash}`]
  const more = [...isolationTexts(object, policy.isolation, profile), ...profileTexts(profile)]
  return specHash(template, [imageId, ...debug, ...ofSecrets, ...more].join(' '))
}

/** The secrets that its replicas get; undefined when it names none, one is missing, or they are not known. */
function wantedSecrets({ metadata }: FunctionObject, facts: SecretsFacts | undefined): WantedSecrets | undefined {
  if (facts === undefined || facts.missing.length > 0 || facts.found.length === 0) return undefined
  const hash = secretsHash(metadata.uid, facts.found)
  return { hash, volume: secretsVolumeName(metadata, hash), found: facts.found }
}

/** Whether every profile that it names is there. */
function areProfilesKnown({ metadata }: FunctionObject, resolved: ResolvedProfile | undefined): boolean {
  if (resolved !== undefined) return resolved.missing.length === 0
  return profileNamesOf(metadata.annotations).length === 0
}

/** What is wanted of one function, out of its object and what was found out about its image. */
export function desiredOf(
  object: FunctionObject,
  facts: {
    image: ImageStatus
    /** Absent while they are not known. */
    secrets?: SecretsFacts
    /** Absent while they are not known. */
    profile?: ResolvedProfile
    gatewayId?: string
    restarts: readonly RestartRecord[]
    outdatedRestarts?: readonly RestartRecord[]
    /** What the engine says of itself; absent before it was asked. */
    engine?: EngineInfo
    /** As whom the pinned image runs; absent where that does not matter. */
    imageUser?: string | undefined
    /** Calls wait for it, so that it is not frozen, whatever is written down. */
    isWanted?: boolean
  },
  policy: Policy
): Desired {
  const { metadata } = object
  const { engine, imageUser, isWanted = false, secrets: found, profile: resolved, ...known } = facts
  const profile = resolved?.spec ?? {}
  const secrets = wantedSecrets(object, found)
  const isKnown = (object.spec.secrets.length === 0 || secrets !== undefined) && areProfilesKnown(object, resolved)
  const deleting = metadata.deletionRequestedAt !== undefined
  return {
    key: keyOf(metadata),
    owner: {
      instance: policy.instance,
      namespace: metadata.namespace,
      name: metadata.name,
      uid: metadata.uid,
      generation: metadata.generation
    },
    deleting,
    replicas: deleting ? 0 : object.spec.replicas,
    frozen: !deleting && !isWanted && object.spec.replicas > 0 && object.scale?.frozenSince !== undefined,
    wasFrozen: object.status.frozenReplicas > 0,
    outdatedRestarts: [],
    ...known,
    missingSecrets: found?.missing ?? [],
    profile,
    missingProfiles: resolved?.missing ?? [],
    ...(secrets === undefined ? {} : { secrets }),
    ...(facts.image.state === 'pinned' && isKnown
      ? { hash: wantedHash(object, { imageId: facts.image.pin.id, secrets, profile, policy }) }
      : {}),
    limits: limitsOf(object, policy, engine),
    isolation: isolationOf(object, policy.isolation, { engine, imageUser, profile }),
    networkName: networkName(policy.functionsNetwork, metadata),
    ...(policy.subnetPool === undefined ? {} : { pool: policy.subnetPool }),
    ...(object.spec.debug
      ? { debug: { address: policy.debugBindAddress, range: policy.debugPortRange, held: [], refused: [] } }
      : {}),
    readyTimeoutMs: policy.readyTimeoutMs + leastReadyMs(readinessOf(object)),
    policy: { ...policy, drainMs: Math.max(policy.drainMs, writeTimeoutOf(object)) },
    nameOf: ordinal => replicaName(metadata, ordinal)
  }
}

const MAX_WRITE_TIMEOUT_MS = 86_400_000

/** How long its watchdog lets a call take, where that is said; a replica that goes is given as long. Source: OpenFaaS Pro. */
function writeTimeoutOf({ spec }: FunctionObject): number {
  return Math.min(parseDuration(spec.env['write_timeout'] ?? '') ?? 0, MAX_WRITE_TIMEOUT_MS)
}
