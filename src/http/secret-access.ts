import { NotFoundError } from '../../api/errors.ts'
import type { FunctionObject } from '../../api/function.ts'
import { type SecretObject, usersOf } from '../../api/secret.ts'
import type { ApiDeps } from './deps.ts'

/**
 * Bytes of a body with a value: `faas-cli` sends it twice, as base64 and as text, in which each byte may take six.
 */
export const MAX_SECRET_BODY_BYTES = 2 * 1024 * 1024

/** The secret of that key. Throws `NotFoundError`. */
export async function requireSecret({ secrets }: Pick<ApiDeps, 'secrets'>, key: string): Promise<SecretObject> {
  const secret = await secrets.get(key)
  if (secret === undefined) throw new NotFoundError('secret', key)
  return secret
}

/** Names of the functions that use the secret, in order. */
export function secretUsers(
  functions: readonly FunctionObject[],
  secret: Pick<SecretObject, 'namespace' | 'name'>
): string[] {
  return usersOf(functions, secret).map(({ metadata }) => metadata.name)
}
