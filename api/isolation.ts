import { type ImageRule, imageViolation } from './image-rule.ts'
import type { StringMap } from './meta.ts'
import { about, type Rule, type Violation, violationsOfRules } from './rule.ts'

/**
 * How much is asked of the functions of a namespace. `baseline`: what OpenFaaS images need. `restricted`: no root, a
 * read-only root file system, no debug ports, and no way out. Source of the names: Kubernetes, Pod Security Standards.
 */
export const LEVELS = ['baseline', 'restricted'] as const
export type Level = (typeof LEVELS)[number]

/**
 * What a function may reach. `open`: everything but the host, other functions and metadata. `internal`: nothing but the
 * gateway, if functions may call it. `none`: nothing at all.
 */
export const EGRESS = ['open', 'internal', 'none'] as const
export type Egress = (typeof EGRESS)[number]

/** Annotations by which a function asks for its isolation. */
export const EGRESS_ANNOTATION = 'com.docker-faas.egress'
export const RUNTIME_ANNOTATION = 'com.docker-faas.runtime'

/** What the operator allows. */
export interface IsolationRules {
  readonly levelDefault: Level
  /** Namespace → its own. */
  readonly levels: Readonly<Record<string, Level>>
  /** Runtimes that functions may ask for. */
  readonly runtimes: readonly string[]
  readonly image: ImageRule
}

/** What counts of a function; a namespace or an image that cannot be read is left out, and breaks no rule. */
export interface Isolated {
  readonly namespace?: string | undefined
  readonly annotations: StringMap
  readonly image?: string | undefined
  readonly debug: boolean
}

export function levelOf({ levels, levelDefault }: IsolationRules, namespace: string): Level {
  return Object.hasOwn(levels, namespace) ? (levels[namespace] ?? levelDefault) : levelDefault
}

/** What the function may reach: what it says, else what its level does. */
export function egressOf(annotations: StringMap, level: Level): Egress {
  const said = annotations[EGRESS_ANNOTATION]
  return EGRESS.find(egress => egress === said) ?? (level === 'restricted' ? 'none' : 'open')
}

/** The runtime that the function asks for; undefined: the engine's own. */
export function runtimeOf(annotations: StringMap): string | undefined {
  return annotations[RUNTIME_ANNOTATION] || undefined
}

/** What is asked of every function, as far as it can be told without its image. */
export const ISOLATION_RULES: readonly Rule<Isolated, IsolationRules>[] = [
  { kind: 'forbidden', faults: (fn, rules) => about('image', imageFaults(fn, rules)) },
  { kind: 'invalid', faults: (fn, rules) => about('annotations', egressFaults(fn, rules)) },
  { kind: 'invalid', faults: (fn, rules) => about('annotations', runtimeFaults(fn, rules)) },
  { kind: 'invalid', faults: (fn, rules) => about('debug', debugFaults(fn, rules)) }
]

/** Everything that the function asks for and may not have. Pure. */
export function violationsOf(fn: Isolated, rules: IsolationRules): Violation[] {
  return violationsOfRules(ISOLATION_RULES, fn, rules)
}

/**
 * Why the user of an image, or the one of a profile, is not one that a restricted function may run as; undefined when it is. A name is not enough:
 * the image itself says which number it stands for. Source: Kubernetes, `runAsNonRoot`.
 */
export function userViolation(user: string, whose: 'image' | 'profile' = 'image'): string | undefined {
  const [name = ''] = user.split(':')
  const field = whose === 'image' ? 'USER' : 'user'
  const remedy = `in a restricted namespace its ${field} must be a number other than 0`
  if (name === '') return `the ${whose} runs as root, as it names no user; ${remedy}`
  if (!/^\d+$/.test(name))
    return `the ${whose} runs as ${JSON.stringify(name.slice(0, 64))}, which may be root; ${remedy}`
  return Number(name) === 0 ? `the ${whose} runs as root; ${remedy}` : undefined
}

function imageFaults({ image }: Isolated, rules: IsolationRules): string[] {
  const fault = image === undefined ? undefined : imageViolation(image, rules.image)
  return fault === undefined ? [] : [fault]
}

function egressFaults({ namespace, annotations }: Isolated, rules: IsolationRules): string[] {
  const said = annotations[EGRESS_ANNOTATION]
  if (said === undefined) return []
  const isRestricted = isRestrictedNamespace(rules, namespace)
  const allowed = EGRESS.filter(egress => !isRestricted || egress !== 'open')
  if (allowed.some(egress => egress === said)) return []
  const where = isRestricted ? ` in the restricted namespace ${namespace}` : ''
  return [`${EGRESS_ANNOTATION} must be ${allowed.join(', ')}${where}, got ${shown(said)}`]
}

function runtimeFaults({ annotations }: Isolated, { runtimes }: IsolationRules): string[] {
  const said = runtimeOf(annotations)
  if (said === undefined || runtimes.includes(said)) return []
  const allowed = runtimes.length === 0 ? 'names none' : `names ${runtimes.join(', ')}`
  return [`${RUNTIME_ANNOTATION} must be one of RUNTIMES_ALLOWED, which ${allowed}, got ${shown(said)}`]
}

function debugFaults({ namespace, annotations, debug }: Isolated, rules: IsolationRules): string[] {
  if (!debug) return []
  if (isRestrictedNamespace(rules, namespace)) return [`must be false in the restricted namespace ${namespace}`]
  if (egressOf(annotations, 'baseline') === 'open') return []
  return [`needs ${EGRESS_ANNOTATION} to be open: Docker publishes no ports of a closed network`]
}

function isRestrictedNamespace(rules: IsolationRules, namespace: string | undefined): boolean {
  return namespace !== undefined && levelOf(rules, namespace) === 'restricted'
}

function shown(said: string): string {
  return JSON.stringify(said.slice(0, 64))
}
