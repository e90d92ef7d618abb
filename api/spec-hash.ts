import { createHash } from 'node:crypto'
import type { FunctionSpec } from './function.ts'
import { containerLabels } from './labels.ts'
import type { StringMap } from './meta.ts'

/**
 * Version of what is hashed and how. Raising it recreates every container of every installation,
 * so it is raised only when containers made by an older release must not go on. Golden tests guard it.
 */
export const HASH_VERSION = 1

/**
 * Hash (64 hex) of exactly the parts of a function that need a new container: not replicas, annotations, probes,
 * or the fields that are only given back. Empty and absent are the same, so that a new optional field with
 * no value keeps every hash.
 */
export function templateHash(spec: FunctionSpec, labels: StringMap): string {
  return sha256({
    version: HASH_VERSION,
    image: spec.image,
    envProcess: spec.envProcess,
    env: spec.env,
    secrets: [...spec.secrets].sort(),
    limits: spec.limits,
    requests: spec.requests,
    readOnlyRootFilesystem: spec.readOnlyRootFilesystem,
    debug: spec.debug,
    labels: containerLabels(labels),
    restartedAt: spec.restartedAt
  })
}

/** Hash (8 hex) that a replica carries: of the template and of the image that it is pinned to. */
export function specHash(template: string, imageId: string): string {
  return sha256({ template, imageId }).slice(0, 8)
}

function sha256(value: Readonly<Record<string, unknown>>): string {
  const present = Object.fromEntries(Object.entries(value).filter(([, inner]) => !isEmpty(inner)))
  return createHash('sha256').update(canonicalJson(present)).digest('hex')
}

/** JSON with the keys of every object sorted, so that equal values give equal text. */
export function canonicalJson(value: unknown): string {
  return JSON.stringify(value, (_key, inner: unknown) => {
    if (inner === null || typeof inner !== 'object' || Array.isArray(inner)) return inner
    return Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)))
  })
}

function isEmpty(value: unknown): boolean {
  if (value === undefined || value === false || value === '') return true
  return typeof value === 'object' && value !== null && Object.keys(value).length === 0
}
