import { DEFAULT_NAMESPACE, keyOf } from '../api/meta.ts'
import { networkName, parseQualifiedName, qualifiedName } from '../api/names.ts'
import { canonicalJson } from '../api/spec-hash.ts'
import {
  type Cell,
  cellText,
  count,
  flag,
  goTimestamp,
  type Notes,
  resources,
  textList,
  textMap,
  timestamp
} from './legacy-columns.ts'

/** Where the migration puts, as JSON, the columns of an old row that it could not read whole. */
export const MIGRATION_NOTE = 'com.docker-faas.migration-note'

/** The network base that the older program took when none was set. */
export const NETWORK_BASE = 'docker-faas-net'

/** A row of the older program's version 2. */
export type LegacyRow = Readonly<Record<(typeof LEGACY_COLUMNS)[number], Cell>>
export const LEGACY_COLUMNS = [
  'id',
  'name',
  'image',
  'env_process',
  'env_vars',
  'labels',
  'secrets',
  'network',
  'replicas',
  'limits',
  'requests',
  'read_only',
  'created_at',
  'updated_at',
  'debug'
] as const

/** What version 3 holds of a function: its columns, with JSON as text. */
export interface FunctionV3 {
  readonly namespace: string
  readonly name: string
  readonly spec: Readonly<Record<string, unknown>>
  readonly labels: Readonly<Record<string, string>>
  readonly annotations: Readonly<Record<string, string>>
  readonly created_at: string
  readonly updated_at: string
}

/**
 * The function that an old row describes. A column that is damaged loses its own value at most, and its text goes to the
 * annotation `MIGRATION_NOTE`.
 */
export function fromLegacy(row: LegacyRow): Omit<FunctionV3, 'namespace' | 'name'> {
  const notes: Notes = {}
  const network = cellText(row.network)
  const spec = {
    image: cellText(row.image),
    replicas: count('replicas', row.replicas, notes),
    envProcess: cellText(row.env_process),
    env: textMap('env_vars', row.env_vars, notes),
    secrets: textList('secrets', row.secrets, notes),
    limits: resources('limits', row.limits, notes),
    requests: resources('requests', row.requests, notes),
    readOnlyRootFilesystem: flag(row.read_only),
    debug: flag(row.debug),
    ...(network !== '' && { network })
  }
  const labels = textMap('labels', row.labels, notes)
  const created_at = timestamp('created_at', row.created_at, notes)
  const updated_at = timestamp('updated_at', row.updated_at, notes)
  const annotations = Object.keys(notes).length === 0 ? {} : { [MIGRATION_NOTE]: canonicalJson(notes) }
  return { spec, labels, annotations, created_at, updated_at }
}

/**
 * What an old name means: the same as in a URL, split at the first dot, so that `/function/<name>`, container names and
 * network names stay what they were; all that the dot rule cannot split, or that is taken, stays whole in the default
 * namespace. Undefined when that is taken, too (a file whose rollback lost UNIQUE).
 */
export function legacyKey(name: string, taken: ReadonlySet<string>): { namespace: string; name: string } | undefined {
  const whole = { namespace: DEFAULT_NAMESPACE, name }
  const split = parseQualifiedName(name)
  const isSplit = split.name !== '' && split.namespace !== '' && !split.namespace.includes('/')
  return [...(isSplit ? [split] : []), whole].find(key => !taken.has(keyOf(key)))
}

/** The row for the older program, which cannot read NULL, with networks named after `base`. What it cannot hold stays behind. */
export function toLegacy(id: number, fn: FunctionV3, base: string): LegacyRow {
  const { spec } = fn
  return {
    id,
    name: legacyText(qualifiedName(fn)),
    image: legacyText(spec['image']),
    env_process: legacyText(spec['envProcess']),
    env_vars: legacyJson(spec['env']),
    labels: legacyJson(fn.labels),
    secrets: legacyJson(spec['secrets']),
    network: legacyText(spec['network'] ?? networkName(base, fn)),
    replicas: Number(spec['replicas'] ?? 1),
    limits: legacyJson(spec['limits']),
    requests: legacyJson(spec['requests']),
    read_only: spec['readOnlyRootFilesystem'] === true ? 1 : 0,
    created_at: goTimestamp(fn.created_at),
    updated_at: goTimestamp(fn.updated_at),
    debug: spec['debug'] === true ? 1 : 0
  }
}

/**
 * The function as it was before the rollback, with what the older program changed since: of the spec, only the fields
 * whose columns differ from those that the rollback wrote.
 */
export function mergeLegacy(before: FunctionV3, written: LegacyRow, row: LegacyRow): FunctionV3 {
  const from = fromLegacy(written)
  const to = fromLegacy(row)
  const changed = Object.entries(to.spec).filter(([field, value]) => !same(value, from.spec[field]))
  const dropped = Object.keys(from.spec).filter(field => !(field in to.spec))
  const kept = Object.entries(before.spec).filter(([field]) => !dropped.includes(field))
  return {
    ...before,
    spec: { ...Object.fromEntries(kept), ...Object.fromEntries(changed) },
    labels: same(to.labels, from.labels) ? before.labels : to.labels,
    annotations: same(to.annotations, from.annotations)
      ? before.annotations
      : { ...before.annotations, ...to.annotations },
    updated_at: to.updated_at
  }
}

export function same(a: unknown, b: unknown): boolean {
  return canonicalJson({ value: a }) === canonicalJson({ value: b })
}

/** Empty ones are empty text: so the older program wrote them. */
function legacyJson(value: unknown): string {
  return value === undefined || Object.keys(value as object).length === 0 ? '' : canonicalJson(value)
}

/** NUL would end the SQL text, and no container could take it. */
function legacyText(value: unknown): string {
  return String(value ?? '').replaceAll('\0', '\uFFFD')
}
