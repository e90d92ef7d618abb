import { readFile } from 'node:fs/promises'
import type { FunctionObject } from '../../api/function.ts'
import { heirOf } from '../../api/legacy.ts'
import { keyOf, parseKey } from '../../api/meta.ts'
import type { Adoption } from '../../controllers/adopt/adoption.ts'
import type { Decisions } from '../../controllers/adopt/decisions.ts'
import { Departures } from '../../controllers/function/departures.ts'
import { onFunctionChange } from '../../controllers/function/events.ts'
import { Prober } from '../../controllers/function/prober.ts'
import { FunctionReconciler } from '../../controllers/function/reconciler.ts'
import { Resync } from '../../controllers/function/resync.ts'
import { survey } from '../../controllers/function/survey.ts'
import { Throttle } from '../../controllers/function/throttle.ts'
import { GarbageReconciler, GC_KEY } from '../../controllers/gc/reconciler.ts'
import { IMAGES_KEY, type ImagesReconciler } from '../../controllers/images/reconciler.ts'
import { SecretReconciler } from '../../controllers/secret/reconciler.ts'
import type { Waker } from '../../controllers/wake/waker.ts'
import { systemClock } from '../clock.ts'
import type { Config } from '../config/config.ts'
import type { FileWatch } from '../engine/file-watch.ts'
import { type HostRoute, readHostRoutes } from '../engine/host-routes.ts'
import type { ImagePuller } from '../engine/images.ts'
import { PortLeases } from '../engine/port-leases.ts'
import { SubnetLeases } from '../engine/subnet-leases.ts'
import { capacityOf, prefixFor } from '../engine/subnets.ts'
import { Controller } from '../runtime/controller.ts'
import type { Reconciler } from '../runtime/reconciler.ts'
import { assembleAdoption, assembleDecisions, COMPARISON_KEY, doubtsOf, holdsOf, meetHeld } from './adoption.ts'
import { aimsOf } from './autoscaler.ts'
import type { ControlPlaneDeps } from './control-plane-deps.ts'
import { assembleImages } from './images.ts'
import { policyOf } from './policy.ts'
import { wakeProfileUsers } from './profiles.ts'
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

/** Orphans that may go in one pass, as a share of all that is ours. */
const GC_SHARE = 0.25

/** A function at rest gets a pass after so many periods of the resync. */
const FULL_LOOK_PERIODS = 10

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

/** Where the networks of functions get their addresses, what is in the way, and where debuggers get their ports. */
function assembleAddresses({ config }: ControlPlaneDeps) {
  return {
    subnets: new SubnetLeases({ pool: config.FUNCTIONS_SUBNET_POOL, clock: systemClock }),
    prefixFor,
    capacityOf,
    routes: hostRoutes,
    ports: new PortLeases({
      range: config.DEBUG_PORT_RANGE,
      reserved: [config.GATEWAY_PORT, config.METRICS_PORT],
      clock: systemClock
    })
  }
}

function hostRoutes(): Promise<HostRoute[]> {
  return readHostRoutes(path => readFile(path, 'utf8'))
}

function assembleThrottle({ config, metrics }: ControlPlaneDeps): Throttle {
  return new Throttle({
    perSecond: config.ENGINE_REPAIR_RATE,
    burst: config.ENGINE_REPAIR_BURST,
    monotonic: systemClock.monotonic,
    onDelayed: metrics.repairDelayed
  })
}

function fullLookMs({ RECONCILE_INTERVAL_SECONDS }: Config): number {
  return FULL_LOOK_PERIODS * RECONCILE_INTERVAL_SECONDS * 1000
}

interface ResyncTargets {
  readonly adoption: Adoption
  readonly self: Self
  readonly prober: Prober
  readonly functions: () => Controller
  readonly garbage: () => Controller
  readonly imageGarbage: () => Controller
}

function assembleResync(deps: ControlPlaneDeps, targets: ResyncTargets): Resync {
  const { adoption, self, prober, functions, garbage, imageGarbage } = targets
  const { config, store, engine, endpoints, metrics, log } = deps
  const surveyDeps = {
    engine,
    secrets: store.secrets,
    profiles: store.profiles,
    instance: config.INSTANCE_ID,
    functionsNetwork: config.FUNCTIONS_NETWORK,
    gatewayId: () => self.id,
    heirOf: inheritance(deps),
    routes: hostRoutes
  }
  const resync = new Resync({
    functions: store.functions,
    alsoAwaited: [COMPARISON_KEY],
    // What somebody asked for, or an event told of, does not wait for a look at everything.
    add: key => functions().addLast(key),
    addAfter: (key, delayMs) => functions().addAfter(key, delayMs),
    onFirstComplete: () => {
      endpoints.markComplete()
      garbage().add(GC_KEY)
      imageGarbage().add(IMAGES_KEY)
    },
    onResync: reason => {
      metrics.watchResynced(reason)
      void meetHeld(deps, adoption, { add: key => functions().add(key), settled: key => resync.settled(key) })
    },
    look: (objects, signal) => survey(surveyDeps, objects, signal),
    confirm: keys => prober.confirm(keys),
    onLookError: err => log.warn({ err }, 'Failed to look at everything at once'),
    fullLookMs: fullLookMs(config),
    random: Math.random,
    now: systemClock.now
  })
  return resync
}

interface GarbageParts {
  readonly resync: Resync
  readonly self: Self
  readonly adoption: Adoption
  readonly deserted: ReadonlySet<string>
}

function assembleGarbage(
  deps: ControlPlaneDeps,
  { resync, self, adoption, deserted }: GarbageParts
): GarbageReconciler {
  const { config, store, engine, signer, metrics, log } = deps
  return new GarbageReconciler({
    engine,
    functions: store.functions,
    events: store.events,
    signer,
    instance: config.INSTANCE_ID,
    gatewayId: () => self.id,
    heirOf: inheritance(deps),
    doubts: signal => doubtsOf(adoption, signal),
    deserted,
    bornAt: store.bornAt,
    graceMs: config.GC_GRACE,
    intervalMs: config.GC_INTERVAL,
    maxShare: GC_SHARE,
    isReady: () => resync.isComplete,
    onCollected: kind => metrics.collected(kind),
    onOrphans: count => metrics.setOrphans(count),
    onForged: count => metrics.setForged(count),
    onLeaked: count => metrics.setLeakedNetworks(count),
    now: systemClock.now,
    log
  })
}

/** Only a function that came from the older program's database takes over what that left running of it. */
function inheritance({ config, store }: ControlPlaneDeps) {
  return (object: FunctionObject) =>
    store.inheritedUids.has(object.metadata.uid) ? heirOf(object, config.FUNCTIONS_NETWORK) : undefined
}

function assembleController(
  { config, metrics, log }: ControlPlaneDeps,
  reconciler: Reconciler,
  concurrency: number
): Controller {
  return new Controller({
    reconciler,
    concurrency,
    deadlineMs: config.RECONCILE_DEADLINE,
    log,
    metrics: metrics.controller(reconciler.name),
    clock: systemClock,
    random: Math.random
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
