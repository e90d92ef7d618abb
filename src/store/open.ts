import { randomBytes, randomUUID } from 'node:crypto'
import { resolve } from 'node:path'
import type { Clock } from '../clock.ts'
import { Adoptions } from './adoption.ts'
import { AuditLog } from './audit-log.ts'
import type { AuditStore } from './audit-store.ts'
import { Events } from './events.ts'
import { ChangeFeed } from './feed.ts'
import { Functions } from './functions.ts'
import { PulledImages } from './images.ts'
import { type InvocationCountStore, InvocationCounts } from './invocation-counts.ts'
import type { InvocationStore } from './invocation-store.ts'
import { Invocations } from './invocations.ts'
import { LastLines, type LastLinesLimits, type LastLinesStore } from './last-lines.ts'
import { readBornAt, readEventVersion, readInheritedUids, readResourceVersion } from './meta.ts'
import { prepareFile, upgrade } from './migrator.ts'
import type { NamespaceStore } from './namespace-store.ts'
import { Namespaces } from './namespaces.ts'
import { connect } from './orm.ts'
import type { ProfileStore } from './profile-store.ts'
import { Profiles } from './profiles.ts'
import type { ScheduleStore } from './schedule-store.ts'
import { Schedules } from './schedules.ts'
import { NO_CIPHER, type SecretCipher, type SecretStore } from './secret-store.ts'
import { Secrets } from './secrets.ts'
import type { AdoptionStore, EventStore, FunctionStore, ImageStore } from './store.ts'
import { type TokenStore, Tokens } from './tokens.ts'

/** What the store has to say; a bunyan logger fits. */
export interface StoreLog {
  readonly info: (fields: Readonly<Record<string, unknown>>, message: string) => void
  readonly error: (fields: Readonly<Record<string, unknown>>, message: string) => void
}

export interface OpenOptions {
  /** The database file; it and its directory are created when they are missing. */
  readonly path: string
  readonly clock: Clock
  readonly log?: StoreLog
  /** Called with the path of the copy that was taken before migrations. */
  readonly onBackup?: (path: string) => void
  /** What secrets are encrypted with; absent: none can be written. */
  readonly cipher?: SecretCipher
  /** What the audit log is chained with: the same at every opening. Random when left out, and then no later opening can verify it. */
  readonly auditKey?: Uint8Array
  /** How much is kept of replicas that are gone. */
  readonly lastLines?: LastLinesLimits
  /** Memory limit of functions that name none, as quotas count it; 0 or left out: none. */
  readonly memoryDefaultBytes?: number
  /** Random by default. */
  readonly newUid?: () => string
}

export interface Store extends AsyncDisposable {
  readonly functions: FunctionStore
  readonly events: EventStore
  readonly images: ImageStore
  readonly adoption: AdoptionStore
  readonly secrets: SecretStore
  readonly audit: AuditStore
  readonly tokens: TokenStore
  readonly invocations: InvocationStore
  readonly schedules: ScheduleStore
  readonly invocationCounts: InvocationCountStore
  readonly lastLines: LastLinesStore
  readonly namespaces: NamespaceStore
  readonly profiles: ProfileStore
  /** Ms since the epoch; when this database was created or first came to schema version 3. */
  readonly bornAt: number
  /** Whether there was nothing in the file, or no file, before it was opened. */
  readonly isFresh: boolean
  /** Uids of the functions that came from the older program's database. */
  readonly inheritedUids: ReadonlySet<string>
  /** Ends every watch, waits for writes under way, closes the file. */
  close: () => Promise<void>
}

/**
 * Opens the database, after checking it, backing it up and migrating it where that is needed. Throws
 * `DatabaseCorruptError` or `SchemaTooNewError`, both with the file as it was.
 */
export async function openStore(options: OpenOptions): Promise<Store> {
  const { clock, log } = options
  const path = resolve(options.path)
  const state = await prepareFile(path)
  const database = await connect(path)
  try {
    const run = await upgrade(database, path, state, clock)
    if (run.backup !== undefined) options.onBackup?.(run.backup)
    if (run.migrations.length > 0) log?.info({ ...run }, 'Migrated database')
    const bornAt = await database.write(em => readBornAt(em, clock.now()))
    const inheritedUids = await database.read(readInheritedUids)
    const feed = new ChangeFeed(await database.read(readResourceVersion))
    const common = {
      database,
      clock,
      newUid: options.newUid ?? randomUUID,
      onListenerError: (err: unknown) => log?.error({ err }, 'Listener of changes failed')
    }
    const { memoryDefaultBytes = 0 } = options
    const functions = new Functions({ ...common, feed, memoryDefaultBytes })
    const events = new Events({ database, clock, resourceVersion: await database.read(readEventVersion) })
    const close = async () => {
      feed.close()
      events.close()
      await database.close()
    }
    const images = new PulledImages({ database, clock })
    const adoption = new Adoptions({ database, feed, clock, tell: changes => functions.tell(changes) })
    const { cipher = NO_CIPHER } = options
    const secrets = new Secrets({ ...common, cipher })
    const tokens = new Tokens({ database })
    const invocations = new Invocations({ database, cipher })
    const isFresh = !state.hasContent
    const audit = new AuditLog({ ...common, key: options.auditKey ?? randomBytes(32) })
    const schedules = new Schedules({ database })
    const invocationCounts = new InvocationCounts({ database })
    const lastLines = new LastLines({ database, ...options.lastLines })
    const onCleared = (name: string) => events.forget(name)
    const namespaces = new Namespaces({ database, clock, memoryDefaultBytes, onCleared })
    const profiles = await Profiles.open(common)
    const stores = { audit, functions, events, images, adoption, secrets, tokens, invocations, schedules, namespaces }
    return {
      ...stores,
      invocationCounts,
      lastLines,
      profiles,
      bornAt,
      isFresh,
      inheritedUids,
      close,
      [Symbol.asyncDispose]: close
    }
  } catch (err) {
    await database.close()
    throw err
  }
}
