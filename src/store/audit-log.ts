import { AsyncLocalStorage } from 'node:async_hooks'
import type { EntityManager } from '@mikro-orm/sqlite'
import {
  AUDIT_START,
  AuditCheck,
  type AuditDraft,
  type AuditEntry,
  type AuditMark,
  type AuditSubject,
  isSealed,
  macOf,
  sealMark
} from '../../api/audit.ts'
import { type Clock, toTimestamp } from '../clock.ts'
import { breakDraft } from './audit-break.ts'
import { fromEntry, toEntry } from './audit-rows.ts'
import type { AuditFilter, AuditScope, AuditStore } from './audit-store.ts'
import { AuditEntity, AuditMarkEntity } from './entities.ts'
import { type AuditRecorder, type Database, PLAIN } from './orm.ts'
import { sqlText } from './sql-text.ts'

type MarkName = 'head' | 'anchor'

const BATCH = 500
const OLDEST = { ...PLAIN, orderBy: { id: 'asc' }, limit: 1 } as const

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
  /** The newest row that this process has committed: the table must go on from it. */
  #last: Pick<AuditMark, 'id' | 'mac'> | undefined
  /** Row → the one before it, which says that the log was tampered with. */
  readonly #brokenBefore = new WeakMap<AuditEntry, AuditEntry>()

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
    this.#committed(entry)
  }

  append(draft: AuditDraft): Promise<AuditEntry> {
    return this.#deps.database.write(em => this.#insert(em, draft), { committed: entry => this.#committed(entry) })
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

  async prune(until: string, maxRows: number): Promise<number> {
    let removed = 0
    while (true) {
      const { count, broken } = await this.#deps.database.write(em => this.#pruneSome(em, until, maxRows), {
        committed: ({ broken }) => broken !== undefined && this.#committed(broken)
      })
      removed += count
      if (count < BATCH && broken === undefined) return removed
    }
  }

  onAppended(listener: (entry: AuditEntry) => void): void {
    this.#listeners.add(listener)
  }

  /** Rows may be backdated by whoever can write the file, so that they go as if they were old: what goes is verified. */
  async #pruneSome(em: EntityManager, until: string, maxRows: number): Promise<{ count: number; broken?: AuditEntry }> {
    const head = await findMark(em, 'head')
    const anchor = (await findMark(em, 'anchor')) ?? AUDIT_START
    const [young] = await em.find(AuditEntity, { at: { $gte: until } }, OLDEST)
    const [first] = await em.find(AuditEntity, {}, OLDEST)
    const old = Math.max((young?.id ?? (head?.id ?? 0) + 1) - 1, (head?.id ?? 0) - maxRows)
    if (first === undefined || first.id > old) return { count: 0 }
    const upTo = Math.min(old, first.id + BATCH - 1)
    const newestFirst = { ...PLAIN, orderBy: { id: 'desc' }, limit: 1 } as const
    const [row = first] = await em.find(AuditEntity, { id: { $lte: upTo } }, newestFirst)
    const last = row.id
    const check = new AuditCheck(this.#deps.key, anchor, [row])
    for await (const entry of entriesAfter(em, 0, last)) check.add(entry)
    const [problem] = check.end()
    await putMark(em, 'anchor', sealMark(this.#deps.key, 'anchor', row))
    const count = await em.nativeDelete(AuditEntity, { id: { $lte: last } })
    if (problem === undefined) return { count }
    return {
      count,
      broken: await this.#insert(em, breakDraft(`of the rows up to ${last}, removed for their age: ${problem}`))
    }
  }

  /** A log that was tampered with gets a row that says so first. */
  async #insert(em: EntityManager, draft: AuditDraft): Promise<AuditEntry> {
    const head = (await findMark(em, 'head')) ?? AUDIT_START
    if (await this.#isOurs(em, head)) return await this.#insertAfter(em, head, draft)
    const known = this.#last === undefined ? '' : `, and row ${this.#last.id} was known`
    const detail = `the log ends with row ${head.id} (${head.mac}), which the gateway did not write last${known}`
    // It is not built on: the break in the chain stays for whoever verifies it.
    const broken = await this.#insertAfter(em, { ...head, mac: `forged ${head.mac}` }, breakDraft(detail))
    const entry = await this.#insertAfter(em, broken, draft)
    this.#brokenBefore.set(entry, broken)
    return entry
  }

  async #insertAfter(em: EntityManager, head: Pick<AuditMark, 'id' | 'mac'>, draft: AuditDraft): Promise<AuditEntry> {
    const { key, clock } = this.#deps
    const [newest] = await em.find(AuditEntity, {}, { ...PLAIN, orderBy: { id: 'desc' }, limit: 1 })
    const id = Math.max(head.id, newest?.id ?? 0, this.#last?.id ?? 0) + 1
    const bare = toEntry({ ...fromEntry({ ...draft, id, at: toTimestamp(clock.now()), mac: '' }) })
    const { mac: _, ...rest } = bare
    const entry = { ...rest, mac: macOf(key, head.mac, rest) }
    await em.insert(AuditEntity, fromEntry(entry))
    await putMark(em, 'head', sealMark(key, 'head', entry))
    return entry
  }

  /** Whether a holder of the key wrote the end of the log, and what this process wrote last is still in it. */
  async #isOurs(em: EntityManager, head: AuditMark): Promise<boolean> {
    if (!isSealed(this.#deps.key, 'head', head)) return false
    if (this.#last === undefined || head.mac === this.#last.mac) return true
    // A command may have written a row meanwhile.
    const row = head.id > this.#last.id ? await em.findOne(AuditEntity, { id: this.#last.id }, PLAIN) : null
    return row?.mac === this.#last.mac
  }

  #committed(entry: AuditEntry): void {
    this.#last = { id: entry.id, mac: entry.mac }
    const broken = this.#brokenBefore.get(entry)
    if (broken !== undefined) this.#tell(broken)
    this.#tell(entry)
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

/** The rows after `id`, in their order, up to `last`. */
export async function* entriesAfter(
  em: EntityManager,
  id: number,
  last = Number.MAX_SAFE_INTEGER
): AsyncIterable<AuditEntry> {
  for (let after = id; ; ) {
    const options = { ...PLAIN, orderBy: { id: 'asc' }, limit: BATCH } as const
    const rows = await em.find(AuditEntity, { id: { $gt: after, $lte: last } }, options)
    yield* rows.map(toEntry)
    after = rows.at(-1)?.id ?? after
    if (rows.length < BATCH) return
  }
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
