import { getCondition, type Reason } from '../../api/condition.ts'
import type { FunctionObject } from '../../api/function.ts'
import type { Observed } from './observed.ts'
import type { Plan } from './plan.ts'
import { formatStep, type Step } from './step.ts'

/** Whether a pass ends the function's life, and else when the key comes again. */
type Comeback = Pick<Plan, 'finished' | 'requeueAfter'>

interface InflightDeps {
  readonly inflight: { readonly count: (containerId: string) => number }
}

const ASKED_FOR: ReadonlySet<Reason> = new Set(['ImagePulling', 'RollingOut', 'Scaling'])

/** Until a step that had no effect is tried again. */
const STUCK_MS = 1000

/**
 * A step that the next pass can do at once makes the key come again at once; not so one that was done a moment ago and
 * is wanted still, as doing it again will hardly help.
 */
export function afterwards(plan: Plan, done: readonly Step[]): Comeback {
  const { steps, finished, requeueAfter } = plan
  if (steps.length === 0) return plan
  const texts = new Set(done.map(formatStep))
  const isStuck = steps.every(step => texts.has(formatStep(step)))
  return { finished, requeueAfter: isStuck ? Math.min(STUCK_MS, requeueAfter ?? STUCK_MS) : 0 }
}

/** The steps wait for their turn, so that the engine is not overrun by repairs. */
export function delayed({ requeueAfter, finished }: Plan, waitMs: number): Comeback {
  return { finished, requeueAfter: Math.min(waitMs, requeueAfter ?? waitMs) }
}

/** Whether the steps carry out what somebody asked for, as far as the status tells, and do not mend what went wrong. */
export function isAskedFor({ metadata, status }: FunctionObject): boolean {
  if (metadata.deletionRequestedAt !== undefined || status.observedGeneration !== metadata.generation) return true
  const { status: isUnderWay, reason } = getCondition(status.conditions, 'Progressing') ?? {}
  return isUnderWay === 'True' && reason !== undefined && ASKED_FOR.has(reason)
}

/** Nothing can be done now, unless the last call of one that leaves ended between the observation and now, untold. */
export function waiting({ inflight }: InflightDeps, { replicas }: Observed, plan: Plan): Comeback {
  const becameIdle = replicas.some(r => plan.leaving.has(r.id) && r.inflight > 0 && inflight.count(r.id) === 0)
  return becameIdle ? { ...plan, requeueAfter: 0 } : plan
}
