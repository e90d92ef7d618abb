import { type Condition, type ConditionType, getCondition, needsPerson } from '../../../api/condition.ts'
import type { FunctionObject } from '../../../api/function.ts'

/** The condition of that type, if it speaks of the generation that is wanted now. */
export function currentCondition({ metadata, status }: FunctionObject, type: ConditionType): Condition | undefined {
  const isGoing = metadata.deletionRequestedAt !== undefined
  if (isGoing || status.observedGeneration < metadata.generation) return undefined
  return getCondition(status.conditions, type)
}

/**
 * Whether what is wanted is there: as many replicas as asked for, none outdated, nothing under way, and nothing wrong. What is wrong
 * with a function that is to have no replicas does not matter.
 */
export function isSettled(object: FunctionObject): boolean {
  const { spec, status } = object
  const is = (type: ConditionType) => currentCondition(object, type)?.status
  const isWell = spec.replicas === 0 || is('Degraded') !== 'True'
  return is('Ready') === 'True' && is('Progressing') === 'False' && status.outdatedReplicas === 0 && isWell
}

/** Whether it is not as wanted, and does not become so unless somebody mends what its condition names. Pure. */
export function isStuck(object: FunctionObject): boolean {
  const degraded = currentCondition(object, 'Degraded')
  return degraded?.status === 'True' && needsPerson(degraded.reason) && !isSettled(object)
}

/** How far it is, for people: `2 of 3 replicas ready, 1 outdated: RollingOut: …`. */
export function describeProgress(object: FunctionObject): string {
  const { metadata, spec, status } = object
  if (metadata.deletionRequestedAt !== undefined) return 'is being deleted'
  if (status.observedGeneration < metadata.generation) {
    return `generation ${metadata.generation} was not looked at yet`
  }
  const outdated = status.outdatedReplicas === 0 ? '' : `, ${status.outdatedReplicas} outdated`
  const reason = describeReason(object)
  return `${status.readyReplicas} of ${spec.replicas} replicas ready${outdated}${reason === '' ? '' : `: ${reason}`}`
}

/** Why it is not as wanted yet; empty when it is. */
function describeReason(object: FunctionObject): string {
  const [degraded, progressing, ready] = (['Degraded', 'Progressing', 'Ready'] as const).map(type =>
    currentCondition(object, type)
  )
  const said = [
    degraded?.status === 'True' ? degraded : undefined,
    progressing?.status === 'True' ? progressing : undefined,
    ready?.status === 'True' ? undefined : ready
  ].find(condition => condition !== undefined)
  return said === undefined ? '' : `${said.reason}: ${said.message}`
}
