import type { Command } from 'commander'
import type { SecretKeyRotation } from '../http/deps.ts'
import { type ConnectOptions, connect } from './client/connect.ts'
import { addGatewayOptions } from './client/options.ts'
import type { Environment } from './environment.ts'

interface RotateOptions extends ConnectOptions {
  readonly removeOld: boolean
  readonly json: boolean
}

/** `docker-faas secrets`: the keys that secrets are encrypted with. */
export function addSecrets(program: Command, environment: Environment): void {
  const rotate = program
    .command('secrets')
    .description('look after the keys that secrets are encrypted with')
    .addHelpText('after', '\nSee docs/secrets.md.')
    .command('rotate-key')
    .description('have the running gateway encrypt every secret with a new key, while it serves')
    .option('--remove-old', 'take keys out of the file that no secret needs; older backups may need them', false)
    .option('--json', 'print JSON', false)
  addGatewayOptions(rotate).action((options: RotateOptions) => rotateKey(environment, options))
}

/** Has the gateway encrypt every secret with a new key. Throws, and so ends with code 1, when some could not be read. */
async function rotateKey(environment: Environment, options: RotateOptions): Promise<void> {
  const gateway = await connect(environment, options)
  const { removeOld } = options
  const result = await gateway.call<SecretKeyRotation>('POST', '/v1/secret-keys/rotate', { removeOld })
  environment.stdout.write(`${options.json ? JSON.stringify(result, null, 2) : describe(result)}\n`)
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
