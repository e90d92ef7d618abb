import { chmod, mkdir, open } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import { ValidationError } from '../../api/errors.ts'
import { FunctionObjects, functionObjectsOn } from '../../migrations/0003-function-objects.ts'
import { type Clock, systemClock, toTimestamp } from '../clock.ts'
import { backup } from './backup.ts'
import { DatabaseInUseError, sqliteCode } from './errors.ts'
import { type FileState, inspect, withDatabase } from './inspect.ts'
import type { Database } from './orm.ts'
import { LATEST_VERSION, MIGRATIONS, SchemaMigrator } from './schema-migrator.ts'

export interface MigrationState {
  readonly version: number
  readonly description: string
  /** RFC 3339; undefined while it is pending. */
  readonly appliedAt: string | undefined
}

/** What a run of migrations did. */
export interface MigrationRun {
  readonly path: string
  /** Schema version before; 0 for a file without a log, which is one of v1.0 or a new one. */
  readonly from: number
  readonly to: number
  /** In the order in which they were applied or reverted. */
  readonly migrations: readonly { readonly version: number; readonly description: string }[]
  /** Path of the copy taken before; undefined when there was nothing to copy or nothing to do. */
  readonly backup: string | undefined
}

/** Every migration that the file or this release knows, in order. A missing file has none applied, and is not created. */
export async function migrationStatus(path: string): Promise<MigrationState[]> {
  const { migrations } = await inspect(resolve(path), Number.POSITIVE_INFINITY)
  const known = MIGRATIONS.filter(({ version }) => !migrations.some(applied => applied.version === version))
  return [
    ...migrations.map(({ appliedAt, ...rest }) => ({ ...rest, appliedAt: fromSqliteTime(appliedAt) })),
    ...known.map(({ version, description }) => ({ version, description, appliedAt: undefined }))
  ].sort((a, b) => a.version - b.version)
}

/** Brings the file to this release's schema in one transaction, after a backup; creates it when it is missing. */
export async function migrateUp(path: string, options: { clock?: Clock } = {}): Promise<MigrationRun> {
  const file = resolve(path)
  const state = await prepareFile(file)
  return await withDatabase(file, 'write', database => upgrade(database, file, state, options.clock ?? systemClock))
}

interface MigrateDownOptions {
  readonly clock?: Clock
  /** First part of the names of the networks of functions, which the older program keeps in its rows. */
  readonly functionsNetwork?: string
}

/** Brings the file back to schema version `to` in one transaction, after a backup. Throws `ValidationError` when `to` is none. */
export async function migrateDown(path: string, to: number, options: MigrateDownOptions = {}): Promise<MigrationRun> {
  if (!Number.isInteger(to) || to < 0 || to > LATEST_VERSION) {
    throw new ValidationError([
      { field: 'to', message: `must be a schema version from 0 to ${LATEST_VERSION}, not ${to}` }
    ])
  }
  const file = resolve(path)
  const state = await inspect(file, LATEST_VERSION)
  const migrations = MIGRATIONS.filter(({ version }) => version > to && isApplied(state, version)).reverse()
  const run = { path: file, from: state.version, to: Math.min(to, state.version), migrations: migrations.map(summary) }
  if (migrations.length === 0) return { ...run, backup: undefined }
  return await withDatabase(file, 'write', async database => {
    leaveWal(database, file)
    const copy = await backup(database, file, { version: state.version, now: (options.clock ?? systemClock).now() })
    await migratorOf(database, options.functionsNetwork).down({ migrations: migrations.map(({ name }) => name) })
    return { ...run, backup: copy }
  })
}

/** Checks the file, creates it and its directory when they are missing, and makes it private. */
export async function prepareFile(path: string): Promise<FileState> {
  await mkdir(dirname(path), { recursive: true })
  const state = await inspect(path, LATEST_VERSION)
  await (await open(path, 'a', 0o600)).close()
  for (const file of [path, `${path}-wal`, `${path}-shm`]) {
    await chmod(file, 0o600).catch((err: NodeJS.ErrnoException) => {
      if (err.code !== 'ENOENT' && err.code !== 'EPERM') throw err // someone else's file that we may still write
    })
  }
  return state
}

/** Applies what is pending, after a backup when there is something to copy. */
export async function upgrade(database: Database, path: string, state: FileState, clock: Clock): Promise<MigrationRun> {
  const pending = MIGRATIONS.filter(({ version }) => !isApplied(state, version))
  const run = { path, from: state.version, to: LATEST_VERSION, migrations: pending.map(summary) }
  if (pending.length === 0) return { ...run, backup: undefined }
  const copy = state.hasContent ? await backup(database, path, { version: state.version, now: clock.now() }) : undefined
  await migratorOf(database).up()
  return { ...run, backup: copy }
}

/**
 * Takes the file out of WAL mode: the older program's backup script copies the main file alone. Only its sole user can,
 * so a gateway that runs on the file keeps its schema: throws `DatabaseInUseError` then.
 */
function leaveWal(database: Database, path: string): void {
  try {
    database.native.pragma('journal_mode = DELETE')
  } catch (err) {
    if (sqliteCode(err)?.startsWith('SQLITE_BUSY') !== true) throw err
    throw new DatabaseInUseError(path, { cause: err })
  }
}

function migratorOf(database: Database, functionsNetwork?: string): SchemaMigrator {
  database.em.config.get('migrations').migrationsList = MIGRATIONS.map(({ name, class: type }) => ({
    name,
    class: type === FunctionObjects && functionsNetwork !== undefined ? functionObjectsOn(functionsNetwork) : type
  }))
  return new SchemaMigrator(database.em)
}

function isApplied({ migrations }: FileState, version: number): boolean {
  return migrations.some(migration => migration.version === version)
}

function summary({ version, description }: { version: number; description: string }) {
  return { version, description }
}

/** RFC 3339 of SQLite's CURRENT_TIMESTAMP, or the text as it is when it is none. */
function fromSqliteTime(text: string): string {
  const ms = Date.parse(`${text.replace(' ', 'T')}Z`)
  return Number.isNaN(ms) ? text : toTimestamp(ms)
}
