import type { FunctionObject } from '../../api/function.ts'
import { keyOf } from '../../api/meta.ts'
import { faultOf } from '../../src/engine/faults.ts'
import type { Logger } from '../../src/logging/logger.ts'
import { applySteps } from './apply.ts'
import type { ApplyDeps } from './apply-step.ts'
import type { Departures } from './departures.ts'
import type { Desired, ImageStatus, Policy } from './desired.ts'
import { PassTimeoutError } from './faults.ts'
import { type HeldDeps, heldObject, isHarmless } from './held.ts'
import { type AllowedDeps, resolveAllowed, restoreImage } from './image.ts'
import { type LookDeps, lookAndForget } from './look.ts'
import type { Observed } from './observed.ts'
import { type Plan, planFunction } from './plan.ts'
import { afterwards, delayed, isAskedFor, waiting } from './requeue.ts'
import { isUpToDate } from './rollout.ts'
import { declareRoute, publish, type RouteDeps } from './route.ts'
import { formatStep, type Step } from './step.ts'
import type { Throttle } from './throttle.ts'
import { blindDesired, desire, type WantedDeps } from './wanted.ts'

export interface PassDeps extends LookDeps, WantedDeps, AllowedDeps, ApplyDeps, HeldDeps, RouteDeps {
  readonly engine: LookDeps['engine'] & ApplyDeps['engine']
  readonly subnets: ApplyDeps['subnets']
  readonly secrets: ApplyDeps['secrets']
  readonly departures: Departures
  readonly endpoints: RouteDeps['endpoints'] & ApplyDeps['endpoints']
  readonly policy: Policy
  /** Says how long what nobody asked for has to wait. */
  readonly throttle: Pick<Throttle, 'admit' | 'forget'>
  readonly log: Logger
}

/** What one pass did and saw. */
export interface Pass {
  readonly desired: Desired
  /** The last observation; absent when the engine could not be read. */
  readonly observed?: Observed
  /** Steps that succeeded. */
  readonly done: readonly Step[]
  readonly failure?: unknown
  readonly requeueAfter?: number
  /** The function was deleted and nothing of it is left. */
  readonly finished: boolean
  /** The function as what runs of it says: it waits for a person, and nothing of it was touched. */
  readonly held?: FunctionObject
  /** The pass was cut off in order to stop, so it says nothing about the world. */
  readonly interrupted: boolean
}

interface Planned {
  readonly desired: Desired
  readonly plan: Plan
}

export interface PassOptions {
  readonly signal: AbortSignal
  /** Calls waited for the function when the pass began, before the object was read. */
  readonly isWanted?: boolean
}

/** One pass: observe, plan, publish endpoints, apply, observe again. Does not throw: what stopped it is in the result. */
export async function runPass(
  deps: PassDeps,
  object: FunctionObject,
  { signal, isWanted = false }: PassOptions
): Promise<Pass> {
  const key = keyOf(object.metadata)
  const look = () => lookAndForget(deps, object, signal)
  if (deps.holds?.isHeld(key) !== true) declareRoute(deps, object)
  let desired = blindDesired(deps, object)
  let observed: Observed | undefined
  const done: Step[] = []
  try {
    const held = await heldObject(deps, key, signal)
    if (held !== undefined) return await runHeldPass(deps, held, signal)
    observed = await look()
    const first = await planPass(deps, object, observed, { signal, isWanted })
    desired = first.desired
    publish(deps, object, first, observed)
    const steps = first.plan.steps.filter(step => !becameBusy(deps, observed, step))
    if (steps.length === 0) {
      deps.throttle.forget(key)
      return { ...waiting(deps, observed, first.plan), desired, observed, done, interrupted: false }
    }
    const waitMs = deps.throttle.admit(key, steps.length, isWanted || isAskedFor(object))
    if (waitMs > 0) return { ...delayed(first.plan, waitMs), desired, observed, done, interrupted: false }
    deps.log.info({ key, generation: desired.owner.generation, steps: steps.map(formatStep) }, 'Planned function')
    try {
      const target = { object, desired, isProven: isProven(first.desired, observed) }
      await applySteps(deps, { ...target, onDone: step => done.push(step) }, steps, signal)
    } finally {
      observed = await look()
    }
    const next = { desired, plan: planFunction(desired, observed, deps.now()) }
    publish(deps, object, next, observed)
    return { ...afterwards(next.plan, steps), desired, observed, done, interrupted: false }
  } catch (err) {
    const seen = { desired, done, ...(observed === undefined ? {} : { observed }), finished: false }
    const isCutOff = signal.aborted && (faultOf(err) === 'aborted' || err === signal.reason)
    if (!isCutOff) return { ...seen, failure: err, interrupted: false }
    const { name, message } = signal.reason as Error
    return name === 'TimeoutError'
      ? { ...seen, failure: new PassTimeoutError(message, { cause: err }), interrupted: false }
      : { ...seen, failure: err, interrupted: true }
  }
}

/**
 * A pass over a function that waits for a person, as what runs of it says: it is reached, and nothing of it is touched.
 * Throws what stopped it.
 */
export async function runHeldPass(deps: PassDeps, held: FunctionObject, signal: AbortSignal): Promise<Pass> {
  const observed = await lookAndForget(deps, held, signal)
  const first = await planPass(deps, held, observed, { signal })
  publish(deps, held, first, observed)
  const steps = first.plan.steps.filter(isHarmless)
  const target = { object: held, desired: first.desired, isProven: true }
  if (observed.network?.ours === true) await applySteps(deps, target, steps, signal)
  const { desired } = first
  return { desired, observed, done: steps, finished: false, interrupted: false, held }
}

async function planPass(
  deps: PassDeps,
  object: FunctionObject,
  observed: Observed,
  { signal, isWanted = false }: PassOptions
): Promise<Planned> {
  const image = await resolveAllowed(deps, object)
  const planned = async (status: ImageStatus): Promise<Planned> => {
    const desired = await desire(deps, object, { image: status, observed, signal, isWanted })
    return { desired, plan: planFunction(desired, observed, deps.now()) }
  }
  const first = await planned(image)
  if (image.state !== 'pinned' || !first.plan.steps.some(step => step.kind === 'create-replica')) return first
  const restored = await restoreImage(deps, image.pin, signal)
  return restored.state === 'pinned' && restored.pin.id === image.pin.id ? first : planned(restored)
}

function isProven(desired: Desired, { replicas }: Observed): boolean {
  return replicas.some(r => r.phase === 'ready' && isUpToDate(desired, r))
}

/** A call was let in after the observation and before the endpoint left: the replica is not idle, as the plan thought. */
function becameBusy(deps: PassDeps, observed: Observed | undefined, step: Step): boolean {
  if (step.kind === 'freeze-replica') return deps.inflight.count(step.id) > 0
  if (step.kind !== 'stop-replica') return false
  const seen = observed?.replicas.find(r => r.id === step.id)
  return seen?.inflight === 0 && deps.inflight.count(step.id) > 0
}
