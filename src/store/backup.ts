import { chmod, open, readdir, rename, rm } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { toTimestamp } from '../clock.ts'
import type { Database } from './orm.ts'

const KEPT_BACKUPS = 7

/**
 * Copies the database, WAL and all, to `<path>.backup-v<version>-<UTC timestamp>` with mode 0600, and removes all but
 * the newest seven. A copy that was cut short never has that name. Gives the path.
 */
export async function backup(database: Database, path: string, options: { version: number; now: number }) {
  const time = toTimestamp(options.now).replaceAll(/[-:.]/g, '')
  const target = `${path}.backup-v${options.version}-${time}`
  const partial = `${target}.partial`
  const file = await open(partial, 'w', 0o600)
  try {
    await chmod(partial, 0o600)
    await database.native.backup(partial)
    await file.sync()
  } catch (err) {
    await rm(partial, { force: true })
    throw err
  } finally {
    await file.close()
  }
  await rename(partial, target)
  const surplus = (await listBackups(path)).slice(KEPT_BACKUPS)
  for (const old of [...surplus, ...(await listPartials(path))]) await rm(old, { force: true })
  return target
}

/** Paths of copies that a crash cut short. */
async function listPartials(path: string): Promise<string[]> {
  const names = await readdir(dirname(path))
  return names
    .filter(name => name.startsWith(`${basename(path)}.backup-v`) && /\.partial(-journal|-wal|-shm)?$/.test(name))
    .map(name => join(dirname(path), name))
}

/** Paths of the backups beside the file, newest first. */
export async function listBackups(path: string): Promise<string[]> {
  const prefix = `${basename(path)}.backup-v`
  const names = await readdir(dirname(path)).catch(() => []) // no directory, so no backup
  return names
    .filter(name => name.startsWith(prefix) && /^\d+-\d{8}T\d{9}Z$/.test(name.slice(prefix.length)))
    .sort((a, b) => (timeOf(a) < timeOf(b) ? 1 : -1))
    .map(name => join(dirname(path), name))
}

function timeOf(name: string): string {
  return name.slice(name.lastIndexOf('-') + 1)
}
