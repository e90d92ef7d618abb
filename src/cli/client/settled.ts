import { type Condition, type ConditionType, getCondition } from '../../../api/condition.ts'
import type { FunctionObject } from '../../../api/function.ts'

/** The condition of that type, if it speaks of the generation that is wanted now. */
export function currentCondition({ metadata, status }: FunctionObject, type: ConditionType): Condition | undefined {
  const isGoing = metadata.deletionRequestedAt !== undefined
  if (isGoing || status.observedGeneration < metadata.generation) return undefined
  return getCondition(status.conditions, type)
}

/** Whether what is wanted is there: as many replicas as asked for, none outdated, and nothing under way. */
export function isSettled(object: FunctionObject): boolean {
  const isReady = currentCondition(object, 'Ready')?.status === 'True'
  return isReady && currentCondition(object, 'Progressing')?.status === 'False' && object.status.outdatedReplicas === 0
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
