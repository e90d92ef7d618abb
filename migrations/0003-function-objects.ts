import { randomUUID } from 'node:crypto'
import { Migration } from '@mikro-orm/migrations'
import { keyOf } from '../api/meta.ts'
import { canonicalJson } from '../api/spec-hash.ts'
import { cellText } from './legacy-columns.ts'
import {
  type FunctionV3,
  fromLegacy,
  LEGACY_COLUMNS,
  type LegacyRow,
  legacyKey,
  MIGRATION_NOTE,
  mergeLegacy,
  NETWORK_BASE,
  same,
  toLegacy
} from './legacy-function.ts'
import { LEGACY_DEBUG, LEGACY_FUNCTIONS, LEGACY_INDEXES, OBJECT_TABLES, SCHEMA_MIGRATIONS } from './schema.ts'

/** What version 2 has no place for waits in tables of these names, which the older program ignores. */
const KEPT_TABLES = ['functions', 'revisions', 'events', 'meta']

/** A row of `functions` in version 3. */
interface Row {
  readonly id: number
  readonly namespace: string
  readonly name: string
  readonly uid: string
  readonly generation: number
  readonly resource_version: number
  readonly spec: string
  readonly labels: string
  readonly annotations: string
  readonly status: string
  readonly created_at: string
  readonly updated_at: string
  readonly deletion_requested_at: string | null
}

/** A row that a rollback kept; `v2` is the old row it wrote, NULL for an object that was being deleted. */
type KeptRow = Row & { readonly v2: string | null }

/** The functions of the older program become objects with identity, generation, status, revisions and events. */
export class FunctionObjects extends Migration {
  /** First part of the names of the networks of functions, which the older program keeps in its rows. */
  protected readonly functionsNetwork: string = NETWORK_BASE

  override async up(): Promise<void> {
    const old = (await this.execute('SELECT * FROM functions ORDER BY rowid')) as LegacyRow[]
    const sequence = await this.#sequence()
    await this.execute('ALTER TABLE functions RENAME TO functions_v2')
    for (const sql of OBJECT_TABLES) await this.execute(sql)
    await this.execute('DROP TABLE functions_v2')
    const hasKept = (await this.execute("SELECT 1 FROM sqlite_master WHERE name = 'rollback_functions'")).length > 0
    const kept = hasKept ? ((await this.execute('SELECT * FROM rollback_functions')) as KeptRow[]) : []
    const version = hasKept ? await this.#keptVersion() : 0
    const { rows, resourceVersion } = toObjects(old, kept, version)
    for (const row of rows) await this.#insert('functions', { ...row })
    if (hasKept) await this.#restore()
    await this.#addRevisions(rows)
    await this.#insert('meta', { key: 'resource_version', value: String(resourceVersion) })
    await this.#noteInherited(rows)
    await this.#setSequence(sequence)
    await this.#rebuildLog()
  }

  override async down(): Promise<void> {
    const rows = (await this.execute('SELECT * FROM functions ORDER BY id')) as Row[]
    const sequence = await this.#sequence()
    for (const table of KEPT_TABLES) await this.execute(`CREATE TABLE rollback_${table} AS SELECT * FROM ${table}`)
    await this.execute('ALTER TABLE rollback_functions ADD COLUMN v2 TEXT')
    for (const table of ['revisions', 'events', 'meta', 'functions']) await this.execute(`DROP TABLE ${table}`)
    for (const sql of [LEGACY_FUNCTIONS, ...LEGACY_INDEXES, LEGACY_DEBUG]) await this.execute(sql)
    for (const row of toLegacyRows(rows, this.functionsNetwork)) {
      await this.#insert('functions', row)
      await this.execute('UPDATE rollback_functions SET v2 = ? WHERE id = ?', [canonicalJson(row), row.id])
    }
    await this.#setSequence(sequence)
  }

