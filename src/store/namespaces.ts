import type { EntityManager } from '@mikro-orm/sqlite'
import { type AuditOutcome, type AuditSubject, digestOf } from '../../api/audit.ts'
import { ConflictError, NamespaceNotEmptyError } from '../../api/errors.ts'
import type { NamespaceDraft, NamespaceObject } from '../../api/namespace-object.ts'
import type { Usage } from '../../api/quota.ts'
import type { Namespaces as NamespaceSet } from '../../api/scope.ts'
import { canonicalJson } from '../../api/spec-hash.ts'
import { type Clock, toTimestamp } from '../clock.ts'
import { NamespaceEntity } from './entities.ts'
import { nextResourceVersion } from './meta.ts'
import { findNamespace, fromNamespace, namespaceColumns, readUsage, toNamespace } from './namespace-rows.ts'
import type { NamespacePutResult, NamespaceStore, NamespaceWriteOptions } from './namespace-store.ts'
import { type Database, PLAIN } from './orm.ts'
import { sqlText } from './sql-text.ts'

export interface NamespacesDeps {
  readonly database: Database
  readonly clock: Clock
  readonly memoryDefaultBytes: number
  /** Told that nothing of a namespace is there any more, neither of it nor of an earlier one of its name. */
  readonly onCleared: (name: string) => void
}

/**
 * What is in a namespace: functions, those of them that are being deleted, secrets, calls that are not done with, and tokens that are
 * good for it, which would be good for the next one of its name.
 */
const CONTENT = `SELECT
  (SELECT COUNT(*) FROM functions WHERE namespace = :name AND deletion_requested_at IS NULL) AS functions,
  (SELECT COUNT(*) FROM functions WHERE namespace = :name AND deletion_requested_at IS NOT NULL) AS dying,
  (SELECT COUNT(*) FROM secrets WHERE namespace = :name) AS secrets,
  (SELECT COUNT(*) FROM invocations WHERE namespace = :name AND phase IN ('queued', 'running', 'reporting')) AS calls,
  (SELECT COUNT(*) FROM tokens WHERE EXISTS (SELECT 1 FROM json_each(tokens.namespaces) WHERE value = :name)
    AND (expires_at IS NULL OR expires_at > :now)) AS tokens`

const PLACES = /:name|:now/g

/** What is left of what was in it, and tells of it; dead letters are many, and go by themselves. */
const TRACES = [
  'DELETE FROM events WHERE namespace = ?',
  "DELETE FROM invocations WHERE namespace = ? AND phase IN ('done', 'cancelled')"
]

/**
 * The same of an earlier namespace of the name: what came after it was gone, such as the last event of its last function, and the dead
 * letters that a process that was killed had no time for.
 */
const EARLIER_TRACES = [...TRACES, "DELETE FROM invocations WHERE namespace = ? AND phase = 'dead'"]

/** Namespaces in SQLite. See `NamespaceStore` for what each method promises. */
export class Namespaces implements NamespaceStore {
  readonly #deps: NamespacesDeps
  constructor(deps: NamespacesDeps) {
    this.#deps = deps
  }

  get(name: string): Promise<NamespaceObject | undefined> {
    return this.#deps.database.read(em => findNamespace(em, name))
  }

