import type { ApiObject } from './api-object.ts'

/**
 * What a person can want of an object, in an order that does not depend on who wrote it, and without what is empty, as the
 * server fills in what is left out.
 */
export function wantedOf({ kind, metadata, spec }: ApiObject): object {
  const { name, namespace, labels, annotations } = metadata
  return normal({ kind, metadata: { name, namespace, labels, annotations }, spec }) as object
}

function normal(value: unknown): unknown {
  if (Array.isArray(value)) return value.length === 0 ? undefined : value.map(normal)
  if (typeof value !== 'object' || value === null) return value === '' || value === false ? undefined : value
  const entries = Object.entries(value)
    .map(([key, inner]) => [key, keepsEmpty(key, inner) ? inner : normal(inner)] as const)
    .filter(([, inner]) => inner !== undefined)
    .sort(([a], [b]) => (a < b ? -1 : 1))
  return entries.length === 0 ? undefined : Object.fromEntries(entries)
}

/** Of names that people choose, an empty text is a value. */
function keepsEmpty(key: string, value: unknown): boolean {
  return value === '' && !FIELDS.has(key)
}

/** Fields whose empty text means none. */
const FIELDS: ReadonlySet<string> = new Set(['envProcess', 'network', 'namespace', 'runtime', 'user'])
