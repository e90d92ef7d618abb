import type { FunctionObject } from '../../api/function.ts'
import { keyOf, parseKey } from '../../api/meta.ts'
import type { Decisions } from '../../controllers/adopt/decisions.ts'
import { Departures } from '../../controllers/function/departures.ts'
import { onFunctionChange } from '../../controllers/function/events.ts'
import { Prober } from '../../controllers/function/prober.ts'
import { FunctionReconciler } from '../../controllers/function/reconciler.ts'
import type { Resync } from '../../controllers/function/resync.ts'
import { Throttle } from '../../controllers/function/throttle.ts'
import { type GarbageReconciler, GC_KEY } from '../../controllers/gc/reconciler.ts'
import { IMAGES_KEY, type ImagesReconciler } from '../../controllers/images/reconciler.ts'
import { SecretReconciler } from '../../controllers/secret/reconciler.ts'
import type { Waker } from '../../controllers/wake/waker.ts'
import { systemClock } from '../clock.ts'
import type { FileWatch } from '../engine/file-watch.ts'
import type { ImagePuller } from '../engine/images.ts'
import type { Controller } from '../runtime/controller.ts'
import { assembleAddresses } from './addresses.ts'
import { assembleAdoption, assembleDecisions, holdsOf } from './adoption.ts'
import { aimsOf } from './autoscaler.ts'
import type { ControlPlaneDeps } from './control-plane-deps.ts'
import { assembleController } from './controller.ts'
import { assembleGarbage } from './garbage.ts'
import { assembleImages } from './images.ts'
import { inheritance } from './inheritance.ts'
import { policyOf } from './policy.ts'
import { wakeProfileUsers } from './profiles.ts'
import { assembleResync, fullLookMs } from './resync.ts'
import { Self } from './self.ts'
import { WaitingKeys } from './waiting-keys.ts'
import { assembleWaker } from './waker.ts'

/** The controllers and what they work with. Nothing runs before somebody starts it. */
export interface ControlPlane {
  readonly functions: Controller
  readonly garbage: Controller
  readonly functionReconciler: FunctionReconciler
  readonly garbageReconciler: GarbageReconciler
  readonly imageGarbage: Controller
  /** Looks at the users of a secret that changed. */
  readonly secrets: Controller
  readonly imagesReconciler: ImagesReconciler
  readonly decisions: Decisions
  readonly resync: Resync
  readonly self: Self
  readonly prober: Prober
  readonly images: ImagePuller
  readonly waker: Waker
  /** Sees when credentials of registries change. */
  readonly credentials: FileWatch
  /** How many replicas the network of each function holds, as far as it was seen. */
  readonly capacities: ReadonlyMap<string, number>
  /** Whether a function waits for a person. */
  readonly isHeld: (key: string) => boolean
}

