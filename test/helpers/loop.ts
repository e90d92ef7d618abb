import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { FunctionDraft, FunctionObject, FunctionSpec } from '../../api/function.ts'
import { heirOf } from '../../api/legacy.ts'
import { keyOf } from '../../api/meta.ts'
import { Departures } from '../../controllers/function/departures.ts'
import { Prober } from '../../controllers/function/prober.ts'
import { FunctionReconciler } from '../../controllers/function/reconciler.ts'
import { Waker } from '../../controllers/wake/waker.ts'
import type { Engine } from '../../src/engine/engine.ts'
import { EngineFacts } from '../../src/engine/engine-facts.ts'
import type { HostRoute } from '../../src/engine/host-routes.ts'
import { ImagePuller } from '../../src/engine/images.ts'
import { PortLeases } from '../../src/engine/port-leases.ts'
import { SubnetLeases } from '../../src/engine/subnet-leases.ts'
import { capacityOf, prefixFor } from '../../src/engine/subnets.ts'
import { EndpointTable } from '../../src/gateway/endpoints.ts'
import { Inflight } from '../../src/gateway/inflight.ts'
import { silentLogger } from '../../src/logging/logger.ts'
import { systemTimers } from '../../src/runtime/timers.ts'
import { openStore, type Store } from '../../src/store/open.ts'
import { aFunction, BARE_SPEC, NOW, POLICY, SIGNER } from './builders.ts'
import { FakeEngine } from './fake-engine.ts'
import { aKeyring } from './keyring.ts'
import { legacyLabels, legacyNetworkLabels } from './legacy.ts'

/** A clock that only tests move. */
export class TestClock {
  #now = NOW
  #aheadMs = 0
  readonly now = (): number => this.#now + this.#aheadMs
  readonly monotonic = (): number => this.#now
  advance(ms: number): void {
    this.#now += ms
  }

  /** Sets the clock of the wall, as an administrator or a time server does. */
  jump(ms: number): void {
    this.#aheadMs += ms
  }
}

/** What answers probes: every replica, unless its function is told not to. */
export interface Answers {
  status: number | Error
  /** Path → what answers there. */
  readonly byPath?: Record<string, number>
}

/**
 * The function controller over the fake engine and a real database, without queue and timers: tests say when a pass
 * runs. `restart` gives the controller of a new process: the engine and the database are all that it knows.
 */
export class Loop {
  readonly clock = new TestClock()
  readonly engine = new FakeEngine(this.clock)
  readonly answers: Answers = { status: 200, byPath: {} }
  /** What the prober is to do later. */
  readonly #probes = new Set<() => void>()
  /** Uids of the functions that came from the older program's database. */
  readonly inherited = new Set<string>()
  /** Told of the end of a function. */
  onGone: (key: string) => void = () => undefined
  /** By key, what the last pass left. */
  readonly left = new Map<string, string | undefined>()
  /** Keys that the waker made due. */
  readonly due: string[] = []
  /** Names of functions that calls brought back, and from where. */
  readonly woken: string[] = []
  /** Key → uid of what waits for a person. */
  readonly held = new Map<string, string>()
  /** What deletions left to the garbage collector. */
  readonly deserted = new Set<string>()
  /** Keys of the functions whose replicas failed their liveness probe, each time. */
  readonly unhealthy: string[] = []
  /** The container that the gateway runs in, if it does. */
  gatewayId: string | undefined
  /** Routes of the host. */
  routes: HostRoute[] = []
  /** Since when the engine has answered. */
  engineSince = 0
  /** How long a function has to wait until it may be mended. */
  waitMs = 0
  /** Profiles that the database does not know, as one of before they were made. */
  readonly lostProfiles = new Set<string>()
  /** What the operator decides; counts from the next `restart` on. */
  policy = POLICY
  readonly #directory: string
  store: Store
  endpoints = new EndpointTable()
  inflight = new Inflight()
  waker: Waker
  reconciler: FunctionReconciler
  #prober: Prober

  private constructor(directory: string, store: Store) {
    this.#directory = directory
    this.store = store
    this.#prober = this.#createProber()
    this.waker = this.#createWaker()
    this.reconciler = this.#createReconciler(this.engine)
    this.engine.addImage('hello:1')
    this.engine.addImage('hello:2')
  }

  static async open(): Promise<Loop> {
    const directory = await mkdtemp(join(tmpdir(), 'docker-faas-loop-'))
    const clock = new TestClock()
    const cipher = await aKeyring(directory)
    return new Loop(directory, await openStore({ path: join(directory, 'test.db'), clock, cipher }))
  }

