import { createHash } from 'node:crypto'
import type { FunctionObject } from '../../api/function.ts'
import {
  type Egress,
  egressOf,
  type IsolationRules,
  type Level,
  levelOf,
  runtimeOf,
  userViolation,
  violationsOf
} from '../../api/isolation.ts'
import type { StringMap } from '../../api/meta.ts'
import type { ProfileSpec } from '../../api/profile.ts'
import { profileConflicts } from '../../api/profile-rules.ts'
import type { EngineInfo, NetworkSummary } from '../../src/engine/engine.ts'
import { BRIDGE_PREFIX } from '../../src/engine/firewall-rules.ts'

/** Why nothing is made for a function; what runs of it runs on. */
export interface Refusal {
  readonly reason: 'PolicyViolation' | 'RuntimeMissing'
  readonly message: string
}

/** How the replicas of a function are kept from everything else. */
export interface Isolation {
  readonly level: Level
  readonly egress: Egress
  /** Absent: the engine's own. */
  readonly runtime?: string
  readonly refusal?: Refusal
}

/** What is known of the engine and the image; what is not known refuses nothing. */
interface Facts {
  readonly engine?: EngineInfo | undefined
  /** Of the pinned image. */
  readonly imageUser?: string | undefined
  /** What its profiles come to. */
  readonly profile?: ProfileSpec
}

/** The isolation that is wanted of a function, and what is in its way. Pure. */
export function isolationOf(object: FunctionObject, rules: IsolationRules, facts: Facts): Isolation {
  const { namespace, annotations } = object.metadata
  const level = levelOf(rules, namespace)
  const { profile = {} } = facts
  const runtime = wantedRuntime(annotations, profile)
  const refusal =
    violationRefusal(object, rules) ??
    profileRefusal(object, profile, rules) ??
    userRefusal(level, facts) ??
    runtimeRefusal(runtime, facts)
  return {
    level,
    egress: egressOf(annotations, level),
    ...(runtime === undefined ? {} : { runtime }),
    ...(refusal === undefined ? {} : { refusal })
  }
}

/** Why the function may not be as it is written down; the API refuses it, unless it was there before the rule. Pure. */
export function violationRefusal({ metadata, spec }: FunctionObject, rules: IsolationRules): Refusal | undefined {
  const { namespace, annotations } = metadata
  const found = violationsOf({ namespace, annotations, image: spec.image, debug: spec.debug }, rules)
  if (found.length === 0) return undefined
  return { reason: 'PolicyViolation', message: found.map(({ field, message }) => `${field}: ${message}`).join('; ') }
}

/** The runtime that the function asks for, itself or by its profiles; undefined: the engine's own. */
export function wantedRuntime(annotations: StringMap, profile: ProfileSpec): string | undefined {
  return runtimeOf(annotations) ?? profile.runtime
}

/** What of the isolation needs another container, as words; none where it is as everywhere. */
export function isolationTexts({ metadata }: FunctionObject, rules: IsolationRules, profile: ProfileSpec): string[] {
  const runtime = wantedRuntime(metadata.annotations, profile)
  const isRestricted = levelOf(rules, metadata.namespace) === 'restricted'
  return [...(isRestricted ? ['restricted'] : []), ...(runtime === undefined ? [] : [`runtime ${runtime}`])]
}

/** The bridge of a network that does not lead out, by whose name the firewall knows it; undefined: the engine names it. */
export function bridgeOf(networkName: string, egress: Egress): string | undefined {
  if (egress === 'open') return undefined
  // Linux takes 15 characters.
  return `${BRIDGE_PREFIX[egress]}${createHash('sha256').update(networkName).digest('hex').slice(0, 10)}`
}

/** What the members of the network may reach. */
export function egressOfNetwork({ closedBridge }: Pick<NetworkSummary, 'closedBridge'>): Egress {
  if (closedBridge === undefined) return 'open'
  return closedBridge.startsWith(BRIDGE_PREFIX.none) ? 'none' : 'internal'
}

/** A profile, or the policy, may have changed since the API let the function in. */
function profileRefusal(
  { metadata }: FunctionObject,
  profile: ProfileSpec,
  rules: IsolationRules
): Refusal | undefined {
  const found = profileConflicts(metadata, profile, rules)
  return found.length === 0 ? undefined : { reason: 'PolicyViolation', message: found.join('; ') }
}

/** The user of a profile takes the place of the image's. */
function userRefusal(level: Level, { imageUser, profile }: Facts): Refusal | undefined {
  if (profile?.user !== undefined) return undefined
  const message = level === 'restricted' && imageUser !== undefined ? userViolation(imageUser) : undefined
  return message === undefined ? undefined : { reason: 'PolicyViolation', message }
}

function runtimeRefusal(runtime: string | undefined, { engine }: Facts): Refusal | undefined {
  if (runtime === undefined || engine === undefined || engine.runtimes.includes(runtime)) return undefined
  const there = engine.runtimes.join(', ')
  const message = `the engine has no runtime ${runtime}, but ${there}; install it, and name it in the engine's daemon.json`
  return { reason: 'RuntimeMissing', message }
}
