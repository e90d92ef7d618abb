import { AsyncLocalStorage } from 'node:async_hooks'
import type { EntityManager } from '@mikro-orm/sqlite'
import {
  AUDIT_START,
  type AuditDraft,
  type AuditEntry,
  type AuditMark,
  type AuditSubject,
  isSealed,
  macOf,
  sealMark
} from '../../api/audit.ts'
import { type Clock, toTimestamp } from '../clock.ts'
import { fromEntry, toEntry } from './audit-rows.ts'
import type { AuditFilter, AuditScope, AuditStore } from './audit-store.ts'
import { AuditEntity, AuditMarkEntity } from './entities.ts'
import { type AuditRecorder, type Database, PLAIN } from './orm.ts'
import { sqlText } from './sql-text.ts'

type MarkName = 'head' | 'anchor'

export interface AuditLogDeps {
  readonly database: Database
  readonly clock: Clock
  /** What the chain is made with; whoever has only the database cannot make one. */
  readonly key: Uint8Array
  /** Told what a listener threw: the row is on the disk already. */
  readonly onListenerError: (err: unknown) => void
}

/** The audit log in SQLite. See `AuditStore` for what each method promises. */
export class AuditLog implements AuditStore, AuditRecorder {
  readonly #deps: AuditLogDeps
  readonly #scopes = new AsyncLocalStorage<AuditScope>()
  readonly #listeners = new Set<(entry: AuditEntry) => void>()
  constructor(deps: AuditLogDeps) {
    this.#deps = deps
    deps.database.recorder = this
  }

  run<T>(scope: AuditScope, work: () => Promise<T>): Promise<T> {
    return this.#scopes.run(scope, work)
  }

  /** The scope that the caller of a write is in. */
  current(): AuditScope | undefined {
    const scope = this.#scopes.getStore()
    return scope?.written === undefined ? scope : undefined
  }

  record(em: EntityManager, scope: AuditScope, subject: AuditSubject): Promise<AuditEntry> {
    return this.#insert(em, scope.toDraft(subject))
  }

  recorded(scope: AuditScope, entry: AuditEntry): void {
    scope.written = entry
    this.#tell(entry)
  }

  append(draft: AuditDraft): Promise<AuditEntry> {
    return this.#deps.database.write(em => this.#insert(em, draft), { committed: entry => this.#tell(entry) })
  }

  list(filter: AuditFilter): Promise<AuditEntry[]> {
    return this.#deps.database.read(em => findEntries(em, filter))
  }

  head(): Promise<AuditMark | undefined> {
    return this.#deps.database.read(em => findMark(em, 'head'))
  }

  macOf(id: number): Promise<string | undefined> {
    return this.#deps.database.read(async em => (await em.findOne(AuditEntity, { id }, PLAIN))?.mac)
  }

  prune(until: string, maxRows: number): Promise<number> {
    return this.#deps.database.write(async em => {
      const head = await findMark(em, 'head')
      const [young] = await em.find(
        AuditEntity,
        { at: { $gte: until } },
        { ...PLAIN, orderBy: { id: 'asc' }, limit: 1 }
      )
      const last = Math.max((young?.id ?? (head?.id ?? 0) + 1) - 1, (head?.id ?? 0) - maxRows)
      const row = await em.findOne(AuditEntity, { id: last }, PLAIN)
      if (row === null) return 0
      await putMark(em, 'anchor', sealMark(this.#deps.key, 'anchor', row))
      return await em.nativeDelete(AuditEntity, { id: { $lte: last } })
    })
  }

  onAppended(listener: (entry: AuditEntry) => void): void {
    this.#listeners.add(listener)
  }

  async #insert(em: EntityManager, draft: AuditDraft): Promise<AuditEntry> {
    const { key, clock } = this.#deps
    const head = (await findMark(em, 'head')) ?? AUDIT_START
    const [newest] = await em.find(AuditEntity, {}, { ...PLAIN, orderBy: { id: 'desc' }, limit: 1 })
    const id = Math.max(head.id, newest?.id ?? 0) + 1
    // A head that was tampered with is not built on: the break in the chain stays for whoever verifies it.
    const previous = isSealed(key, 'head', head) ? head.mac : `forged ${head.mac}`
    const bare = toEntry({ ...fromEntry({ ...draft, id, at: toTimestamp(clock.now()), mac: '' }) })
    const { mac: _, ...rest } = bare
    const entry = { ...rest, mac: macOf(key, previous, rest) }
    await em.insert(AuditEntity, fromEntry(entry))
    await putMark(em, 'head', sealMark(key, 'head', entry))
    return entry
  }

  #tell(entry: AuditEntry): void {
    for (const listener of this.#listeners) {
      try {
        listener(entry)
      } catch (err) {
        this.#deps.onListenerError(err)
      }
    }
  }
}

/** The rows of a filter, the newest first. */
export async function findEntries(em: EntityManager, filter: AuditFilter): Promise<AuditEntry[]> {
  const { since, until, before, limit, ...equal } = filter
  const given = Object.entries(equal).flatMap(([field, text]) =>
    text === undefined ? [] : [[field, sqlText(text)] as const]
  )
  const at = { ...(since !== undefined && { $gte: since }), ...(until !== undefined && { $lt: until }) }
  const where = {
    ...Object.fromEntries(given),
    ...(Object.keys(at).length > 0 && { at }),
    ...(before !== undefined && { id: { $lt: before } })
  }
  const rows = await em.find(AuditEntity, where, { ...PLAIN, orderBy: { id: 'desc' }, limit })
  return rows.map(toEntry)
}

/** A mark of the log; undefined when there is none. */
export async function findMark(em: EntityManager, name: MarkName): Promise<AuditMark | undefined> {
  const row = await em.findOne(AuditMarkEntity, { name }, PLAIN)
  return row === null ? undefined : { id: row.id, mac: row.mac, seal: row.seal }
}

async function putMark(em: EntityManager, name: MarkName, mark: AuditMark): Promise<void> {
  if ((await em.nativeUpdate(AuditMarkEntity, { name }, { ...mark })) === 0) {
    await em.insert(AuditMarkEntity, { name, ...mark })
  }
}
