import { dirname, join } from 'node:path'
import type { Config } from '../config/config.ts'
import type { Logger } from '../logging/logger.ts'
import type { Keyring } from '../secrets/keyring.ts'
import { KeyRotation } from '../secrets/rotation.ts'
import { StorageFullError, StoreUnavailableError } from '../store/errors.ts'
import type { Store } from '../store/open.ts'

/** Where the keys of secrets lie. */
export function secretsKeyPath({ SECRETS_KEY_FILE: file, STATE_DB_PATH }: Config): string {
  return file === '' ? join(dirname(STATE_DB_PATH), 'secrets-key') : file
}

/**
 * Reads the keys, and makes one where the database holds no secret. Without them the gateway serves all the same:
 * functions go on, and what needs a value waits for the file.
 */
export async function prepareKeys(
  keyring: Keyring,
  store: Pick<Store, 'secrets' | 'invocations'>,
  log: Logger
): Promise<KeyRotation> {
  const used = await store.secrets.usedKeyIds()
  await keyring.load({ mayCreate: used.size === 0 })
  const { path: file, problem } = keyring
  if (problem !== undefined) log.error({ file, problem }, 'Found no key of secrets: none can be read or written')
  else {
    const missing = [...used].filter(id => !keyring.keyIds.includes(id))
    if (missing.length > 0) log.error({ file, keyIds: missing }, 'Found no key of some secrets: they cannot be read')
    if (keyring.isOpenToOthers) log.warn({ file }, 'Found key file of secrets open to others')
  }
  const rotation = new KeyRotation(keyring, store)
  if (problem === undefined) await finishRotation(rotation, log)
  return rotation
}

/** Keys that secrets are under and that are not there; the one that is to encrypt among them. */
export async function countMissing(rotation: KeyRotation): Promise<number> {
  const { missing, problem } = await rotation.state()
  return problem === undefined ? missing.length : Math.max(1, missing.length)
}

async function finishRotation(rotation: KeyRotation, log: Logger): Promise<void> {
  try {
    const { resealed, unreadable } = await rotation.finish()
    if (resealed > 0) log.info({ resealed, unreadable: unreadable.length }, 'Put secrets under current key')
  } catch (err) {
    if (!(err instanceof StorageFullError || err instanceof StoreUnavailableError)) throw err
    log.warn({ err }, 'Failed to put secrets under current key')
  }
}
