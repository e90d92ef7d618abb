import { FaasError } from '../../api/errors.ts'

/** What `sysexits.h` calls EX_CONFIG: starting again without a change of the set-up cannot help. */
const EX_CONFIG = 78

/** What `sysexits.h` calls EX_TEMPFAIL: starting again later may help. */
const EX_TEMPFAIL = 75

/** The database file is damaged or is none; it was not written to. */
export class DatabaseCorruptError extends FaasError {
  override name = 'DatabaseCorruptError'
  readonly code = 'DATABASE_CORRUPT'
  readonly status = 500
  override readonly retryable = false
  readonly exitCode = EX_CONFIG
  readonly path: string
  constructor(path: string, detail: string, backup: string | undefined, options?: ErrorOptions) {
    super(`database ${path} cannot be used: ${detail}; nothing was changed. ${restoreHint(path, backup)}`, options)
    this.path = path
  }
}

/** The database file was written by a newer release; it was not written to. */
export class SchemaTooNewError extends FaasError {
  override name = 'SchemaTooNewError'
  readonly code = 'SCHEMA_TOO_NEW'
  readonly status = 500
  override readonly retryable = false
  readonly exitCode = EX_CONFIG
  readonly found: number
  readonly known: number
  constructor(path: string, versions: { found: number; known: number }, backup: string | undefined) {
    super(
      `database ${path} has schema version ${versions.found}, this release knows versions up to ${versions.known}; ` +
        `nothing was changed. Start the release that wrote it, or let that one migrate down to ${versions.known} first. ` +
        restoreHint(path, backup)
    )
    this.found = versions.found
    this.known = versions.known
  }
}

/** Another process has the file open, so that it must not be changed under it. */
export class DatabaseInUseError extends FaasError {
  override name = 'DatabaseInUseError'
  readonly code = 'DATABASE_IN_USE'
  readonly status = 503
  constructor(path: string, options?: ErrorOptions) {
    super(`database ${path} is in use: stop the gateway that runs on it first; nothing was changed`, options)
  }
}

/** Another gateway keeps the loop over this database. */
export class GatewayRunningError extends FaasError {
  override name = 'GatewayRunningError'
  readonly code = 'GATEWAY_RUNNING'
  readonly status = 503
  readonly exitCode = EX_TEMPFAIL
  constructor(path: string, options?: ErrorOptions) {
    super(
      `another gateway runs on database ${path}: stop it first, or set STATE_DB_PATH to a database of its own; nothing was changed`,
      options
    )
  }
}

/** There is no room for the write; reads go on, and writes work again once there is. */
export class StorageFullError extends FaasError {
  override name = 'StorageFullError'
  readonly code = 'STORAGE_FULL'
  readonly status = 507
  constructor(options?: ErrorOptions) {
    super('the disk of the database is full; nothing was written', options)
  }
}

/** The database cannot be written or read just now: locked, read-only, or its disk fails. */
export class StoreUnavailableError extends FaasError {
  override name = 'StoreUnavailableError'
  readonly code = 'STORE_UNAVAILABLE'
  readonly status = 503
  constructor(detail: string, options?: ErrorOptions) {
    super(`the database is not available: ${detail}`, options)
  }
}

/** No key is at hand to encrypt secrets with. */
export class SecretKeyError extends FaasError {
  override name = 'SecretKeyError'
  readonly code = 'SECRET_KEY_UNAVAILABLE'
  readonly status = 503
  constructor(problem: string, options?: ErrorOptions) {
    super(`secrets cannot be written: ${problem}`, options)
  }
}

/** A secret is there and cannot be decrypted. */
export class SecretUnreadableError extends FaasError {
  override name = 'SecretUnreadableError'
  readonly code = 'SECRET_UNREADABLE'
  readonly status = 503
  constructor(key: string, problem: string, options?: ErrorOptions) {
    super(`secret ${key} cannot be read: ${problem}`, options)
  }
}

/** SQLite's name of what went wrong (`SQLITE_FULL`, …), however deep it is wrapped. */
export function sqliteCode(err: unknown): string | undefined {
  for (let at = err; at instanceof Error; at = at.cause) {
    const code = (at as { code?: unknown }).code
    if (typeof code === 'string' && code.startsWith('SQLITE_')) return code
  }
  return undefined
}

/** The error in our words when SQLite says that the file cannot be used now; else the same. */
export function toStoreError(err: unknown): unknown {
  const code = sqliteCode(err)
  if (code === undefined) return err
  if (code.startsWith('SQLITE_FULL')) return new StorageFullError({ cause: err })
  return /^SQLITE_(BUSY|LOCKED|READONLY|IOERR|CANTOPEN|CORRUPT|NOTADB)/.test(code)
    ? new StoreUnavailableError(code, { cause: err })
    : err
}

function restoreHint(path: string, backup: string | undefined): string {
  return backup === undefined
    ? `No backup lies beside it; restore one from elsewhere, or move the file away to start with an empty database`
    : `To restore the newest backup: stop the program, move ${path}, ${path}-wal and ${path}-shm away, copy ${backup} to ${path}, start again`
}