  async close(): Promise<void> {
    this.#prober.stop()
    this.waker.stop()
    await this.store.close()
    await rm(this.#directory, { recursive: true })
  }

  /** A new process over the same engine and database; `engine` stands between it and the real one. */
  restart(engine: Engine = this.engine): void {
    this.#prober.stop()
    this.endpoints = new EndpointTable()
    this.inflight = new Inflight()
    this.#prober = this.#createProber()
    this.waker.stop()
    this.waker = this.#createWaker()
    this.reconciler = this.#createReconciler(engine)
  }

  /** Writes a function down, as a handler does. */
  async put(
    overrides: Partial<FunctionSpec> &
      Partial<Pick<FunctionObject['metadata'], 'name' | 'namespace' | 'annotations'>> = {}
  ): Promise<FunctionObject> {
    const { metadata, spec } = aFunction(overrides)
    const { name, namespace, labels, annotations } = metadata
    const draft: FunctionDraft = { name, namespace, labels, annotations, spec }
    return (await this.store.functions.put(keyOf(metadata), () => draft)).object
  }

  /** Puts there what the older program left running of `hello`: a network and replicas. */
  async leaveLegacy(replicas: number): Promise<undefined> {
    const network = `${POLICY.functionsNetwork}-hello`
    await this.engine.createNetwork({ name: network, labels: legacyNetworkLabels('hello'), subnet: '10.201.0.0/24' })
    for (let replica = 0; replica < replicas; replica++) {
      const labels = legacyLabels('hello', replica, network)
      await this.engine.createContainer({ ...BARE_SPEC, name: `hello-${replica}`, labels, network })
      await this.engine.startContainer(`hello-${replica}`)
    }
  }

  async get(name = 'hello'): Promise<FunctionObject> {
    const object = await this.store.functions.get(`openfaas-fn/${name}`)
    if (object === undefined) throw new Error(`${name} is not written down`)
    return object
  }

  /** One round of the probes that run in the background. */
  async probe(): Promise<void> {
    const due = [...this.#probes]
    this.#probes.clear()
    for (const run of due) run()
    await new Promise(resolve => setImmediate(resolve))
  }

  /** One pass. */
  pass(name = 'hello'): Promise<{ readonly requeueAfter?: number }> {
    return this.reconciler.reconcile(`openfaas-fn/${name}`, new AbortController().signal)
  }

  /** Passes until nothing is left to do; time goes on as the passes ask. Throws when that takes more than 60 of them. */
  async settle(name = 'hello'): Promise<void> {
    for (let passes = 0; passes < 60; passes++) {
      const before = this.engine.journal.length
      const { requeueAfter } = await this.pass(name)
      if (requeueAfter === undefined && this.engine.journal.length === before) return
      this.clock.advance(Math.max(1, requeueAfter ?? 1))
    }
    throw new Error(`${name} did not settle: ${this.engine.journal.slice(-10).join(', ')}`)
  }

  /** Names and states of all containers of the function. */
  async containers(): Promise<string[]> {
    const list = await this.engine.listContainers({})
    return list.map(({ name, state }) => `${name} ${state}`).sort()
  }

  /** Writes down that the function is to be frozen, or that it is to run, as the autoscaler does. */
  async freeze(isFrozen = true, name = 'hello'): Promise<void> {
    const { metadata, spec } = await this.get(name)
    const scale = isFrozen ? { scale: { frozenSince: new Date(this.clock.now()).toISOString() } } : {}
    await this.store.functions.putScale(keyOf(metadata), metadata.uid, () => ({ replicas: spec.replicas, ...scale }))
  }

  #createWaker(): Waker {
    return new Waker({
      functions: this.store.functions,
      events: this.store.events,
      endpoints: this.endpoints,
      addUrgent: key => this.due.push(`${key} urgent`),
      addFirst: key => this.due.push(key),
      maxReplicas: 10,
      onWoken: (key, from) => this.woken.push(`${key} from ${from}`),
      onWriteFailed: () => undefined,
      timers: systemTimers,
      log: silentLogger
    })
  }

  #createProber(): Prober {
    return new Prober({
      clock: this.clock,
      onChange: () => undefined,
      schedule: run => {
        this.#probes.add(run)
        return () => this.#probes.delete(run)
      },
      request: async ({ path }) => {
        if (this.answers.status instanceof Error) throw this.answers.status
        return this.answers.byPath?.[path] ?? this.answers.status
      }
    })
  }

  #createReconciler(engine: Engine): FunctionReconciler {
    const { clock } = this
    return new FunctionReconciler({
      engine,
      images: new ImagePuller({ engine, policy: 'IfNotPresent', clock, random: () => 0.5, onSettled: () => undefined }),
      prober: this.#prober,
      departures: new Departures(clock),
      inflight: this.inflight,
      endpoints: this.endpoints,
      waker: this.waker,
      subnets: new SubnetLeases({ pool: '10.200.0.0/16', clock }),
      ports: new PortLeases({ range: POLICY.debugPortRange, reserved: [], clock }),
      prefixFor,
      capacityOf,
      routes: async () => this.routes,
      functions: this.store.functions,
      lastLines: this.store.lastLines,
      events: this.store.events,
      policy: this.policy,
      signer: SIGNER,
      resourceVersion: () => this.store.functions.resourceVersion(),
      instance: POLICY.instance,
      functionsNetwork: POLICY.functionsNetwork,
      heirOf: object => (this.inherited.has(object.metadata.uid) ? heirOf(object, POLICY.functionsNetwork) : undefined),
      holds: {
        heldOf: async key => {
          const uid = this.held.get(key)
          return uid === undefined ? undefined : { key, uid }
        },
        isHeld: key => this.held.has(key)
      },
      secrets: this.store.secrets,
      profiles: { get: name => (this.lostProfiles.has(name) ? undefined : this.store.profiles.get(name)) },
      engineFacts: new EngineFacts(engine),
      gatewayId: () => this.gatewayId,
      engineSince: () => this.engineSince,
      throttle: { admit: (_key, _calls, isAskedFor) => (isAskedFor ? 0 : this.waitMs), forget: () => undefined },
      now: clock.now,
      log: silentLogger,
      onStatus: () => undefined,
      onLeft: (key, sight) => this.left.set(key, sight),
      onGone: key => this.onGone(key),
      onLeaked: id => this.deserted.add(id),
      onUnhealthy: key => this.unhealthy.push(key)
    })
  }
}
