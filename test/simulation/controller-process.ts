import { getCondition } from '../../api/condition.ts'
import { FaasError } from '../../api/errors.ts'
import type { FunctionObject } from '../../api/function.ts'
import { keyOf } from '../../api/meta.ts'
import { Departures } from '../../controllers/function/departures.ts'
import { onEngineEvent, onFunctionChange } from '../../controllers/function/events.ts'
import type { ProbeRequest } from '../../controllers/function/probe-request.ts'
import { Prober } from '../../controllers/function/prober.ts'
import { FunctionReconciler } from '../../controllers/function/reconciler.ts'
import { Resync } from '../../controllers/function/resync.ts'
import { survey } from '../../controllers/function/survey.ts'
import { Throttle } from '../../controllers/function/throttle.ts'
import { GarbageReconciler, GC_KEY } from '../../controllers/gc/reconciler.ts'
import { SecretReconciler } from '../../controllers/secret/reconciler.ts'
import { Waker } from '../../controllers/wake/waker.ts'
import type { Clock } from '../../src/clock.ts'
import type { Engine } from '../../src/engine/engine.ts'
import { EngineFacts } from '../../src/engine/engine-facts.ts'
import { ImagePuller } from '../../src/engine/images.ts'
import { PortLeases } from '../../src/engine/port-leases.ts'
import { SubnetLeases } from '../../src/engine/subnet-leases.ts'
import { capacityOf, prefixFor } from '../../src/engine/subnets.ts'
import { EngineWatcher } from '../../src/engine/watch.ts'
import { EndpointTable, type Route } from '../../src/gateway/endpoints.ts'
import { Inflight } from '../../src/gateway/inflight.ts'
import { silentLogger } from '../../src/logging/logger.ts'
import { Controller, type ControllerObserver } from '../../src/runtime/controller.ts'
import type { Reconciler } from '../../src/runtime/reconciler.ts'
import type { Timers } from '../../src/runtime/timers.ts'
import type { SecretStore } from '../../src/store/secret-store.ts'
import type { FunctionStore } from '../../src/store/store.ts'
import { POLICY, SIGNER } from '../helpers/builders.ts'
import type { Random } from './random.ts'

export interface ProcessDeps {
  readonly engine: Engine
  readonly functions: FunctionStore
  readonly secrets: SecretStore
  readonly clock: Clock
  /** Those of this process: none fires after its end. */
  readonly timers: Timers
  readonly random: Random
  readonly request: ProbeRequest
  readonly pool: string
  readonly bornAt: number
  readonly gatewayId: string | undefined
  /** Since when the engine has answered; milliseconds since the epoch. */
  readonly engineSince: () => number
  /** How many functions are reconciled at the same time, 3. */
  readonly concurrency?: number
  /** How fast repairs may come; slow, so that they are often told to wait. */
  readonly throttle?: { readonly perSecond: number; readonly burst: number }
  /** Told before the function controller replaces a route. */
  readonly onRoute: (before: Route | undefined, after: Route) => void
  /** Told when all of a function is as wanted. */
  readonly onConverged: (object: FunctionObject) => void
  /** Told of what a pass threw that nobody throws on purpose. */
  readonly onPanic: (err: unknown) => void
}

const NO_PROFILES = { get: () => undefined }
const RESYNC_MS = 30_000
/** As the program does: ten periods. */
const FULL_LOOK_MS = 10 * RESYNC_MS
const DEADLINE_MS = 60_000
const CONCURRENCY = 3

/** One process of the control plane, wired as the program wires it: real controllers, queues, prober, watcher, garbage collector. */
export class ControllerProcess {
  readonly endpoints = new EndpointTable()
  readonly inflight = new Inflight()
  readonly functions: Controller
  readonly #garbage: Controller
  readonly #secrets: Controller
  readonly #throttle: Throttle
  readonly #resync: Resync
  readonly #prober: Prober
  readonly waker: Waker
  readonly #departures: Departures
  readonly #pulling = new Set<string>()
  readonly #deps: ProcessDeps
  readonly #stopped = new AbortController()
  readonly #unsubscribe: () => void

