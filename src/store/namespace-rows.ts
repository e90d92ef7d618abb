import type { EntityManager } from '@mikro-orm/sqlite'
import { unknownNamespace } from '../../api/errors.ts'
import type { NamespaceDraft, NamespaceObject } from '../../api/namespace-object.ts'
import { addUsage, NO_USAGE, shareOf, type Usage } from '../../api/quota.ts'
import { isWithin, type Namespaces } from '../../api/scope.ts'
import { canonicalJson } from '../../api/spec-hash.ts'
import { NamespaceEntity, type NamespaceRow } from './entities.ts'
import { readResourceVersion } from './meta.ts'
import { PLAIN } from './orm.ts'
import { sqlText } from './sql-text.ts'

export async function findNamespace(em: EntityManager, name: string): Promise<NamespaceObject | undefined> {
  const row = await em.findOne(NamespaceEntity, { name: sqlText(name) }, PLAIN)
  return row === null ? undefined : toNamespace(row)
}

/** The namespace that something is to be written into. Throws `ValidationError` when it is not there. */
export async function requireNamespace(em: EntityManager, name: string): Promise<NamespaceObject> {
  const found = await findNamespace(em, name)
  if (found === undefined) throw unknownNamespace(name)
  return found
}

/** Makes the namespace if it is not there: for what comes from elsewhere, such as from what runs. */
export async function ensureNamespace(em: EntityManager, name: string, createdAt: string): Promise<void> {
  if ((await findNamespace(em, name)) !== undefined) return
  const resourceVersion = await readResourceVersion(em)
  await em.insert(NamespaceEntity, fromNamespace({ name, labels: {}, annotations: {}, createdAt, resourceVersion }))
}

export function toNamespace({ name, labels, annotations, createdAt, resourceVersion }: NamespaceRow): NamespaceObject {
  return {
    ...{ name, createdAt, resourceVersion },
    labels: JSON.parse(labels) as NamespaceObject['labels'],
    annotations: JSON.parse(annotations) as NamespaceObject['annotations']
  }
}

export function fromNamespace({ name, createdAt, resourceVersion, ...draft }: NamespaceObject): NamespaceRow {
  return { name, createdAt, resourceVersion, ...namespaceColumns(draft) } as NamespaceRow
}

export function namespaceColumns({ labels, annotations }: NamespaceDraft) {
  return { labels: canonicalJson(labels), annotations: canonicalJson(annotations) }
}

interface UsageRow {
  readonly namespace: string
  readonly memory: string | null
  readonly functions: number
  readonly replicas: number
}

const USAGE = `SELECT namespace, json_extract(spec, '$.limits.memory') AS memory, COUNT(*) AS functions,
    SUM(json_extract(spec, '$.replicas')) AS replicas
  FROM functions`

/** What functions take, by namespace; those without functions are left out. */
export async function readUsage(
  em: EntityManager,
  memoryDefaultBytes: number,
  namespaces: Namespaces = 'all'
): Promise<ReadonlyMap<string, Usage>> {
  const rows = await em.execute<UsageRow[]>(`${USAGE} GROUP BY 1, 2`)
  return summed(
    rows.filter(({ namespace }) => isWithin(namespaces, namespace)),
    memoryDefaultBytes
  )
}

/** What all functions of the namespace but this one take. */
export async function readUsageOfOthers(
  em: EntityManager,
  memoryDefaultBytes: number,
  { namespace, uid }: { readonly namespace: string; readonly uid: string | undefined }
): Promise<Usage> {
  const sql = `${USAGE} WHERE namespace = ? AND uid <> ? GROUP BY 1, 2`
  const rows = await em.execute<UsageRow[]>(sql, [sqlText(namespace), uid ?? ''])
  return summed(rows, memoryDefaultBytes).get(namespace) ?? NO_USAGE
}

function summed(rows: readonly UsageRow[], memoryDefaultBytes: number): Map<string, Usage> {
  const usages = new Map<string, Usage>()
  for (const { namespace, memory, functions, replicas } of rows) {
    const share = shareOf(memory ?? undefined, replicas, memoryDefaultBytes)
    usages.set(namespace, addUsage(usages.get(namespace) ?? NO_USAGE, share, functions))
  }
  return usages
}
