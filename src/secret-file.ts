import { randomBytes } from 'node:crypto'
import { link, mkdir, open, rename, rm, stat, unlink } from 'node:fs/promises'
import { dirname } from 'node:path'

/** Makes a file that only its owner reads, whole or not at all; false when it is there already. */
export async function createSecretFile(path: string, text: string): Promise<boolean> {
  if (await exists(path)) return false
  await mkdir(dirname(path), { recursive: true, mode: 0o700 })
  const draft = `${path}.${randomBytes(6).toString('hex')}`
  const file = await open(draft, 'wx', 0o600)
  try {
    await file.writeFile(text)
    await file.sync()
    // NOTE: link refuses an existing name, rename would replace it: two first starts at once agree on one secret.
    await link(draft, path)
    return true
  } catch (err) {
    if ((err as NodeJS.ErrnoException).code === 'EEXIST') return false
    throw new Error(`no secret could be kept in ${path}`, { cause: err })
  } finally {
    await file.close()
    await unlink(draft)
  }
}

/** Puts another text in the place of the file's: a reader has the old or the new one, whatever ends this process. */
export async function replaceSecretFile(path: string, text: string): Promise<void> {
  const draft = `${path}.${randomBytes(6).toString('hex')}`
  const file = await open(draft, 'wx', 0o600)
  try {
    await file.writeFile(text)
    await file.sync()
    await rename(draft, path)
  } catch (err) {
    await rm(draft, { force: true })
    throw err
  } finally {
    await file.close()
  }
  const folder = await open(dirname(path))
  try {
    await folder.sync()
  } finally {
    await folder.close()
  }
}

async function exists(path: string): Promise<boolean> {
  try {
    await stat(path)
    return true
  } catch (err) {
    if ((err as NodeJS.ErrnoException).code === 'ENOENT') return false
    throw err
  }
}
