import { createHash } from 'node:crypto'
import type { FunctionObject } from './function.ts'
import { canonicalJson } from './spec-hash.ts'

/** Bytes of one value at most, after decoding. */
export const MAX_SECRET_BYTES = 256 * 1024

/** What is known of a secret without its value. */
export interface SecretObject {
  readonly namespace: string
  readonly name: string
  /** Tells it from an earlier one of the same name; random, never reused. */
  readonly uid: string
  /** 1 for a new one; grows by one when the value really changes. */
  readonly version: number
  /** Random; another one for each value, so that no two values of any database are taken for the same. */
  readonly contentId: string
  /** Grows with every write of any object; the ETag. */
  readonly resourceVersion: number
  /** Of the value. */
  readonly sizeBytes: number
  /** RFC 3339. */
  readonly createdAt: string
  /** RFC 3339; when the value last changed. */
  readonly updatedAt: string
}

/**
 * Hash (8 hex) of what a function's volume holds: of whose it is and which values they are, not of the values
 * themselves, as it is part of a name that everybody reads.
 */
export function secretsHash(functionUid: string, secrets: readonly Pick<SecretObject, 'name' | 'contentId'>[]): string {
  const contents = Object.fromEntries(secrets.map(({ name, contentId }) => [name, contentId]))
  return createHash('sha256').update(canonicalJson({ functionUid, contents })).digest('hex').slice(0, 8)
}

/** Those of these functions that name the secret, in order; what is being deleted needs it no more. */
export function usersOf(
  functions: readonly FunctionObject[],
  { namespace, name }: Pick<SecretObject, 'namespace' | 'name'>
): FunctionObject[] {
  return functions.filter(
    ({ metadata, spec }) =>
      metadata.namespace === namespace && metadata.deletionRequestedAt === undefined && spec.secrets.includes(name)
  )
}
