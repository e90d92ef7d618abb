import { type ConditionType, transition } from '../../api/condition.ts'
import type { FunctionObject, FunctionStatus } from '../../api/function.ts'
import { REMEDY } from '../adopt/plan.ts'
import type { PassResult } from './pass-result.ts'
import { statusOf } from './status.ts'

/** What waits for the person. */
const RULED: ReadonlySet<ConditionType> = new Set(['Progressing', 'Degraded'])

/**
 * The status of a function that waits for a person: how what runs does, with the reason why the database is not
 * followed. What the database knows of the image and of exits stays, as it is about another revision. Pure.
 */
export function heldStatus(object: FunctionObject, held: FunctionObject, result: PassResult): FunctionStatus {
  const before = object.status
  const seen = statusOf({ ...result, object: { ...held, status: before } })
  const at = new Date(result.now).toISOString()
  const reason = 'DatabaseRestored'
  const message =
    `generation ${held.metadata.generation} runs and is left as it is, ` +
    `the database has generation ${object.metadata.generation} of an earlier time: ${REMEDY}`
  const isSeen = result.failure === undefined
  return {
    ...before,
    observedGeneration: object.metadata.generation,
    replicas: seen.replicas,
    readyReplicas: seen.readyReplicas,
    frozenReplicas: seen.frozenReplicas,
    outdatedReplicas: seen.outdatedReplicas,
    debugPorts: seen.debugPorts,
    conditions: seen.conditions.map(condition => {
      if (!isSeen || !RULED.has(condition.type)) return condition
      const status = condition.type === 'Degraded' ? 'True' : 'False'
      return transition(before.conditions, { type: condition.type, status, reason, message }, at)
    }),
    lastReconciledAt: at
  }
}