  async #keptVersion(): Promise<number> {
    const [row] = await this.execute("SELECT value FROM rollback_meta WHERE key = 'resource_version'")
    return Number(row?.value ?? 0)
  }

  async #restore(): Promise<void> {
    await this.execute(
      `INSERT INTO revisions SELECT * FROM rollback_revisions WHERE function_uid IN (SELECT uid FROM functions) ORDER BY id`
    )
    await this.execute('INSERT INTO events SELECT * FROM rollback_events ORDER BY id')
    await this.execute(
      "INSERT INTO meta SELECT * FROM rollback_meta WHERE key NOT IN ('resource_version', 'inherited_uids')"
    )
    for (const table of KEPT_TABLES) await this.execute(`DROP TABLE rollback_${table}`)
  }

  /** Whose running containers are the older program's: the loop takes over those, and no others. */
  async #noteInherited(rows: readonly Row[]): Promise<void> {
    const uids = rows.filter(row => row.deletion_requested_at === null).map(row => row.uid)
    if (uids.length > 0) await this.#insert('meta', { key: 'inherited_uids', value: canonicalJson(uids) })
  }

  /** A revision for each function whose present one is not there. */
  async #addRevisions(rows: readonly Row[]): Promise<void> {
    for (const { uid, generation, spec, labels, annotations, updated_at } of rows) {
      const [last] = await this.execute(
        'SELECT spec, labels, annotations FROM revisions WHERE function_uid = ? ORDER BY revision DESC LIMIT 1',
        [uid]
      )
      const isThere =
        last !== undefined &&
        template(last.spec) === template(spec) &&
        last.labels === labels &&
        last.annotations === annotations
      if (isThere) continue
      const row = { function_uid: uid, revision: generation, spec, labels, annotations, created_at: updated_at }
      await this.#insert('revisions', row)
    }
  }

  /** So that the log's table is the same one whichever program made it. */
  async #rebuildLog(): Promise<void> {
    await this.execute('ALTER TABLE schema_migrations RENAME TO schema_migrations_v2')
    await this.execute(SCHEMA_MIGRATIONS)
    await this.execute(
      `INSERT INTO schema_migrations (version, description, applied_at)
       SELECT version, description, applied_at FROM schema_migrations_v2 ORDER BY version`
    )
    await this.execute('DROP TABLE schema_migrations_v2')
  }

  /** The highest id ever given in `functions`. */
  async #sequence(): Promise<number> {
    const there = await this.execute("SELECT 1 FROM sqlite_master WHERE name = 'sqlite_sequence'")
    if (there.length === 0) return 0
    const [row] = await this.execute("SELECT seq FROM sqlite_sequence WHERE name = 'functions'")
    return Number(row?.seq ?? 0)
  }

  async #setSequence(sequence: number): Promise<void> {
    const highest = Math.max(sequence, await this.#sequence())
    await this.execute("DELETE FROM sqlite_sequence WHERE name = 'functions'")
    if (highest > 0) await this.#insert('sqlite_sequence', { name: 'functions', seq: highest })
  }

  async #insert(table: string, row: Readonly<Record<string, unknown>>): Promise<void> {
    const columns = Object.keys(row)
    const places = columns.map(() => '?').join(', ')
    await this.execute(`INSERT INTO ${table} (${columns.join(', ')}) VALUES (${places})`, Object.values(row))
  }
}

/** The same migration, for networks of functions whose names start with `functionsNetwork`. */
export function functionObjectsOn(functionsNetwork: string): typeof FunctionObjects {
  return class extends FunctionObjects {
    protected override readonly functionsNetwork = functionsNetwork
  }
}

/**
 * The objects of all old rows. A row that a rollback wrote is the object it was, one generation further if the older
 * program changed it; the objects whose rows it deleted are gone; one that was being deleted still is.
 */
function toObjects(old: readonly LegacyRow[], kept: readonly KeptRow[], version: number) {
  const written = new Map(kept.flatMap(row => (row.v2 === null ? [] : [[row.id, row]])))
  const rows = new Map<string, Row>()
  let resourceVersion = version
  const added: LegacyRow[] = []
  for (const row of old.map(withAllColumns)) {
    const object = continued(written.get(Number(row.id)), row, resourceVersion + 1)
    if (object === undefined) added.push(row)
    else {
      resourceVersion = Math.max(resourceVersion, object.resource_version)
      rows.set(keyOf(object), object)
      written.delete(object.id)
    }
  }
  if (written.size > 0) resourceVersion++ // rows were deleted
  const highest = Math.max(0, ...old.map(row => Number(row.id ?? 0)), ...kept.map(row => row.id))
  for (const row of namesWithoutDotFirst(added)) {
    const key = legacyKey(cellText(row.name), new Set(rows.keys()))
    if (key === undefined) addNote(rows, row)
    else
      rows.set(
        keyOf(key),
        created(row, key, { resourceVersion: ++resourceVersion, spareId: highest + resourceVersion })
      )
  }
  for (const { v2, ...row } of kept) if (v2 === null && !rows.has(keyOf(row))) rows.set(keyOf(row), row)
  return { rows: [...rows.values()].sort((a, b) => a.id - b.id), resourceVersion }
}

