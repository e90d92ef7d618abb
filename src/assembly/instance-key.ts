import { randomBytes } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { createSigner, type Signer } from '../../api/signature.ts'
import type { Config } from '../config/config.ts'
import { createSecretFile } from '../secret-file.ts'

const KEY_BYTES = 32

/** Signs with the key of this installation, which lies beside its database and is made at the first start. */
export async function readSigner(config: Pick<Config, 'STATE_DB_PATH'>): Promise<Signer> {
  const path = join(dirname(config.STATE_DB_PATH), 'instance-key')
  await createSecretFile(path, `${randomBytes(KEY_BYTES).toString('hex')}\n`)
  const text = (await readFile(path, 'utf8')).trim()
  if (!/^[0-9a-f]{64}$/.test(text))
    throw new Error(`${path} does not hold a key of 64 hex digits: restore it from a backup`)
  return createSigner(Buffer.from(text, 'hex'))
}
