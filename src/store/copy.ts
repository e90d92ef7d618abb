import { open } from 'node:fs/promises'
import { resolve } from 'node:path'
import { inspect, withDatabase } from './inspect.ts'

/**
 * Copies the database, WAL and all, to a new file that only its owner reads; a gateway may be writing it meanwhile. False
 * when there is none. Throws `DatabaseCorruptError` for one that is damaged.
 */
export async function copyDatabase(path: string, target: string): Promise<boolean> {
  const source = resolve(path)
  if (!(await inspect(source, Number.POSITIVE_INFINITY)).hasContent) return false
  const file = await open(target, 'wx', 0o600)
  try {
    await withDatabase(source, 'readonly', ({ native }) => native.backup(target))
    await file.sync()
  } finally {
    await file.close()
  }
  return true
}