  constructor(deps: ProcessDeps) {
    this.#deps = deps
    this.#throttle = new Throttle({
      ...(deps.throttle ?? { perSecond: 2, burst: 4 }),
      monotonic: deps.clock.monotonic,
      onDelayed: () => undefined
    })
    this.#departures = new Departures(deps.clock)
    this.#prober = this.#createProber()
    this.waker = this.#createWaker()
    this.#resync = this.#createResync()
    this.functions = this.#createController(
      this.#resync.attend(this.#createFunctionReconciler()),
      deps.concurrency ?? CONCURRENCY
    )
    this.#garbage = this.#createController(this.#createGarbageReconciler(), 1)
    this.#secrets = this.#createController(
      new SecretReconciler({
        ...{ functions: deps.functions, secrets: deps.secrets, events: { record: async () => undefined } },
        add: key => this.functions.add(key),
        log: silentLogger
      }),
      1
    )
    const unfollow = deps.secrets.onChange(secret => this.#secrets.add(keyOf(secret)))
    const unsubscribe = deps.functions.onChange(change => {
      onFunctionChange(this.endpoints, change)
      if (change.type === 'DELETED') this.#garbage.add(GC_KEY)
    })
    this.#unsubscribe = () => [unfollow, unsubscribe].forEach(end => void end())
    this.inflight.onIdle(id => {
      const key = this.#departures.keyOf(id)
      if (key !== undefined) this.functions.add(key)
    })
  }

  start(): void {
    const { engine, random, clock, timers } = this.#deps
    this.functions.start()
    this.#garbage.start()
    this.#secrets.start()
    void this.look('start')
    const watcher = new EngineWatcher({
      engine,
      onConnected: () => void this.look('reconnect'),
      onEvent: event =>
        onEngineEvent(
          {
            instance: POLICY.instance,
            functionsNetwork: POLICY.functionsNetwork,
            endpoints: this.endpoints,
            add: key => this.functions.add(key)
          },
          event
        ),
      onDisconnected: () => undefined,
      random: random.next,
      monotonic: clock.monotonic,
      wait: ms => new Promise<void>(resolve => timers.set(resolve, ms))
    })
    void watcher.run(this.#stopped.signal)
    const tick = () => {
      void this.look('periodic', RESYNC_MS / 2)
      timers.set(tick, RESYNC_MS)
    }
    timers.set(tick, RESYNC_MS)
  }

  /** What it keeps in memory of containers and functions; I10: nothing of what is gone. */
  memory() {
    const { functions, endpoints, inflight } = this
    const routes = [...endpoints.routes()]
    return {
      probed: this.#prober.containerIds(),
      asked: this.#prober.livenessIds(),
      departing: this.#departures.containerIds(),
      routes: routes.map(({ key }) => key),
      pulling: [...this.#pulling],
      throttled: this.#throttle.keys,
      calls: inflight.total(),
      waking: [...routes].filter(({ key }) => this.waker.wakingOf(key) !== undefined).length,
      due: functions.depth + functions.running,
      delayed: functions.delayed,
      failing: functions.failing
    }
  }

  /** As SIGKILL: nothing is finished. */
  end(): void {
    this.#unsubscribe()
    this.#stopped.abort()
    this.waker.stop()
    this.#prober.stop()
  }

  /** As the program does at these occasions. */
  async look(reason: 'start' | 'reconnect' | 'periodic', spreadMs = 0): Promise<void> {
    if (this.#stopped.signal.aborted) return
    await this.#resync.run(reason, { spreadMs, signal: this.#stopped.signal }).catch(() => undefined)
  }

  #createProber(): Prober {
    const { clock, timers, request } = this.#deps
    return new Prober({
      clock,
      request,
      onChange: key => this.functions.add(key),
      schedule: (run, ms) => {
        const timer = timers.set(run, ms)
        return () => timers.clear(timer)
      }
    })
  }

  #createWaker(): Waker {
    const { functions, timers } = this.#deps
    return new Waker({
      ...{ functions, endpoints: this.endpoints, timers, log: silentLogger, maxReplicas: POLICY.maxReplicas },
      events: { record: async () => undefined },
      addUrgent: key => this.functions.addUrgent(key),
      addFirst: key => this.functions.addFirst(key),
      onWoken: () => undefined,
      onWriteFailed: () => undefined
    })
  }

  #createFunctionReconciler(): FunctionReconciler {
    const { engine, clock, random, pool, functions, gatewayId, onRoute, onConverged } = this.#deps
    const pulling = this.#pulling
    const images = new ImagePuller({
      engine,
      policy: 'IfNotPresent',
      clock,
      random: random.next,
      onSettled: () => {
        for (const key of pulling) this.functions.add(key)
      }
    })
    const { endpoints } = this
    return new FunctionReconciler({
      engine,
      images,
      departures: this.#departures,
      functions,
      waker: this.waker,
      prober: this.#prober,
      inflight: this.inflight,
      endpoints: {
        get: key => endpoints.get(key),
        thaw: (key, ids) => endpoints.thaw(key, ids),
        drop: (key, id) => endpoints.drop(key, id),
        remove: key => endpoints.remove(key),
        end: (containerId, why) => endpoints.end(containerId, why),
        put: route => {
          onRoute(endpoints.get(route.key), route)
          endpoints.put(route)
        }
      },
      subnets: new SubnetLeases({ pool, clock }),
      ports: new PortLeases({ range: POLICY.debugPortRange, reserved: [], clock }),
      prefixFor,
      capacityOf,
      events: { record: async () => undefined },
      policy: POLICY,
      signer: SIGNER,
      resourceVersion: () => 1,
      instance: POLICY.instance,
      functionsNetwork: POLICY.functionsNetwork,
      secrets: this.#deps.secrets,
      profiles: NO_PROFILES,
      engineFacts: new EngineFacts(engine),
      gatewayId: () => gatewayId,
      engineSince: () => this.#deps.engineSince(),
      throttle: this.#throttle,
      now: clock.now,
      log: silentLogger,
      onStatus: (object, converged) => {
        if (converged) onConverged(object)
        if (isPulling(object)) pulling.add(keyOf(object.metadata))
        else pulling.delete(keyOf(object.metadata))
      },
      onLeft: (key, sight) => this.#resync.left(key, sight),
      onGone: key => {
        this.waker.forget(key)
        this.#throttle.forget(key)
        pulling.delete(key)
        this.#resync.left(key, undefined)
      }
    })
  }

  #createResync(): Resync {
    const { engine, functions, secrets, random, clock, gatewayId } = this.#deps
    const { instance, functionsNetwork } = POLICY
    return new Resync({
      functions,
      look: (objects, signal) =>
        survey(
          { engine, secrets, profiles: NO_PROFILES, instance, functionsNetwork, gatewayId: () => gatewayId },
          objects,
          signal
        ),
      confirm: keys => this.#prober.confirm(keys),
      onLookError: () => undefined,
      fullLookMs: FULL_LOOK_MS,
      add: key => this.functions.addLast(key),
      addAfter: (key, ms) => this.functions.addAfter(key, ms),
      onFirstComplete: () => {
        this.endpoints.markComplete()
        this.#garbage.add(GC_KEY)
      },
      onResync: () => undefined,
      random: random.next,
      now: clock.now
    })
  }

  #createGarbageReconciler(): GarbageReconciler {
    const { engine, functions, clock, bornAt, gatewayId } = this.#deps
    return new GarbageReconciler({
      engine,
      functions,
      bornAt,
      events: { record: async () => undefined },
      signer: SIGNER,
      instance: POLICY.instance,
      gatewayId: () => gatewayId,
      graceMs: 60_000,
      intervalMs: 120_000,
      maxShare: 0.25,
      isReady: () => this.#resync.isComplete,
      onCollected: () => undefined,
      onOrphans: () => undefined,
      onForged: () => undefined,
      now: clock.now,
      log: silentLogger
    })
  }

  #createController(reconciler: Reconciler, concurrency: number) {
    const { clock, timers, random, onPanic } = this.#deps
    const metrics: ControllerObserver = {
      reconciled: () => undefined,
      panicked: () => undefined,
      timedOut: () => undefined,
      queue: {
        added: () => undefined,
        waited: () => undefined,
        worked: () => undefined,
        watch: () => undefined,
        retried: () => undefined
      }
    }
    return new Controller({
      reconciler: telling(reconciler, onPanic),
      concurrency,
      deadlineMs: DEADLINE_MS,
      log: silentLogger,
      metrics,
      clock,
      timers,
      random: random.next
    })
  }
}

/** The reconciler, telling what it throws that is no error of ours. */
function telling(reconciler: Reconciler, onPanic: (err: unknown) => void): Reconciler {
  return {
    name: reconciler.name,
    reconcile: async (key, signal) => {
      try {
        return await reconciler.reconcile(key, signal)
      } catch (err) {
        if (!(err instanceof FaasError) && !signal.aborted) onPanic(err)
        throw err
      }
    }
  }
}

function isPulling({ status }: FunctionObject): boolean {
  return getCondition(status.conditions, 'Progressing')?.reason === 'ImagePulling'
}
