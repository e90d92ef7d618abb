import { chmodSync } from 'node:fs'
import { mkdir } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { GatewayRunningError } from './errors.ts'

/** SQLite's code for a lock that another process has. */
const SQLITE_BUSY = 5

/**
 * Keeps every other gateway off the database until it is released or the process ends, however that ends. It is a lock
 * of the operating system on a file beside the database, so that commands may still read that. Throws
 * `GatewayRunningError` when another process has it.
 */
export async function lockDatabase(path: string): Promise<{ readonly release: () => void }> {
  const file = resolve(path)
  await mkdir(dirname(file), { recursive: true })
  // Of all that Node can do, SQLite alone takes locks that go with their process. It has nothing to write here.
  const lock = new DatabaseSync(`${file}.lock`, { timeout: 0, open: false })
  try {
    lock.open()
    lock.exec('BEGIN EXCLUSIVE')
    chmodSync(`${file}.lock`, 0o600)
  } catch (err) {
    if (lock.isOpen) lock.close()
    if ((err as { errcode?: number }).errcode === SQLITE_BUSY) throw new GatewayRunningError(file, { cause: err })
    throw new Error(`${file}.lock could not be locked`, { cause: err })
  }
  return {
    release: () => {
      if (lock.isOpen) lock.close()
    }
  }
}
