import type { EntityManager } from '@mikro-orm/sqlite'
import { QuotaExceededError, TooManyFunctionsError } from '../../api/errors.ts'
import type { FunctionDraft, FunctionObject } from '../../api/function.ts'
import { mostReplicas, quotaOf, quotaRefusals, type Share, shareOf } from '../../api/quota.ts'
import { FunctionEntity } from './entities.ts'
import { findNamespace, readUsageOfOthers, requireNamespace } from './namespace-rows.ts'
import type { Admission } from './store.ts'

type Sized = Pick<FunctionDraft, 'spec'>

/** A write of one function that is under way. */
export interface AdmittedWrite {
  readonly namespace: string
  /** What is there; absent for a new function. */
  readonly current?: FunctionObject
  readonly draft: Sized
}

/**
 * Refuses a write for which its namespace has no room; in the transaction of the write, so that two together get no more than
 * there is. Throws `ValidationError` when there is no such namespace, `TooManyFunctionsError` and `QuotaExceededError`.
 */
export async function admit(
  em: EntityManager,
  { namespace, current, draft }: AdmittedWrite,
  { maxFunctions }: Admission,
  memoryDefaultBytes: number
): Promise<void> {
  const { annotations } = await requireNamespace(em, namespace)
  if (current === undefined) await requireRoom(em, namespace, maxFunctions)
  const quota = quotaOf(annotations)
  if (Object.keys(quota).length === 0) return
  const others = await readUsageOfOthers(em, memoryDefaultBytes, { namespace, uid: current?.metadata.uid })
  const after = shareIn(draft, memoryDefaultBytes)
  const before = current === undefined ? {} : { before: shareIn(current, memoryDefaultBytes) }
  const refusals = quotaRefusals(quota, { others, after, ...before })
  if (refusals.length > 0) throw new QuotaExceededError(namespace, refusals)
}

/** The most replicas that the quota of its namespace leaves the function; never fewer than it has. */
export async function mostReplicasOf(
  em: EntityManager,
  current: FunctionObject,
  memoryDefaultBytes: number
): Promise<number> {
  const { namespace, uid } = current.metadata
  const quota = quotaOf((await findNamespace(em, namespace))?.annotations ?? {})
  if (quota.replicas === undefined && quota.memoryBytes === undefined) return Number.POSITIVE_INFINITY
  const others = await readUsageOfOthers(em, memoryDefaultBytes, { namespace, uid })
  return mostReplicas(quota, others, shareIn(current, memoryDefaultBytes))
}

function shareIn({ spec }: Sized, memoryDefaultBytes: number): Share {
  return shareOf(spec.limits.memory, spec.replicas, memoryDefaultBytes)
}

/** Those that are being deleted count as long as their rows are there. */
async function requireRoom(em: EntityManager, namespace: string, max: number): Promise<void> {
  if (max === 0) return
  if ((await em.count(FunctionEntity, { namespace })) >= max) throw new TooManyFunctionsError(namespace, max)
}
