import { type EntityManager, MikroORM } from '@mikro-orm/sqlite'
import PQueue from 'p-queue'
import type { AuditEntry, AuditSubject } from '../../api/audit.ts'
import type { AuditScope } from './audit-store.ts'
import { ENTITIES } from './entities.ts'
import { StoreUnavailableError, sqliteCode, toStoreError } from './errors.ts'
import { WriteAheadLog } from './write-ahead-log.ts'

/** What we use of better-sqlite3, which MikroORM opens and does not type. */
export interface NativeClient {
  readonly inTransaction: boolean
  exec: (sql: string) => unknown
  prepare: (sql: string) => NativeStatement
  pragma: (source: string, options?: { simple?: boolean }) => unknown
  backup: (path: string) => Promise<unknown>
}

/** Values are bound, so that a body is written as it is, and the text is parsed once. */
export interface NativeStatement {
  run: (...values: readonly unknown[]) => { readonly changes: number; readonly lastInsertRowid: number | bigint }
  all: (...values: readonly unknown[]) => unknown[]
  get: (...values: readonly unknown[]) => unknown
}

/** How long SQLite itself waits for another process's lock. Short, because it blocks the event loop. */
const BUSY_TIMEOUT_MS = 1000
/**
 * A transaction that has read and now wants to write is told at once that another process writes, and must begin anew:
 * so often, with growing pauses, about five seconds together.
 */
const BUSY_RETRIES = 20
const BUSY_PAUSE_MS = 50
const MAX_BUSY_PAUSE_MS = 300

/** The write-ahead log is cut back to this after a checkpoint, however far a long reader let it grow. */
const WAL_LIMIT_BYTES = 64 * 2 ** 20

/** Rows as they are in the table now: an identity map would give what an earlier statement of the transaction read. */
export const PLAIN = { disableIdentityMap: true } as const

/** Writes the row of the audit log in the transaction of the change that it tells of. */
export interface AuditRecorder {
  /** The scope that the caller is in, if it has no row yet. */
  current: () => AuditScope | undefined
  record: (em: EntityManager, scope: AuditScope, subject: AuditSubject) => Promise<AuditEntry>
  recorded: (scope: AuditScope, entry: AuditEntry) => void
}

interface WriteOptions<T> {
  readonly dryRun?: boolean
  /** It is not flushed to the disk before the promise resolves: whoever promises anything by it awaits `flush` first. */
  readonly isUnflushed?: boolean
  readonly committed?: (result: T) => void
  /** What the audit log says of it; undefined when nothing of it was asked for by anybody. */
  readonly audited?: (result: T) => AuditSubject | undefined
}

/** One open database file, and the only place where its transactions begin. */
export class Database {
  readonly em: EntityManager
  readonly native: NativeClient
  recorder: AuditRecorder | undefined
  readonly #orm: MikroORM
  readonly #log: WriteAheadLog
  readonly #writes = new PQueue({ concurrency: 1 })
  #isFlushed = true
  #closed = false

  constructor(orm: MikroORM, native: NativeClient) {
    this.#orm = orm
    this.#log = new WriteAheadLog(`${orm.config.get('dbName')}-wal`)
    this.em = orm.em
    this.native = native
  }

  /** What `work` reads, with an EntityManager of its own. */
  async read<T>(work: (em: EntityManager) => Promise<T>): Promise<T> {
    this.#checkOpen()
    try {
      return await work(this.em.fork())
    } catch (err) {
      throw toStoreError(err)
    }
  }