/** The object that `kept` was and `row` says it is now; undefined when the row is another one. */
function continued(kept: KeptRow | undefined, row: LegacyRow, resourceVersion: number): Row | undefined {
  const { v2, ...before } = kept ?? {}
  if (kept === undefined || typeof v2 !== 'string') return undefined
  const written = JSON.parse(v2) as LegacyRow
  if (written.name !== row.name) return undefined
  const object = objectOf(kept)
  const merged = mergeLegacy(object, written, row)
  const deployment = { ...merged, updated_at: object.updated_at }
  if (same(deployment, object)) return before as Row
  return { ...(before as Row), ...textOf(merged), generation: kept.generation + 1, resource_version: resourceVersion }
}

function created(
  row: LegacyRow,
  key: { namespace: string; name: string },
  given: { resourceVersion: number; spareId: number }
): Row {
  return {
    id: row.id === null ? given.spareId : Number(row.id),
    ...key,
    uid: randomUUID(),
    generation: 1,
    resource_version: given.resourceVersion,
    ...textOf(fromLegacy(row)),
    status: '{}', // the store fills in that no pass has looked at it
    deletion_requested_at: null
  }
}

/** Keeps a second row of one name in a note of the first, which is the one that the older program found. */
function addNote(rows: Map<string, Row>, row: LegacyRow): void {
  const [first] = [...rows.values()].filter(other => other.name === cellText(row.name))
  if (first === undefined) throw new Error(`row ${row.id} of functions has no name that can be kept`)
  const annotations = JSON.parse(first.annotations) as Record<string, string>
  const note = `${annotations[MIGRATION_NOTE] ?? ''}\nsecond row of this name: ${canonicalJson(row)}`.trim()
  rows.set(keyOf(first), { ...first, annotations: canonicalJson({ ...annotations, [MIGRATION_NOTE]: note }) })
}

function toLegacyRows(rows: readonly Row[], base: string): (LegacyRow & { id: number })[] {
  const taken = new Set<string>()
  const legacy: (LegacyRow & { id: number })[] = []
  for (const row of rows.filter(row => row.deletion_requested_at === null)) {
    const written = toLegacy(row.id, objectOf(row), base)
    const [name = ''] = [written.name, `${row.name}.${row.namespace}`, `${written.name}-${row.id}`].filter(
      candidate => !taken.has(cellText(candidate))
    )
    taken.add(cellText(name))
    legacy.push({ ...written, id: row.id, name })
  }
  return legacy
}

function objectOf({ namespace, name, spec, labels, annotations, created_at, updated_at }: Row): FunctionV3 {
  return {
    namespace,
    name,
    spec: JSON.parse(spec),
    labels: JSON.parse(labels),
    annotations: JSON.parse(annotations),
    created_at,
    updated_at
  }
}

function textOf({ spec, labels, annotations, created_at, updated_at }: Omit<FunctionV3, 'namespace' | 'name'>) {
  return {
    spec: canonicalJson(spec),
    labels: canonicalJson(labels),
    annotations: canonicalJson(annotations),
    created_at,
    updated_at
  }
}

function template(spec: string): string {
  return canonicalJson({ ...JSON.parse(spec), replicas: 0 })
}

function withAllColumns(row: LegacyRow): LegacyRow {
  return Object.fromEntries(LEGACY_COLUMNS.map(column => [column, row[column] ?? null])) as LegacyRow
}

/** So that `a` has its name before an `a.openfaas-fn`, which means the same, asks for it. */
function namesWithoutDotFirst(rows: readonly LegacyRow[]): LegacyRow[] {
  const hasDot = (row: LegacyRow) => (cellText(row.name).includes('.') ? 1 : 0)
  return [...rows].sort((a, b) => hasDot(a) - hasDot(b))
}