  list(namespaces: NamespaceSet = 'all'): Promise<NamespaceObject[]> {
    const where = namespaces === 'all' ? {} : { name: { $in: [...namespaces].map(sqlText) } }
    return this.#deps.database.read(async em => {
      const rows = await em.find(NamespaceEntity, where, { ...PLAIN, orderBy: { name: 'asc' } })
      return rows.map(toNamespace)
    })
  }

  put(
    name: string,
    change: (current: NamespaceObject | undefined) => NamespaceDraft,
    options: NamespaceWriteOptions = {}
  ): Promise<NamespacePutResult> {
    return this.#deps.database.write(
      async (em): Promise<NamespacePutResult & { previous: NamespaceObject | undefined }> => {
        const previous = await findNamespace(em, name)
        checkVersion(name, previous, options)
        const { labels, annotations } = change(previous)
        if (previous !== undefined && contentOf(previous) === contentOf({ labels, annotations })) {
          return { outcome: 'unchanged', object: previous, previous }
        }
        const resourceVersion = await nextResourceVersion(em)
        const createdAt = previous?.createdAt ?? toTimestamp(this.#deps.clock.now())
        const object = { name, labels, annotations, createdAt, resourceVersion }
        if (previous === undefined) {
          await removeTraces(em, name, EARLIER_TRACES)
          await em.insert(NamespaceEntity, fromNamespace(object))
        } else await em.nativeUpdate(NamespaceEntity, { name }, { ...namespaceColumns(object), resourceVersion })
        return { outcome: previous === undefined ? 'created' : 'changed', object, previous }
      },
      {
        dryRun: options.dryRun ?? false,
        committed: ({ outcome }) => outcome === 'created' && this.#deps.onCleared(name),
        audited: ({ outcome, object, previous }) => subjectOf(outcome, { before: previous, after: object })
      }
    )
  }

  delete(name: string, options: NamespaceWriteOptions = {}): Promise<NamespaceObject | undefined> {
    return this.#deps.database.write<NamespaceObject | undefined>(
      async em => {
        const current = await findNamespace(em, name)
        if (current === undefined) return undefined
        checkVersion(name, current, options)
        await requireEmpty(em, name, toTimestamp(this.#deps.clock.now()))
        await removeTraces(em, name, TRACES)
        await nextResourceVersion(em)
        await em.nativeDelete(NamespaceEntity, { name })
        return current
      },
      {
        dryRun: options.dryRun ?? false,
        committed: before => before && this.#deps.onCleared(name),
        audited: before => before && subjectOf('deleted', { before })
      }
    )
  }

  usage(namespaces?: NamespaceSet): Promise<ReadonlyMap<string, Usage>> {
    const { database, memoryDefaultBytes } = this.#deps
    return database.read(em => readUsage(em, memoryDefaultBytes, namespaces))
  }
}

async function removeTraces(em: EntityManager, name: string, traces: readonly string[]): Promise<void> {
  for (const sql of traces) await em.execute(sql, [sqlText(name)])
}

async function requireEmpty(em: EntityManager, name: string, now: string): Promise<void> {
  const values = Array.from(CONTENT.matchAll(PLACES), ([place]) => (place === ':now' ? now : name))
  const rows = await em.execute<Record<string, number>[]>(CONTENT.replaceAll(PLACES, '?'), values)
  const { functions = 0, dying = 0, secrets = 0, calls = 0, tokens = 0 } = rows[0] ?? {}
  const held = [
    ...counted(functions, 'function', 'functions', ''),
    ...counted(dying, 'function', 'functions', ' still being deleted'),
    ...counted(secrets, 'secret', 'secrets', ''),
    ...counted(calls, 'asynchronous call', 'asynchronous calls', ' not done with'),
    ...counted(tokens, 'token', 'tokens', ' bound to it')
  ]
  if (held.length > 0) throw new NamespaceNotEmptyError(name, held)
}

function counted(count: number, one: string, many: string, state: string): string[] {
  return count === 0 ? [] : [`${count} ${count === 1 ? one : many}${state}`]
}

function checkVersion(name: string, current: NamespaceObject | undefined, { ifMatch }: NamespaceWriteOptions): void {
  if (ifMatch === undefined || current?.resourceVersion === ifMatch) return
  const actual = current === undefined ? 'none' : String(current.resourceVersion)
  throw new ConflictError(`namespace ${name}`, String(ifMatch), actual)
}

function contentOf({ labels, annotations }: NamespaceDraft): string {
  return canonicalJson({ labels, annotations })
}

function subjectOf(
  outcome: AuditOutcome,
  { before, after }: { before?: NamespaceObject | undefined; after?: NamespaceObject | undefined }
): AuditSubject {
  const name = (after ?? before)?.name ?? ''
  return {
    ...{ kind: 'namespace', namespace: name, name, outcome },
    ...(before !== undefined && { before: digestOf(contentOf(before)) }),
    ...(after !== undefined && { after: digestOf(contentOf(after)) })
  }
}
