import type { EntityManager } from '@mikro-orm/sqlite'
import type { FunctionObject } from '../../api/function.ts'
import { parseKey } from '../../api/meta.ts'
import { FunctionEntity, type FunctionRow, RevisionEntity, type RevisionRow } from './entities.ts'
import { nextResourceVersion } from './meta.ts'
import { PLAIN } from './orm.ts'
import { fromObject, toObject } from './rows.ts'
import { sqlText } from './sql-text.ts'
import type { Change } from './store.ts'

const KEPT_REVISIONS = 10

/** The row of that name. */
export async function find(em: EntityManager, key: string): Promise<FunctionRow | undefined> {
  const { namespace, name } = parseKey(sqlText(key))
  return (await em.findOne(FunctionEntity, { namespace, name }, PLAIN)) ?? undefined
}

/** Deletes the row and its revisions; gives the change to tell. */
export async function removeRow(em: EntityManager, row: FunctionRow): Promise<Change> {
  const resourceVersion = await nextResourceVersion(em)
  await em.nativeDelete(RevisionEntity, { functionUid: row.uid })
  await em.nativeDelete(FunctionEntity, { uid: row.uid })
  return { type: 'DELETED', object: toObject({ ...row, resourceVersion }) }
}

/** Adds the object's spec as its newest revision; the oldest goes. */
export async function addRevision(em: EntityManager, object: FunctionObject): Promise<void> {
  const { uid, generation, updatedAt } = object.metadata
  const { spec, labels, annotations } = fromObject(object)
  const row = { functionUid: uid, revision: generation, spec, labels, annotations, createdAt: updatedAt }
  await em.insert(RevisionEntity, row)
  const kept = await findRevisions(em, uid)
  const oldest = kept.at(-1)?.revision ?? 0
  await em.nativeDelete(RevisionEntity, { functionUid: uid, revision: { $lt: oldest } })
}

/** The newest, newest first. */
export function findRevisions(em: EntityManager, functionUid: string): Promise<RevisionRow[]> {
  return em.find(RevisionEntity, { functionUid }, { ...PLAIN, orderBy: { revision: 'desc' }, limit: KEPT_REVISIONS })
}

/** The object as it will be read back: nothing that JSON does not hold, and no part that a caller holds on to. */
export function stored(object: FunctionObject): FunctionObject {
  return toObject(fromObject(object))
}
