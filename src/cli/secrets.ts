import { loadConfig } from '../config/config.ts'
import type { SecretKeyRotation } from '../http/deps.ts'
import type { Environment } from './environment.ts'
import { GatewayApi } from './gateway-api.ts'

export interface RotateOptions {
  readonly removeOld: boolean
  readonly json: boolean
  /** URL of the gateway; that of the configuration when left out. */
  readonly gateway?: string
}

/** Has the gateway encrypt every secret with a new key. Throws, and so ends with code 1, when some could not be read. */
export async function rotateKey({ env, stdout }: Environment, options: RotateOptions): Promise<void> {
  const gateway = await GatewayApi.connect(loadConfig(env), env, options.gateway)
  const { removeOld } = options
  const result = (await gateway.call('POST', '/v1/secret-keys/rotate', { removeOld })) as SecretKeyRotation
  stdout.write(`${options.json ? JSON.stringify(result, null, 2) : describe(result)}\n`)
  if (result.unreadable.length > 0) {
    throw new Error(`${result.unreadable.length} secrets cannot be read: restore their key, or write them anew`)
  }
}

function describe({ keyId, resealed, unreadable, unusedKeyIds, removedKeyIds }: SecretKeyRotation): string {
  return [
    `${resealed} secrets are encrypted with the new key ${keyId} now`,
    ...unreadable.map(key => `${key} cannot be read, and stays as it is`),
    ...removedKeyIds.map(id => `took key ${id} out of the file`),
    ...unusedKeyIds.map(id => `key ${id} is needed by older backups only; --remove-old takes it out of the file`)
  ].join('\n')
}
