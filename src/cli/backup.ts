import { createReadStream } from 'node:fs'
import { copyFile, mkdir, mkdtemp, open, readdir, rename, rm, stat } from 'node:fs/promises'
import { basename, dirname, join, resolve } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { auditHeadPath } from '../assembly/audit-head.ts'
import { secretsKeyPath } from '../assembly/secrets.ts'
import type { Config } from '../config/config.ts'
import { loadConfig } from '../config/load.ts'
import { copyDatabase } from '../store/copy.ts'
import { copyTo } from './client/copy.ts'
import type { Environment, Output } from './environment.ts'
import { usageError } from './exit-code.ts'

export interface BackupOptions {
  readonly secretsKey: boolean
}

const PRIVATE = 0o600

/** Copies the database and the files beside it into a new folder, or as a tar archive to the standard output (`-`). */
export async function runBackup(
  { env, stdout, stderr }: Environment,
  target: string,
  options: BackupOptions
): Promise<void> {
  const config = loadConfig(env)
  const isArchive = target === '-'
  if (isArchive && stdout.isTTY === true) throw usageError('- writes an archive: lead it into a file, or name a folder')
  const folder = resolve(target)
  if (!isArchive) await requireNew(folder)
  const parent = dirname(isArchive ? resolve(config.STATE_DB_PATH) : folder)
  if (!isArchive) await mkdir(parent, { recursive: true })
  const draft = await mkdtemp(join(parent, '.docker-faas-backup-'))
  try {
    const names = await fill(draft, config, options)
    if (isArchive) await writeArchive(stdout, draft, names)
    else await rename(draft, folder)
    stderr.write(`backed up ${names.join(', ')}\n`)
    if (!options.secretsKey) {
      stderr.write(`left out ${secretsKeyPath(config)}, without which no secret can be read: keep a copy elsewhere\n`)
    }
  } finally {
    await rm(draft, { recursive: true, force: true })
  }
}

/** An older backup is not written over. */
async function requireNew(folder: string): Promise<void> {
  const names = await readdir(folder).catch((err: NodeJS.ErrnoException) => {
    if (err.code === 'ENOENT') return []
    if (err.code === 'ENOTDIR') throw usageError(`${folder} is a file: name a folder that is not there yet`)
    throw err
  })
  if (names.length > 0) throw usageError(`${folder} is not empty: name a folder that is not there yet`)
}

/** Copies what there is, each file readable for its owner only; the names of what was copied. */
async function fill(draft: string, config: Config, { secretsKey }: BackupOptions): Promise<string[]> {
  const path = config.STATE_DB_PATH
  // NOTE: before the database: a copy of the log may have more rows than the file knows of, and not fewer.
  const head = await copyBeside(auditHeadPath(config), draft)
  if (!(await copyDatabase(path, join(draft, basename(path))))) {
    throw new Error(`there is no database at ${path}: set STATE_DB_PATH as the gateway has it`)
  }
  const beside = ['instance-key', 'admin-password'].map(name => join(dirname(path), name))
  const files = secretsKey ? [...beside, secretsKeyPath(config)] : beside
  const copied = await Promise.all(files.map(file => copyBeside(file, draft)))
  return [basename(path), ...copied, head].filter(name => name !== undefined)
}

/** The name of the copy; undefined when there is no such file. */
async function copyBeside(file: string, draft: string): Promise<string | undefined> {
  const name = basename(file)
  try {
    await copyFile(file, join(draft, name))
  } catch (err) {
    if ((err as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw err
  }
  const copy = await open(join(draft, name))
  try {
    await copy.chmod(PRIVATE)
    await copy.sync()
  } finally {
    await copy.close()
  }
  return name
}

async function writeArchive(stdout: Output, draft: string, names: readonly string[]): Promise<void> {
  const { pack } = await import('tar-stream')
  const archive = pack()
  const filled = (async () => {
    for (const name of names) {
      const path = join(draft, name)
      const { size } = await stat(path)
      await pipeline(createReadStream(path), archive.entry({ name, size, mode: PRIVATE }))
    }
    archive.finalize()
  })()
  await Promise.all([copyTo(stdout, archive as AsyncIterable<Uint8Array>, false), filled])
}
