import type { FunctionObject } from '../../api/function.ts'
import { levelOf } from '../../api/isolation.ts'
import { type KnownProfiles, type ProfileSpec, resolveProfile } from '../../api/profile.ts'
import type { Engine, EngineInfo } from '../../src/engine/engine.ts'
import type { EngineFacts } from '../../src/engine/engine-facts.ts'
import type { SecretStore } from '../../src/store/secret-store.ts'
import { knownPorts } from './debug-ports.ts'
import { type Desired, desiredOf, type ImageStatus, type Policy } from './desired.ts'
import { wantedRuntime } from './isolation.ts'
import type { Observed } from './observed.ts'
import { outdatedRestartsAfter, restartsAfter } from './restarts.ts'
import { findSecrets } from './secrets.ts'

export interface WantedDeps {
  readonly engine: Pick<Engine, 'inspectImage'>
  /** What the engine says of itself. */
  readonly engineFacts: Pick<EngineFacts, 'get' | 'refresh'>
  readonly secrets: Pick<SecretStore, 'list'>
  /** Those that functions may name. */
  readonly profiles: KnownProfiles
  readonly policy: Policy
  /** Id of the container that the gateway runs in, if it does. */
  readonly gatewayId: () => string | undefined
  readonly now: () => number
}

interface Found {
  readonly image: ImageStatus
  readonly observed: Observed
  readonly signal: AbortSignal
  /** Calls wait for the function. */
  readonly isWanted?: boolean
}

/** What is wanted of the function, after the engine and the store were asked for what it depends on. */
export async function desire(
  deps: WantedDeps,
  object: FunctionObject,
  { image, observed, signal, isWanted = false }: Found
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

/** What is wanted as far as it is known without the engine. */
export function blindDesired(deps: Pick<WantedDeps, 'policy'>, object: FunctionObject): Desired {
  const { image: pin, restarts, outdatedRestarts } = object.status
  const image: ImageStatus =
    pin === undefined ? { state: 'pulling', currentBytes: 0, totalBytes: 0 } : { state: 'pinned', pin }
  return desiredOf(object, { image, restarts, outdatedRestarts }, deps.policy)
}

/** As whom the pinned image runs, where that matters. */
async function imageUserOf(deps: WantedDeps, object: FunctionObject, image: ImageStatus, signal: AbortSignal) {
  if (image.state !== 'pinned' || levelOf(deps.policy.isolation, object.metadata.namespace) === 'baseline')
    return undefined
  return (await deps.engine.inspectImage(image.pin.id, signal))?.user
}

/** The engine says; of a runtime that it has not, afresh, as nothing tells when it is installed. */
async function engineInfo(
  deps: WantedDeps,
  { metadata }: FunctionObject,
  profile: ProfileSpec,
  signal: AbortSignal
): Promise<EngineInfo> {
  const known = await deps.engineFacts.get(signal)
  const runtime = wantedRuntime(metadata.annotations, profile)
  return runtime === undefined || known.runtimes.includes(runtime) ? known : deps.engineFacts.refresh(signal)
}
