import type { FunctionObject } from '../../api/function.ts'
import { type SecretObject, secretsHash } from '../../api/secret.ts'
import type { SecretStore } from '../../src/store/secret-store.ts'

/** What is known of the secrets that a function names. Values are read only when they are written to its volume. */
export interface SecretsFacts {
  /** By name. */
  readonly found: readonly SecretObject[]
  /** Names of those that are not there. */
  readonly missing: readonly string[]
}

export const NO_SECRETS: SecretsFacts = { found: [], missing: [] }

/** Looks up the secrets that the function names; reads nothing when it names none. */
export async function findSecrets(
  secrets: Pick<SecretStore, 'list'>,
  { metadata, spec }: Pick<FunctionObject, 'metadata' | 'spec'>
): Promise<SecretsFacts> {
  if (spec.secrets.length === 0) return NO_SECRETS
  return pickSecrets(await secrets.list({ namespaces: new Set([metadata.namespace]) }), spec.secrets)
}

/** Of the secrets of a namespace, those of these names. */
export function pickSecrets(all: readonly SecretObject[], names: readonly string[]): SecretsFacts {
  const found = all.filter(({ name }) => names.includes(name))
  return { found, missing: names.filter(name => !found.some(secret => secret.name === name)).toSorted() }
}

/** What a function runs with, as text that is another one whenever its replicas must be; empty when it names no secret. */
export function secretsText(functionUid: string, { found, missing }: SecretsFacts): string {
  if (missing.length > 0) return `without ${missing.join(' ')}`
  return found.length === 0 ? '' : secretsHash(functionUid, found)
}
