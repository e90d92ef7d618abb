import * as z from 'zod'
import { DNS_LABEL } from './names.ts'

// In files of their own, as workers and the command line load no zod.
export { DNS_LABEL, LEGACY_NAME } from './names.ts'
export { DEFAULT_NAMESPACE } from './namespace.ts'

/** Name of a new function or namespace. */
export const Name = z
  .string()
  .regex(DNS_LABEL, 'must be a DNS label: 1 to 63 of a-z, 0-9 and "-", starting and ending with a letter or digit')

const LabelKey = z
  .string()
  .max(253, 'must be at most 253 characters')
  .regex(/^[A-Za-z0-9]([-A-Za-z0-9_./]*[A-Za-z0-9])?$/, 'must be letters, digits, "-", "_", "." and "/"')

/** At most this many labels, and as many annotations, on one object. */
export const MAX_LABELS = 64

function stringMap(maxValue: number) {
  return z
    .record(LabelKey, z.string().max(maxValue, `must be at most ${maxValue} characters`))
    .refine(map => Object.keys(map).length <= MAX_LABELS, `must have at most ${MAX_LABELS} entries`)
}

/** Labels: short values, on the containers too (see `containerLabels`). */
export const Labels = stringMap(1024)
/** Annotations: longer values, read by Docker FaaS and by people, never on containers. */
export const Annotations = stringMap(16_384)

/** A merge patch of labels or annotations: null removes an entry, or all of them. */
export function patchOf(map: z.ZodRecord<z.ZodString, z.ZodString>) {
  return z.record(map.keyType, map.valueType.nullable()).nullish()
}

export type StringMap = Readonly<Record<string, string>>

/** What every object has beside its spec and status. */
export interface ObjectMeta {
  readonly name: string
  readonly namespace: string
  /** Tells an object from an earlier one of the same name; random, never reused. */
  readonly uid: string
  /** Grows by one when spec, labels or annotations really change. */
  readonly generation: number
  /** Grows with every write of any object; the ETag. */
  readonly resourceVersion: number
  readonly labels: StringMap
  readonly annotations: StringMap
  /** RFC 3339. */
  readonly createdAt: string
  /** RFC 3339; when spec, labels or annotations last changed. */
  readonly updatedAt: string
  /** RFC 3339; present once deletion was asked for. The object goes when Docker holds nothing of it. */
  readonly deletionRequestedAt?: string
}

/** `namespace/name`: what queues and tables hold. */
export function keyOf(object: { readonly namespace: string; readonly name: string }): string {
  return `${object.namespace}/${object.name}`
}

/** The parts of a key. Throws when it is none. */
export function parseKey(key: string): { namespace: string; name: string } {
  const slash = key.indexOf('/')
  if (slash < 1 || slash === key.length - 1) throw new Error(`not a key: ${JSON.stringify(key)}`)
  return { namespace: key.slice(0, slash), name: key.slice(slash + 1) }
}
