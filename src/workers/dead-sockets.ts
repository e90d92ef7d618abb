import { lstat, readdir, rmdir, unlink } from 'node:fs/promises'
import { connect } from 'node:net'
import { basename, dirname, join } from 'node:path'

/** A younger directory may be that of a gateway that is about to listen. */
const YOUNG_MS = 60_000

/**
 * Removes what gateways have left that were killed: directories of this user, made by `mkdtemp` with the prefix, that hold a socket of
 * that name on which nobody listens, and nothing else. What cannot be removed is there for the next start. Never rejects.
 */
export async function removeDeadSockets(prefix: string, name: string): Promise<void> {
  const place = dirname(prefix)
  const isMade = (entry: string) => entry.startsWith(basename(prefix)) && entry.length === basename(prefix).length + 6
  const entries = await readdir(place).catch(() => [])
  for (const entry of entries.filter(isMade)) await removeIfDead(join(place, entry), name).catch(() => undefined)
}

async function removeIfDead(directory: string, name: string): Promise<void> {
  const path = join(directory, name)
  const [folder, socket] = [await lstat(directory), await lstat(path)]
  const isOurs = folder.isDirectory() && folder.uid === process.getuid?.() && socket.isSocket()
  if (!isOurs || Date.now() - folder.mtimeMs < YOUNG_MS || !(await isRefused(path))) return
  await unlink(path)
  await rmdir(directory)
}

function isRefused(path: string): Promise<boolean> {
  return new Promise(resolve => {
    const socket = connect(path)
    socket.once('error', (err: NodeJS.ErrnoException) => resolve(err.code === 'ECONNREFUSED'))
    socket.once('connect', () => {
      socket.destroy()
      resolve(false)
    })
  })
}
