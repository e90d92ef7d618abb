import type { EntityManager } from '@mikro-orm/sqlite'
import { type AuditOutcome, type AuditSubject, digestOf } from '../../api/audit.ts'
import { type FunctionDraft, type FunctionObject, INITIAL_STATUS } from '../../api/function.ts'
import { FunctionEntity } from './entities.ts'
import { addRevision, stored } from './function-rows.ts'
import { nextResourceVersion } from './meta.ts'
import { deploymentOf, fromObject, templateOf } from './rows.ts'
import type { Change, WriteResult } from './store.ts'

/** What a transaction did: the answer, and what to tell once it is committed. */
export interface Outcome<T> {
  readonly answer: T
  readonly changes: readonly Change[]
  /** What was asked for, and so is audited; absent for what a controller does. */
  readonly subject?: AuditSubject
}

/** What the audit log says of a write: digests of what people set. */
export function subjectOf(
  outcome: AuditOutcome,
  { namespace, name }: FunctionObject['metadata'],
  { before, after }: { before?: FunctionObject; after?: FunctionObject }
): AuditSubject {
  return {
    ...{ kind: 'function', namespace, name, outcome },
    ...(before !== undefined && { before: digestOf(deploymentOf({ ...before.metadata, spec: before.spec })) }),
    ...(after !== undefined && { after: digestOf(deploymentOf({ ...after.metadata, spec: after.spec })) })
  }
}

/** Inserts a new object, with its first revision. */
export async function insertObject(
  em: EntityManager,
  draft: FunctionDraft,
  { uid, now }: { readonly uid: string; readonly now: string }
): Promise<Outcome<WriteResult>> {
  const resourceVersion = await nextResourceVersion(em)
  const { spec, scale, ...named } = draft
  const object = stored({
    metadata: { ...named, uid, generation: 1, resourceVersion, createdAt: now, updatedAt: now },
    spec,
    ...(scale === undefined ? {} : { scale }),
    status: INITIAL_STATUS
  })
  await em.insert(FunctionEntity, fromObject(object))
  await addRevision(em, object)
  const subject = subjectOf('created', object.metadata, { after: object })
  return { answer: { outcome: 'created', object }, changes: [{ type: 'ADDED', object }], subject }
}

/** Writes another spec, labels or annotations, and a revision where the template is another one. */
export async function changeObject(
  em: EntityManager,
  current: FunctionObject,
  draft: FunctionDraft,
  now: string
): Promise<Outcome<WriteResult>> {
  const { spec, scale, ...named } = draft
  const object = stored({
    metadata: {
      ...current.metadata,
      ...named,
      generation: current.metadata.generation + 1,
      resourceVersion: await nextResourceVersion(em),
      updatedAt: now
    },
    spec,
    ...(scale === undefined ? {} : { scale }),
    status: current.status
  })
  const { status: _status, ...columns } = fromObject(object)
  await em.nativeUpdate(FunctionEntity, { uid: current.metadata.uid }, columns)
  if (templateOf(draft) !== templateOf({ ...current.metadata, spec: current.spec })) await addRevision(em, object)
  const subject = subjectOf('changed', object.metadata, { before: current, after: object })
  return { answer: { outcome: 'changed', object }, changes: [{ type: 'MODIFIED', object }], subject }
}

/** Writes the number of replicas and what was decided beside it; the rest of the object stays. */
export async function writeScale(
  em: EntityManager,
  current: FunctionObject,
  { spec, scale }: Pick<FunctionDraft, 'spec' | 'scale'>,
  now: string
): Promise<Outcome<WriteResult>> {
  const { scale: _before, ...rest } = current
  const isCounted = spec.replicas !== current.spec.replicas
  const object = stored({
    ...rest,
    metadata: {
      ...current.metadata,
      generation: current.metadata.generation + (isCounted ? 1 : 0),
      resourceVersion: await nextResourceVersion(em),
      updatedAt: isCounted ? now : current.metadata.updatedAt
    },
    spec,
    ...(scale === undefined ? {} : { scale })
  })
  const { status: _status, ...columns } = fromObject(object)
  await em.nativeUpdate(FunctionEntity, { uid: current.metadata.uid }, columns)
  const subject = subjectOf('changed', object.metadata, { before: current, after: object })
  return { answer: { outcome: 'changed', object }, changes: [{ type: 'MODIFIED', object }], subject }
}
