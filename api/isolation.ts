import { type ImageRule, imageViolation } from './image-rule.ts'
import type { StringMap } from './meta.ts'

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

/** What counts of a function. */
export interface Isolated {
  readonly namespace: string
  readonly annotations: StringMap
  readonly image: string
  readonly debug: boolean
}

/** Something that is asked for and not allowed. */
export interface Violation {
  /** `invalid`: it cannot be; `forbidden`: the operator does not want it. */
  readonly kind: 'invalid' | 'forbidden'
  readonly field: 'image' | 'debug' | 'annotations' | 'labels'
  readonly message: string
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

/** Everything that the function asks for and may not have, as far as it can be told without its image. Pure. */
export function violationsOf(fn: Isolated, rules: IsolationRules): Violation[] {
  const level = levelOf(rules, fn.namespace)
  const image = imageViolation(fn.image, rules.image)
  return [
    ...(image === undefined ? [] : [{ kind: 'forbidden' as const, field: 'image' as const, message: image }]),
    ...egressViolation(fn, level),
    ...runtimeViolation(fn, rules.runtimes),
    ...debugViolation(fn, level)
  ]
}

/**
 * Why the user of an image is not one that a restricted function may run as; undefined when it is. A name is not enough:
 * the image itself says which number it stands for. Source: Kubernetes, `runAsNonRoot`.
 */
export function userViolation(user: string): string | undefined {
  const [name = ''] = user.split(':')
  const remedy = 'in a restricted namespace its USER must be a number other than 0'
  if (name === '') return `the image runs as root, as it names no user; ${remedy}`
  if (!/^\d+$/.test(name)) return `the image runs as ${JSON.stringify(name.slice(0, 64))}, which may be root; ${remedy}`
  return Number(name) === 0 ? `the image runs as root; ${remedy}` : undefined
}

function egressViolation({ namespace, annotations }: Isolated, level: Level): Violation[] {
  const said = annotations[EGRESS_ANNOTATION]
  if (said === undefined) return []
  const allowed = EGRESS.filter(egress => level === 'baseline' || egress !== 'open')
  if (allowed.some(egress => egress === said)) return []
  const where = level === 'restricted' ? ` in the restricted namespace ${namespace}` : ''
  return [anAnnotation(EGRESS_ANNOTATION, `must be ${allowed.join(', ')}${where}`, said)]
}

function runtimeViolation({ annotations }: Isolated, runtimes: readonly string[]): Violation[] {
  const said = runtimeOf(annotations)
  if (said === undefined || runtimes.includes(said)) return []
  const allowed = runtimes.length === 0 ? 'names none' : `names ${runtimes.join(', ')}`
  return [anAnnotation(RUNTIME_ANNOTATION, `must be one of RUNTIMES_ALLOWED, which ${allowed}`, said)]
}

function debugViolation({ namespace, annotations, debug }: Isolated, level: Level): Violation[] {
  if (!debug) return []
  const field = 'debug'
  const kind = 'invalid'
  if (level === 'restricted') {
    return [{ kind, field, message: `must be false in the restricted namespace ${namespace}` }]
  }
  if (egressOf(annotations, level) === 'open') return []
  return [
    { kind, field, message: `needs ${EGRESS_ANNOTATION} to be open: Docker publishes no ports of a closed network` }
  ]
}

function anAnnotation(name: string, rule: string, said: string): Violation {
  return { kind: 'invalid', field: 'annotations', message: `${name} ${rule}, got ${JSON.stringify(said.slice(0, 64))}` }
}