  /**
   * Runs `work` in a transaction, one after the other, and `committed` in the tick in which the commit is known, before
   * the next one begins; a dry run is rolled back instead. `work` may run again when another process held the lock, so
   * it must touch nothing but the database.
   */
  async write<T>(work: (em: EntityManager) => Promise<T>, options: WriteOptions<T> = {}): Promise<T> {
    this.#checkOpen()
    const { dryRun = false, isUnflushed = false, audited, committed } = options
    // Asked for here, in the caller's asynchronous context, whatever the one is in which the queue runs the work.
    const scope = dryRun || audited === undefined ? undefined : this.recorder?.current()
    return await this.#writes.add(async () => {
      const { result, entry } = await this.#withRetries(() =>
        this.#transact(
          async em => {
            const result = await work(em)
            const subject = scope === undefined ? undefined : audited?.(result)
            const isRecorded = scope !== undefined && scope.written === undefined && subject !== undefined
            const entry = isRecorded ? await this.recorder?.record(em, scope, subject) : undefined
            return { result, entry }
          },
          dryRun,
          isUnflushed
        )
      )
      if (scope !== undefined && entry !== undefined) this.recorder?.recorded(scope, entry)
      if (!dryRun) committed?.(result)
      return result
    })
  }

  /** What `work` reads, all of it as of one moment. */
  async snapshot<T>(work: (em: EntityManager) => Promise<T>): Promise<T> {
    this.#checkOpen()
    return await this.#transact(work, true)
  }

  async #transact<T>(work: (em: EntityManager) => Promise<T>, dryRun: boolean, isUnflushed = false): Promise<T> {
    const em = this.em.fork()
    if (!dryRun) await this.#setFlushed(em, !isUnflushed)
    await em.begin()
    try {
      const result = await work(em)
      if (!dryRun) await em.commit()
      return result
    } finally {
      if (em.isInTransaction()) await this.#rollback(em)
    }
  }

  /**
   * Whether the transaction that is about to begin is flushed when it is committed. Asked as any query is, as SQLite refuses it
   * while a transaction is open; only one that writes nothing may come between.
   */
  async #setFlushed(em: EntityManager, isFlushed: boolean): Promise<void> {
    if (this.#isFlushed === isFlushed) return
    await em.execute(`PRAGMA synchronous = ${isFlushed ? 'FULL' : 'NORMAL'}`)
    this.#isFlushed = isFlushed
  }

  /** Resolves when everything that is committed now is on the disk; the event loop goes on meanwhile. */
  flush(): Promise<void> {
    return this.#log.flush()
  }

  /**
   * SQLite rolls back by itself when the disk is full or fails. Kysely does not know, and keeps its only connection for
   * ever when its own rollback is refused; so there must be something to roll back.
   */
  async #rollback(em: EntityManager): Promise<void> {
    try {
      if (!this.native.inTransaction) this.native.exec('BEGIN')
    } finally {
      await em.rollback()
    }
  }

  async #withRetries<T>(run: () => Promise<T>): Promise<T> {
    for (let attempt = 1; ; attempt++) {
      try {
        return await run()
      } catch (err) {
        if (attempt > BUSY_RETRIES || sqliteCode(err)?.startsWith('SQLITE_BUSY') !== true) throw toStoreError(err)
        await new Promise(resolve => setTimeout(resolve, Math.min(BUSY_PAUSE_MS * attempt, MAX_BUSY_PAUSE_MS)))
      }
    }
  }

  /** Waits for the writes under way, then closes the file; what is in the WAL goes to the main file. */
  async close(): Promise<void> {
    if (this.#closed) return
    this.#closed = true
    await this.#writes.onIdle()
    await this.#log.close()
    await this.#orm.close(true)
  }

  /** MikroORM would silently open the file again. */
  #checkOpen(): void {
    if (this.#closed) throw new StoreUnavailableError('it is closed')
  }
}

/**
 * Opens the file without any check: to write (the default), `readonly`, which never changes it, or to `recover`, which
 * only undoes a transaction that a crash cut short.
 */
export async function connect(path: string, mode: 'write' | 'readonly' | 'recover' = 'write'): Promise<Database> {
  const readonly = mode === 'readonly'
  const orm = await MikroORM.init({
    entities: ENTITIES,
    dbName: path,
    driverOptions: { readonly, fileMustExist: mode !== 'write', timeout: BUSY_TIMEOUT_MS },
    ensureDatabase: false,
    migrations: {
      tableName: 'schema_migrations',
      snapshot: false,
      silent: true,
      transactional: true,
      allOrNothing: true,
      disableForeignKeys: false
    }
  })
  const connection = orm.em.getConnection() as unknown as { getNativeClient: () => Promise<NativeClient> }
  const native = await connection.getNativeClient()
  if (mode === 'write') {
    native.pragma('journal_mode = WAL')
    native.pragma('synchronous = FULL')
    native.pragma('foreign_keys = ON')
    native.pragma(`journal_size_limit = ${WAL_LIMIT_BYTES}`)
  }
  return new Database(orm, native)
}
