import { callSettingsOf } from '../../api/call-settings.ts'
import { getCondition, type Reason } from '../../api/condition.ts'
import type { FunctionObject, RestartRecord } from '../../api/function.ts'
import { levelOf } from '../../api/isolation.ts'
import type { Heir } from '../../api/legacy.ts'
import { keyOf, type StringMap } from '../../api/meta.ts'
import { networkName } from '../../api/names.ts'
import { type KnownProfiles, type ProfileSpec, resolveProfile } from '../../api/profile.ts'
import { templateHash } from '../../api/spec-hash.ts'
import type { EngineInfo } from '../../src/engine/engine.ts'
import type { EngineFacts } from '../../src/engine/engine-facts.ts'
import { faultOf } from '../../src/engine/faults.ts'
import type { EndpointTable } from '../../src/gateway/endpoints.ts'
import type { Logger } from '../../src/logging/logger.ts'
import { type ApplyDeps, applySteps } from './apply.ts'
import { type ConflictDeps, withConflict } from './conflict.ts'
import { FUNCTION_PORT } from './container-spec.ts'
import { knownPorts } from './debug-ports.ts'
import type { Departures } from './departures.ts'
import { type Desired, desiredOf, type ImageStatus, type Policy } from './desired.ts'
import { PassTimeoutError } from './faults.ts'
import { type HeldDeps, heldObject, isHarmless } from './held.ts'
import { type ImageDeps, peekImage, resolveImage, restoreImage } from './image.ts'
import { violationRefusal, wantedRuntime } from './isolation.ts'
import { type ObserveDeps, observe } from './observe.ts'
import type { Observed, Replica } from './observed.ts'
import { type Plan, planFunction } from './plan.ts'
import type { Prober } from './prober.ts'
import { probesOf } from './probes.ts'
import type { ProbeTarget } from './readiness.ts'
import { isUnhealthy } from './replica-phase.ts'
import { recordExits } from './restarts.ts'
import { restartable } from './revival.ts'
import { isUpToDate } from './rollout.ts'
import { findSecrets } from './secrets.ts'
import { troubleOf } from './status.ts'
import { formatStep, type Step } from './step.ts'
import type { Throttle } from './throttle.ts'

