import { open, stat } from 'node:fs/promises'
import { listBackups } from './backup.ts'
import { DatabaseCorruptError, SchemaTooNewError, sqliteCode } from './errors.ts'
import { connect, type Database } from './orm.ts'

const HEADER = Buffer.from('SQLite format 3\0', 'latin1')

/** A row of the log of migrations, as it is in the file. */
export interface LoggedMigration {
  readonly version: number
  readonly description: string
  readonly appliedAt: string
}

/** What a database file is, found out without writing to it. */
export interface FileState {
  /** Whether there is any table in it. */
  readonly hasContent: boolean
  /** In the order of versions. */
  readonly migrations: readonly LoggedMigration[]
  /** The highest version in the log; 0 when there is none. */
  readonly version: number
}

/**
 * What is in the file; no content when there is no file or it is empty. Throws `DatabaseCorruptError` when it is damaged
 * or is none of SQLite's, and `SchemaTooNewError` when its schema is newer than `known`.
 */
export async function inspect(path: string, known: number): Promise<FileState> {
  if (await isDirectory(path)) throw new DatabaseCorruptError(path, 'it is a directory', undefined)
  const [newest] = await listBackups(path)
  const size = await sizeOf(path)
  if (size === 0) {
    // SQLite throws the WAL of an empty file away, and people's functions with it
    const lost = (await sizeOf(`${path}-wal`)) > 0 ? 'a write-ahead log' : newest === undefined ? undefined : 'a backup'
    if ((await exists(path)) && lost !== undefined) {
      throw new DatabaseCorruptError(path, `it is empty, but ${lost} of it lies beside it`, newest)
    }
    return { hasContent: false, migrations: [], version: 0 }
  }
  if (!(await readStart(path)).equals(HEADER.subarray(0, Math.min(size, HEADER.length))) || size < HEADER.length) {
    throw new DatabaseCorruptError(path, 'it is not an SQLite database', newest)
  }
  const state = await readState(path, newest)
  if (state.version > known) throw new SchemaTooNewError(path, { found: state.version, known }, newest)
  return state
}

async function readState(path: string, newest: string | undefined): Promise<FileState> {
  try {
    return await withDatabase(path, 'readonly', database => check(database, path, newest))
  } catch (err) {
    const code = sqliteCode(err) ?? ''
    if (/^SQLITE_(CORRUPT|NOTADB)/.test(code))
      throw new DatabaseCorruptError(path, messageOf(err), newest, { cause: err })
    // a transaction that a crash cut short must be rolled back before anyone can read, which is a write
    if (!/^SQLITE_(READONLY|CANTOPEN)/.test(code)) throw err
    return await withDatabase(path, 'recover', database => check(database, path, newest))
  }
}

async function check(database: Database, path: string, newest: string | undefined): Promise<FileState> {
  const problems = (await rows(database, 'PRAGMA quick_check')).map(row => String(row['quick_check']))
  if (problems.join() !== 'ok') throw new DatabaseCorruptError(path, problems.slice(0, 3).join('; '), newest)
  const tables = new Set((await rows(database, 'SELECT name FROM sqlite_master')).map(row => row['name']))
  const logged = tables.has('schema_migrations')
    ? await rows(database, 'SELECT version, description, applied_at FROM schema_migrations ORDER BY version')
    : []
  const migrations = logged.map(row => ({
    version: Number(row['version']),
    description: String(row['description']),
    appliedAt: String(row['applied_at'])
  }))
  if (tables.has('meta')) await checkJson(database, path, newest)
  return { hasContent: tables.size > 0, migrations, version: migrations.at(-1)?.version ?? 0 }
}

/** SQLite keeps no checksums: damage inside a value shows only when the value is read. */
async function checkJson(database: Database, path: string, newest: string | undefined): Promise<void> {
  for (const [table, columns] of [
    ['functions', ['spec', 'labels', 'annotations', 'status']],
    ['revisions', ['spec', 'labels', 'annotations']]
  ] as const) {
    const broken = columns.map(column => `NOT json_valid(${column})`).join(' OR ')
    const [row] = await rows(database, `SELECT id FROM ${table} WHERE ${broken} LIMIT 1`)
    if (row !== undefined) throw new DatabaseCorruptError(path, `row ${row['id']} of ${table} is damaged`, newest)
  }
}

/** Opens the file for `work`, and closes it. */
export async function withDatabase<T>(
  path: string,
  mode: 'write' | 'readonly' | 'recover',
  work: (database: Database) => Promise<T>
): Promise<T> {
  const database = await connect(path, mode)
  try {
    return await work(database)
  } finally {
    await database.close()
  }
}

async function rows(database: Database, sql: string): Promise<Record<string, unknown>[]> {
  return (await database.em.fork().execute(sql)) as Record<string, unknown>[]
}

async function readStart(path: string): Promise<Buffer> {
  const file = await open(path, 'r')
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(HEADER.length), 0, HEADER.length, 0)
    return buffer.subarray(0, bytesRead)
  } finally {
    await file.close()
  }
}

async function exists(path: string): Promise<boolean> {
  return (await stat(path).catch(() => undefined)) !== undefined // what is there but unreadable fails when it is opened
}

async function isDirectory(path: string): Promise<boolean> {
  return (await stat(path).catch(() => undefined))?.isDirectory() ?? false
}

async function sizeOf(path: string): Promise<number> {
  return (await stat(path).catch(() => undefined))?.size ?? 0
}

function messageOf(err: unknown): string {
  return err instanceof Error ? err.message : String(err)
}
