import { join } from 'node:path'
import { Keyring } from '../../src/secrets/keyring.ts'

/** A new key in this folder. */
export async function aKeyring(folder: string): Promise<Keyring> {
  const keyring = new Keyring(join(folder, 'secrets-key'))
  await keyring.load({ mayCreate: true })
  return keyring
}