export interface PassDeps extends ObserveDeps, ApplyDeps, ImageDeps, HeldDeps {
  readonly engine: ObserveDeps['engine'] & ApplyDeps['engine']
  readonly prober: Pick<Prober, 'check' | 'rest' | 'pardon' | 'peek' | 'prune'>
  readonly departures: Departures
  readonly endpoints: Pick<EndpointTable, 'get' | 'put' | 'end'>
  readonly policy: Policy
  /** What the function may take over of the older program; absent when there is nothing of it. */
  readonly heirOf?: (object: FunctionObject) => Heir | undefined
  /** Those that functions may name. */
  readonly profiles: KnownProfiles
  /** What the engine says of itself. */
  readonly engineFacts: Pick<EngineFacts, 'get' | 'refresh'>
  /** Id of the container that the gateway runs in, if it does. */
  readonly gatewayId: () => string | undefined
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

const ASKED_FOR: ReadonlySet<Reason> = new Set(['ImagePulling', 'RollingOut', 'Scaling'])

/** A rule that refuses an image changes with the configuration only. */
const REFUSED_MS = 3_600_000

/** Until a step that had no effect is tried again. */
const STUCK_MS = 1000

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

/** What a pass would do now, a line for each. Changes nothing and pulls nothing. */
export async function previewPass(deps: PassDeps, object: FunctionObject, signal: AbortSignal): Promise<string[]> {
  const held = await heldObject(deps, keyOf(object.metadata), signal)
  if (held !== undefined) return [`wait: generation ${held.metadata.generation} runs, which the database does not know`]
  const check = (target: ProbeTarget) => deps.prober.peek(target)
  const onlyLooking = { ...deps, prober: { check, rest: () => undefined, pardon: () => undefined } }
  const observed = await observeObject(onlyLooking, object, signal)
  const image = await peekImage(deps, object, signal)
  const { steps } = planFunction(await desire(deps, object, { image, observed, signal }), observed, deps.now())
  // A pull runs outside of passes and is no step of theirs, but it is what comes of this spec first.
  const pulls = image.state === 'pulling' && object.metadata.deletionRequestedAt === undefined
  return [...(pulls ? [`pull ${object.spec.image}: missing`] : []), ...steps.map(formatStep)]
}

/** Observes, and forgets what is known of containers that are gone. */
async function lookAndForget(deps: PassDeps, object: FunctionObject, signal: AbortSignal): Promise<Observed> {
  const key = keyOf(object.metadata)
  const observed = await observeObject(deps, object, signal)
  const ids = new Set(observed.replicas.map(r => r.id))
  deps.departures.prune(key, ids)
  deps.prober.prune(key, ids)
  return observed
}

async function observeObject(
  deps: ObserveDeps & ConflictDeps & Pick<PassDeps, 'heirOf'>,
  object: FunctionObject,
  signal: AbortSignal
): Promise<Observed> {
  // One that is being deleted may have named secrets before; of one that lives, the garbage collector has their volume.
  const withVolumes = object.spec.secrets.length > 0 || object.metadata.deletionRequestedAt !== undefined
  const options = { probesOf: probesOf(object), withVolumes, signal, heir: deps.heirOf?.(object) }
  const observed = await observe(deps, keyOf(object.metadata), options)
  return withConflict(deps, observed, { networkName: networkName(deps.functionsNetwork, object.metadata), signal })
}

/**
 * A step that the next pass can do at once makes the key come again at once; not so one that was done a moment ago and
 * is wanted still, as doing it again will hardly help.
 */
function afterwards(plan: Plan, done: readonly Step[]): Pick<Pass, 'finished' | 'requeueAfter'> {
  const { steps, finished, requeueAfter } = plan
  if (steps.length === 0) return plan
  const texts = new Set(done.map(formatStep))
  const isStuck = steps.every(step => texts.has(formatStep(step)))
  return { finished, requeueAfter: isStuck ? Math.min(STUCK_MS, requeueAfter ?? STUCK_MS) : 0 }
}

/** The steps wait for their turn, so that the engine is not overrun by repairs. */
function delayed({ requeueAfter, finished }: Plan, waitMs: number): Pick<Pass, 'finished' | 'requeueAfter'> {
  return { finished, requeueAfter: Math.min(waitMs, requeueAfter ?? waitMs) }
}

/** Whether the steps carry out what somebody asked for, as far as the status tells, and do not mend what went wrong. */
function isAskedFor({ metadata, status }: FunctionObject): boolean {
  if (metadata.deletionRequestedAt !== undefined || status.observedGeneration !== metadata.generation) return true
  const { status: isUnderWay, reason } = getCondition(status.conditions, 'Progressing') ?? {}
  return isUnderWay === 'True' && reason !== undefined && ASKED_FOR.has(reason)
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

/** An image that may not be used is not pulled either. */
async function resolveAllowed(deps: PassDeps, object: FunctionObject): Promise<ImageStatus> {
  const refusal = violationRefusal(object, deps.policy.isolation)
  const isPinned = object.status.image?.templateHash === templateHash(object.spec, object.metadata.labels)
  if (refusal === undefined || isPinned) return resolveImage(deps, object)
  return { state: 'failed', fault: 'other', message: refusal.message, retryAt: deps.now() + REFUSED_MS }
}

/** As whom the pinned image runs, where that matters. */
async function imageUserOf(deps: PassDeps, object: FunctionObject, image: ImageStatus, signal: AbortSignal) {
  if (image.state !== 'pinned' || levelOf(deps.policy.isolation, object.metadata.namespace) === 'baseline')
    return undefined
  return (await deps.engine.inspectImage(image.pin.id, signal))?.user
}

/** The engine says; of a runtime that it has not, afresh, as nothing tells when it is installed. */
async function engineInfo(
  deps: PassDeps,
  { metadata }: FunctionObject,
  profile: ProfileSpec,
  signal: AbortSignal
): Promise<EngineInfo> {
  const known = await deps.engineFacts.get(signal)
  const runtime = wantedRuntime(metadata.annotations, profile)
  return runtime === undefined || known.runtimes.includes(runtime) ? known : deps.engineFacts.refresh(signal)
}

async function desire(
  deps: PassDeps,
  object: FunctionObject,
  { image, observed, signal, isWanted = false }: PassOptions & { image: ImageStatus; observed: Observed }
): Promise<Desired> {
  const gatewayId = deps.gatewayId()
  const profile = resolveProfile(object.metadata.annotations, deps.profiles)
  const facts = {
    image,
    isWanted,
    profile,
    engine: await engineInfo(deps, object, profile.spec, signal),
    imageUser: await imageUserOf(deps, object, image, signal),
    secrets: await findSecrets(deps.secrets, object),
    ...(gatewayId === undefined ? {} : { gatewayId })
  }
  const draft = desiredOf(object, { ...facts, restarts: [] }, deps.policy)
  const debug = draft.debug === undefined ? {} : { debug: { ...draft.debug, ...knownPorts(object, observed) } }
  return {
    ...draft,
    ...debug,
    restarts: restartsAfter(object, draft, observed, deps.now()),
    outdatedRestarts: outdatedRestartsAfter(object, draft, observed, deps.now())
  }
}

/** Another revision starts with a clean record: its exits are not those of the one before. */
function restartsAfter(object: FunctionObject, desired: Desired, observed: Observed, now: number): RestartRecord[] {
  const before = desired.hash === undefined || object.status.specHash === desired.hash ? object.status.restarts : []
  const own = observed.replicas.filter(
    r => r.uid === desired.owner.uid && (desired.hash === undefined || r.hash === desired.hash)
  )
  const ended = own.filter(r => (r.phase === 'exited' || isUnhealthy(r)) && r.stoppingSince === undefined)
  return recordExits(before, {
    exited: ended.filter(r => r.ordinal < desired.replicas),
    alive: own,
    replicas: desired.replicas,
    now
  })
}

/** Kept of ordinals only that have a replica of an earlier revision; without an image, every one may be such. */
function outdatedRestartsAfter(
  object: FunctionObject,
  { hash, owner, replicas }: Desired,
  observed: Observed,
  now: number
): RestartRecord[] {
  const outdated = observed.replicas.filter(r => r.uid === owner.uid && r.hash !== hash)
  const before = object.status.outdatedRestarts.filter(({ ordinal }) => outdated.some(r => r.ordinal === ordinal))
  const hung = outdated.filter(r => isUnhealthy(r) && r.stoppingSince === undefined)
  const exited = [...restartable(outdated), ...hung].filter(r => r.ordinal < replicas)
  return recordExits(before, { exited, alive: outdated, replicas, now })
}

/** What is wanted as far as it is known without the engine. */
function blindDesired(deps: PassDeps, object: FunctionObject): Desired {
  const { image: pin, restarts, outdatedRestarts } = object.status
  const image: ImageStatus =
    pin === undefined ? { state: 'pulling', currentBytes: 0, totalBytes: 0 } : { state: 'pinned', pin }
  return desiredOf(object, { image, restarts, outdatedRestarts }, deps.policy)
}

/** Says that the function is wanted before anything else is done, so that calls wait for it instead of failing. */
function declareRoute({ endpoints }: PassDeps, { metadata, spec }: FunctionObject): void {
  const key = keyOf(metadata)
  const { uid } = metadata
  const replicas = metadata.deletionRequestedAt === undefined ? spec.replicas : 0
  const route = endpoints.get(key)
  if (route?.uid === uid && route.replicas === replicas) return
  const known = route?.uid === uid ? route : undefined
  const frozen = known?.frozen === undefined ? {} : { frozen: known.frozen }
  const settings = settingsOf(metadata.annotations)
  endpoints.put({ key, uid, replicas, endpoints: known?.endpoints ?? [], ...frozen, ...settings })
}

/** Endpoints first, then steps: a replica has left the table before it is asked to stop. */
function publish(deps: PassDeps, object: FunctionObject, { desired, plan }: Planned, observed: Observed): void {
  const isAsleep = desired.replicas === 0 || plan.frozen !== undefined
  const trouble = isAsleep ? undefined : troubleOf(desired, observed, deps.now())
  deps.endpoints.put({
    key: desired.key,
    uid: desired.owner.uid,
    replicas: desired.replicas,
    endpoints: plan.endpoints.map(toEndpoint),
    ...(plan.frozen === undefined ? {} : { frozen: plan.frozen.map(toEndpoint) }),
    ...settingsOf(object.metadata.annotations),
    ...(trouble === undefined ? {} : { trouble })
  })
  deps.departures.leaving(desired.key, plan.leaving)
}

function settingsOf(annotations: StringMap) {
  const settings = callSettingsOf(annotations)
  return settings === undefined ? {} : { settings }
}

function toEndpoint({ id, address = '' }: Replica) {
  return { containerId: id, host: address, port: FUNCTION_PORT }
}

function isProven(desired: Desired, { replicas }: Observed): boolean {
  return replicas.some(r => r.phase === 'ready' && isUpToDate(desired, r))
}

/** Nothing can be done now, unless the last call of one that leaves ended between the observation and now, untold. */
function waiting({ inflight }: PassDeps, { replicas }: Observed, plan: Plan): Pick<Pass, 'finished' | 'requeueAfter'> {
  const becameIdle = replicas.some(r => plan.leaving.has(r.id) && r.inflight > 0 && inflight.count(r.id) === 0)
  return becameIdle ? { ...plan, requeueAfter: 0 } : plan
}

/** A call was let in after the observation and before the endpoint left: the replica is not idle, as the plan thought. */
function becameBusy(deps: PassDeps, observed: Observed | undefined, step: Step): boolean {
  if (step.kind === 'freeze-replica') return deps.inflight.count(step.id) > 0
  if (step.kind !== 'stop-replica') return false
  const seen = observed?.replicas.find(r => r.id === step.id)
  return seen?.inflight === 0 && deps.inflight.count(step.id) > 0
}