/** Wires the loop together: store and engine in, controllers out. */
export function assembleControlPlane(deps: ControlPlaneDeps): ControlPlane {
  const { config, engine, pressure, metrics } = deps
  const clock = systemClock
  const self = new Self(engine, config.GATEWAY_CONTAINER_NAME)
  const deserted = new Set<string>()
  const capacities = new Map<string, number>()
  const waiting = new WaitingKeys(key => functions.add(key))
  const adoption = assembleAdoption(deps)
  const holds = holdsOf(adoption)
  const departures = new Departures(clock)
  const throttle = assembleThrottle(deps)
  const prober = new Prober({ clock, onChange: key => functions.add(key), longestRestMs: fullLookMs(config) })
  const { images, imagesReconciler, credentials } = assembleImages(deps, { waiting, isReady: () => resync.isComplete })
  const functionReconciler = new FunctionReconciler({
    ...deps,
    images,
    prober,
    departures,
    ...assembleAddresses(deps),
    ...assembleBasics(deps),
    heirOf: inheritance(deps),
    holds,
    engineFacts: deps.facts,
    waker: { wakingOf: key => waker.wakingOf(key), met: waking => waker.met(waking) },
    gatewayId: () => self.id,
    throttle,
    onStatus: (object, converged) => {
      noteStatus(deps, object, { converged, now: clock.now(), capacity: capacities.get(keyOf(object.metadata)) })
      waiting.note(object)
    },
    onRepaired: metrics.repaired,
    onUnhealthy: key => metrics.functionMetrics(key).livenessFailed(),
    onCapacity: (key, capacity) => capacities.set(key, capacity),
    onLeft: (key, sight) => resync.left(key, sight),
    leakGraceMs: config.GC_GRACE,
    onLeaked: id => deserted.add(id),
    onGone: key => {
      const { namespace, name } = parseKey(key)
      metrics.removeFunction(namespace, name)
      waiting.forget(key)
      capacities.delete(key)
      waker.forget(key)
      throttle.forget(key)
      resync.left(key, undefined)
    }
  })
  const resync = assembleResync(deps, {
    ...{ adoption, self, prober },
    functions: () => functions,
    garbage: () => garbage,
    imageGarbage: () => imageGarbage
  })
  const garbageReconciler = assembleGarbage(deps, { resync, self, adoption, deserted })
  const functions = assembleController(deps, resync.attend(functionReconciler), config.RECONCILE_CONCURRENCY)
  const garbage = assembleController(deps, garbageReconciler, 1)
  const imageGarbage = assembleController(deps, imagesReconciler, 1)
  pressure.onLack(() => imageGarbage.add(IMAGES_KEY))
  const decisions = assembleDecisions(deps, { adoption, garbageReconciler, functions, garbage })
  const secrets = assembleSecrets(deps, functions)
  const waker: Waker = assembleWaker(deps, () => functions)
  followStore(deps, { departures, functions, garbage, secrets })
  const reconcilers = { functionReconciler, garbageReconciler, imagesReconciler }
  const controllers = { functions, garbage, imageGarbage, secrets, ...reconcilers }
  const { isHeld } = holds
  return { ...controllers, waker, decisions, resync, self, prober, images, credentials, capacities, isHeld }
}

function assembleSecrets(deps: ControlPlaneDeps, functions: Controller): Controller {
  const { store, log } = deps
  const add = (key: string) => functions.add(key)
  return assembleController(deps, new SecretReconciler({ ...store, add, log }), 1)
}

/** What everyone knows of the installation and the database. */
function assembleBasics({ config, store }: ControlPlaneDeps) {
  return {
    functions: store.functions,
    secrets: store.secrets,
    profiles: store.profiles,
    events: store.events,
    lastLines: store.lastLines,
    resourceVersion: () => store.functions.resourceVersion(),
    policy: policyOf(config),
    instance: config.INSTANCE_ID,
    functionsNetwork: config.FUNCTIONS_NETWORK,
    now: systemClock.now
  }
}

/** Wakes controllers by what is written down, and by calls that end. */
function followStore(
  { store, endpoints, inflight, log }: ControlPlaneDeps,
  wake: { readonly departures: Departures } & Pick<ControlPlane, 'functions' | 'garbage' | 'secrets'>
): void {
  store.functions.onChange(change => {
    onFunctionChange(endpoints, change)
    if (change.type === 'DELETED') wake.garbage.add(GC_KEY)
  })
  store.secrets.onChange(secret => wake.secrets.add(keyOf(secret)))
  const followers = { ...store, log, add: (key: string) => wake.functions.add(key) }
  store.profiles.onChange(name => void wakeProfileUsers(followers, name))
  inflight.onIdle(containerId => {
    const key = wake.departures.keyOf(containerId)
    if (key !== undefined) wake.functions.add(key)
  })
}

function assembleThrottle({ config, metrics }: ControlPlaneDeps): Throttle {
  return new Throttle({
    perSecond: config.ENGINE_REPAIR_RATE,
    burst: config.ENGINE_REPAIR_BURST,
    monotonic: systemClock.monotonic,
    onDelayed: metrics.repairDelayed
  })
}

function noteStatus(
  { metrics, config }: ControlPlaneDeps,
  object: FunctionObject,
  { converged, now, capacity }: { converged: boolean; now: number; capacity: number | undefined }
): void {
  const { metadata, spec, status } = object
  const key = keyOf(metadata)
  if (converged) metrics.lag.met(key, status.observedGeneration, now)
  else metrics.lag.lost(key, status.observedGeneration, now)
  const { replicas, readyReplicas: ready, frozenReplicas: frozen } = status
  metrics.setReplicas(key, { wanted: spec.replicas, replicas, ready, frozen, ...aimsOf(object, config, capacity) })
}
