import { hkdfSync, randomBytes } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { createSigner, type Signer } from '../../api/signature.ts'
import type { Config } from '../config/config.ts'
import { createSecretFile } from '../secret-file.ts'

const KEY_BYTES = 32

type KeyPlace = Pick<Config, 'STATE_DB_PATH'>

/** Signs with the key of this installation, which lies beside its database and is made at the first start. */
export async function readSigner(config: KeyPlace): Promise<Signer> {
  return createSigner(await readKey(config))
}

/** What the audit log is chained with, made of the key of this installation. Throws when there is none and `create` is false. */
export async function readAuditKey(config: KeyPlace, { create = true } = {}): Promise<Uint8Array> {
  return new Uint8Array(hkdfSync('sha256', await readKey(config, create), '', 'docker-faas audit log', KEY_BYTES))
}

async function readKey(config: KeyPlace, create = true): Promise<Buffer> {
  const path = join(dirname(config.STATE_DB_PATH), 'instance-key')
  if (create) await createSecretFile(path, `${randomBytes(KEY_BYTES).toString('hex')}\n`)
  const text = (await readFile(path, 'utf8')).trim()
  if (!/^[0-9a-f]{64}$/.test(text))
    throw new Error(`${path} does not hold a key of 64 hex digits: restore it from a backup`)
  return Buffer.from(text, 'hex')
}
