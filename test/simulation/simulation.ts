import { parseDebugPorts } from '../../api/debug-ports.ts'
import type { FunctionObject, FunctionSpec } from '../../api/function.ts'
import { EGRESS_ANNOTATION, type Egress, egressOf } from '../../api/isolation.ts'
import { LABEL } from '../../api/labels.ts'
import { DEFAULT_NAMESPACE, parseKey, type StringMap } from '../../api/meta.ts'
import { networkName } from '../../api/names.ts'
import { egressOfNetwork } from '../../controllers/function/isolation.ts'
import type { Container } from '../../src/engine/engine.ts'
import type { Route } from '../../src/gateway/endpoints.ts'
import { isAsleep } from '../../src/gateway/turn.ts'
import type { Timers } from '../../src/runtime/timers.ts'
import type { FunctionStore } from '../../src/store/store.ts'
import { aFunction, POLICY } from '../helpers/builders.ts'
import { FakeEngine } from '../helpers/fake-engine.ts'
import { ManualTime } from '../helpers/manual-time.ts'
import { CALM, type Rates, randomRates } from './chaos.ts'
import { ControllerProcess } from './controller-process.ts'
import { flakyEngine } from './flaky-engine.ts'
import { flakyFunctions } from './flaky-functions.ts'
import { flakySecrets } from './flaky-secrets.ts'
import { Foreigners } from './foreigners.ts'
import { Health } from './health.ts'
import { Random } from './random.ts'
import { Revisions } from './revisions.ts'
import type { SharedStore } from './shared-store.ts'

/** What is written down of one function, as an API client that got an answer knows it. */
export interface Written {
  readonly uid: string
  readonly generation: number
  readonly spec: FunctionSpec
  readonly egress: Egress
  /** Its replicas are to be frozen. */
  readonly isFrozen: boolean
}

/** Never deleted, so that the database is never empty: garbage would wait for a person then. */
export const ANCHOR = 'anchor'
export const NAMES: readonly string[] = [ANCHOR, 'alpha', 'beta', 'gamma']
/** Its replicas are asked whether they live, so that one that is ill for long is replaced. */
const PROBED = 'alpha'
const LIVENESS: StringMap = { 'com.openfaas.health.http.failureThreshold': '3' }
export const GOOD_IMAGES: readonly string[] = ['hello:1', 'hello:2', 'remote:1']

const MAX_TRACE = 4000

/** One process of the control plane, from its start to its kill. */
interface Life {
  alive: boolean
  readonly timers: Set<number>
}

/**
 * One seeded world: the fake engine, a real database, the clock, one process of the control plane at a time, people who
 * edit functions and meddle with the engine. `chaos.ts` says what goes wrong in it, `deeds.ts` what people do.
 */
export class Simulation {
  readonly time = new ManualTime()
  readonly engine = new FakeEngine(this.time)
  readonly random: Random
  readonly rates: Rates
  readonly isPoolTight: boolean
  readonly pool: string
  readonly health: Health
  readonly foreigners: Foreigners
  readonly revisions: Revisions
  /** By name; what the last acknowledged write says. */
  readonly written = new Map<string, Written>()
  /** By name; the values of the secrets that there are. */
  readonly secrets = new Map<string, string>()
  /** Whether there are secrets in this world. Worlds without them are what they were before there were any. */
  readonly hasSecrets: boolean
  /** Whether functions of this world are frozen, and woken by calls. The others are what they were before any were. */
  readonly hasSleepers: boolean
  /** By name; the specs that were written, oldest first. */
  readonly #history = new Map<string, FunctionSpec[]>()
  readonly violations: string[] = []
  readonly trace: string[] = []
  readonly #store: SharedStore
  readonly #bornAt: number
  #gatewayId: string | undefined
  #isEngineUp = true
  #engineSince = 0
  #process: ControllerProcess | undefined
  #life: Life = { alive: false, timers: new Set() }

  constructor(seed: number, store: SharedStore) {
    this.#store = store
    this.random = new Random(seed)
    this.hasSecrets = seed % 2 === 0
    this.hasSleepers = seed % 3 === 0
    this.rates = randomRates(this.random)
    this.isPoolTight = this.random.chance(0.3)
    this.pool = this.isPoolTight ? '10.200.0.0/26' : '10.200.0.0/23'
    this.health = new Health(this.engine, this.time, this.random.fork())
    this.foreigners = new Foreigners(this.engine)
    this.revisions = new Revisions(this.engine)
    this.#bornAt = this.time.now()
    const uids = this.random.fork()
    store.use({ now: this.time.now, newUid: () => `uid-${uids.below(2 ** 31).toString(36)}` })
    for (const image of ['hello:1', 'hello:2', 'deaf:1', 'crash:1']) this.engine.addImage(image)
    this.engine.addImage('forged:1')
    this.engine.addImage('remote:1', { remote: true })
    this.engine.addImage('stubborn:1', { ignoresTerm: true })
  }

  get functions(): FunctionStore {
    return this.#store.functions
  }

  get process(): ControllerProcess | undefined {
    return this.#process
  }

  get gatewayId(): string | undefined {
    return this.#gatewayId
  }

  /** The containers of this installation, as they are: without those that only carry its labels. */
  ownContainers(): Container[] {
    return this.engine
      .containers()
      .filter(({ id, labels }) => labels[LABEL.instance] === POLICY.instance && !this.foreigners.has(id))
  }

  /** Empties the database of the simulation before, and puts the first functions into it. */
  async begin(): Promise<void> {
    for (const { metadata } of await this.functions.list()) {
      const key = `${metadata.namespace}/${metadata.name}`
      await this.functions.markDeleted(key)
      await this.functions.remove(key, metadata.uid)
    }
    for (const { namespace, name } of await this.#store.secrets.list())
      await this.#store.secrets.delete(`${namespace}/${name}`)
    if (this.random.chance(0.3)) this.#gatewayId = await this.foreigners.addContainer('the-gateway')
    await this.put(ANCHOR, { replicas: 1 })
    for (const name of NAMES) if (this.random.chance(0.5)) await this.put(name, { replicas: this.random.below(4) })
    this.startProcess()
  }

  note(text: string): void {
    if (this.trace.length < MAX_TRACE)
      this.trace.push(`${((this.time.now() - this.#bornAt) / 1000).toFixed(2)} ${text}`)
  }

  violate(text: string): void {
    this.note(`VIOLATION ${text}`)
    this.violations.push(text)
  }

  /** Nothing goes wrong from now on. */
  calm(): void {
    Object.assign(this.rates, CALM)
  }

  setEngineUp(up: boolean): void {
    this.#isEngineUp = up
    if (up) this.#engineSince = this.time.now()
    if (!up) this.engine.breakStreams()
  }

  /** Writes down as a handler does; tells the loop unless the process ends between the commit and that. */
  async put(name: string, change: Partial<FunctionSpec>, annotations: StringMap = {}): Promise<void> {
    const key = keyOf(name)
    const { object } = await this.functions.put(key, current => {
      const { metadata, spec } = current ?? aFunction({ name })
      const { namespace, labels } = metadata
      const wanted = { ...spec, ...change }
      // The API refuses debug ports of a network that does not lead out.
      const open = wanted.debug ? { [EGRESS_ANNOTATION]: 'open' } : {}
      return {
        name,
        namespace,
        labels,
        annotations: { ...metadata.annotations, ...(name === PROBED ? LIVENESS : {}), ...annotations, ...open },
        spec: wanted
      }
    })
    const { uid, generation } = object.metadata
    this.#noteWritten(object)
    this.#history.set(name, [...(this.#history.get(name) ?? []), object.spec])
    this.note(`put ${name} ${uid} ${generation} ${JSON.stringify({ ...change, ...annotations })}`)
    this.#tell(key)
  }

  /** Writes down that its replicas are to be frozen, or to run, as the autoscaler does. */
  async putFrozen(name: string, isFrozen: boolean): Promise<void> {
    const uid = this.written.get(name)?.uid ?? ''
    const scale = isFrozen ? { scale: { frozenSince: new Date(this.time.now()).toISOString() } } : {}
    const object = await this.functions.putScale(keyOf(name), uid, ({ spec }) => ({
      replicas: spec.replicas,
      ...scale
    }))
    if (object !== undefined) this.#noteWritten(object)
    this.note(`put ${name} ${isFrozen ? 'frozen' : 'thawed'}`)
    this.#tell(keyOf(name))
  }

  /** A call of the function that waits when it sleeps. */
  wake(name: string): void {
    const route = this.#process?.endpoints.get(keyOf(name))
    if (route !== undefined && isAsleep(route)) this.#process?.waker.wake(route.key)
  }

  #noteWritten({ metadata, spec, scale }: FunctionObject): void {
    const { uid, generation, annotations } = metadata
    const isFrozen = scale?.frozenSince !== undefined && spec.replicas > 0
    this.written.set(metadata.name, { uid, generation, spec, egress: egressOf(annotations, 'baseline'), isFrozen })
  }

  /** One of the specs that the function had. */
  earlierSpec(name: string): FunctionSpec | undefined {
    return this.random.pick(this.#history.get(name) ?? [])
  }

  async delete(name: string): Promise<void> {
    this.#history.delete(name)
    await this.functions.markDeleted(keyOf(name))
    this.written.delete(name)
    this.note(`delete ${name}`)
    this.#tell(keyOf(name))
  }

  /** As a handler does; the process follows the store by itself. */
  async putSecret(name: string, value: string): Promise<void> {
    await this.#store.secrets.put(keyOf(name), Buffer.from(value))
    this.secrets.set(name, value)
    this.note(`put secret ${name} ${value}`)
  }

  async deleteSecret(name: string): Promise<void> {
    await this.#store.secrets.delete(keyOf(name))
    this.secrets.delete(name)
    this.note(`delete secret ${name}`)
  }

  #tell(key: string): void {
    if (this.random.chance(this.rates.lostEvent)) return
    this.#process?.functions.forgive(key)
    this.#process?.functions.addFirst(key)
  }

  startProcess(): void {
    if (this.#life.alive) return
    const life: Life = { alive: true, timers: new Set() }
    this.#life = life
    const isAlive = () => life.alive
    const kill = () => this.killProcess()
    const { random, rates, time, engine, isPoolTight, health } = this
    const process = new ControllerProcess({
      engine: flakyEngine({
        engine,
        rates,
        isPoolTight,
        isAlive,
        kill,
        random: random.fork(),
        isUp: () => this.#isEngineUp,
        wait: ms => new Promise<void>(resolve => time.set(resolve, ms)),
        later: (run, ms) => void time.set(run, ms),
        trace: text => this.note(text),
        about: (operation, subject) => this.#checkCall(process, operation, subject),
        started: id => this.#crashes(id)
      }),
      functions: flakyFunctions({
        ...{ functions: this.functions, rates, random: random.fork(), isAlive, kill },
        onScaled: object => this.#noteWritten(object)
      }),
      secrets: flakySecrets({ secrets: this.#store.secrets, rates, random: new Random(this.time.now()), isAlive }),
      clock: time,
      timers: timersOf(time, life),
      random: random.fork(),
      request: (target, signal) => health.answer(target.host, signal),
      pool: this.pool,
      bornAt: this.#bornAt,
      gatewayId: this.#gatewayId,
      engineSince: () => this.#engineSince,
      onRoute: (before, after) => {
        this.#checkRoute(before, after)
        this.#callLast(process, before, after)
      },
      // One that is frozen may be of an old revision, which a call replaces.
      onConverged: object => object.status.outdatedReplicas === 0 && this.revisions.converged(object),
      onPanic: err => this.#onPanic(err)
    })
    this.#process = process
    this.note('start process')
    process.start()
  }

  killProcess(): void {
    if (!this.#life.alive) return
    this.note('kill process')
    this.#life.alive = false
    for (const timer of this.#life.timers) this.time.clear(timer)
    this.#process?.end()
    this.#process = undefined
    // Somebody restarts it; its memory is gone.
    this.time.set(() => this.startProcess(), this.random.below(5000))
  }

  /** The world is over. */
  end(): void {
    this.#life.alive = false
    this.#process?.end()
  }

  #crashes(nameOrId: string): void {
    this.time.set(() => this.health.crash(nameOrId), 50 + this.random.below(2000))
  }

  #onPanic(err: unknown): void {
    const isOurs = err instanceof Error && ['KilledError', 'StoreUnavailableError'].includes(err.name)
    if (!isOurs) this.violate(`a pass panicked: ${err instanceof Error ? err.stack : String(err)}`)
  }

  /** A replica leaves the endpoint table before it is asked to stop, or frozen. */
  #checkCall(process: ControllerProcess, operation: string, subject: string): void {
    const isBusy = operation === 'pauseContainer' && process.inflight.count(subject) > 0
    if (isBusy) this.violate(`X12: ${subject.slice(0, 12)} is frozen while calls run in it`)
    if (!['signalContainer', 'removeContainer', 'pauseContainer'].includes(operation)) return
    const serves = [...process.endpoints.routes()].some(r => r.endpoints.some(e => e.containerId === subject))
    if (serves) this.violate(`I1: ${operation} of ${subject.slice(0, 12)} while it takes calls`)
  }

  /** Whether its successor is made and needs the debug ports that it has. */
  #givesWay(containerId: string): boolean {
    const containers = this.ownContainers()
    const held = portsOf(containers.find(({ id }) => id === containerId))
    const waiting = containers.filter(({ id, state }) => id !== containerId && state === 'created')
    return waiting.flatMap(portsOf).some(port => held.includes(port))
  }

  /** Whether its network leads elsewhere than it should. */
  #moves(key: string): boolean {
    const { namespace, name } = parseKey(key)
    const own = networkName(POLICY.functionsNetwork, { namespace, name })
    const found = this.engine.networks().filter(network => network.name === own)
    return found.some(network => egressOfNetwork(network) !== this.written.get(name)?.egress)
  }

  /** X12: a call comes after the look that freezing was planned by, and before the endpoints leave. */
  #callLast(process: ControllerProcess, before: Route | undefined, after: Route): void {
    const [last] = before?.endpoints ?? []
    if (after.frozen === undefined || last === undefined || this.random.chance(0.5)) return
    this.time.set(process.inflight.acquire(last.containerId), this.random.below(10_000))
  }

  /** I9, K11, and: an endpoint that answers goes only when as many as are wanted stay, or for its successor's ports. */
  #checkRoute(before: Route | undefined, after: Route): void {
    for (const name of this.revisions.outlived(after)) {
      this.violate(`I9: ${name} takes calls of ${after.key}, whose later revision was rolled out`)
    }
    for (const { containerId } of after.endpoints) {
      if (this.foreigners.has(containerId)) this.violate(`K11: a forged container takes calls of ${after.key}`)
    }
    if (before === undefined || before.uid !== after.uid || after.endpoints.length >= after.replicas) return
    if (after.frozen !== undefined) return
    if (this.#moves(after.key)) return
    const kept = new Set(after.endpoints.map(e => e.containerId))
    for (const { containerId, host } of before.endpoints) {
      if (!kept.has(containerId) && this.health.answeredLong(containerId, host) && !this.#givesWay(containerId)) {
        this.violate(`I1: endpoint of ${after.key} was taken out though it answers and ${after.replicas} are wanted`)
      }
    }
  }
}

export function keyOf(name: string): string {
  return `${DEFAULT_NAMESPACE}/${name}`
}

function portsOf(container: Container | undefined): number[] {
  return parseDebugPorts(container?.labels ?? {}).map(({ hostPort }) => hostPort)
}

/** Those of one process: they go with it, and it sets no more. */
function timersOf(time: ManualTime, life: Life): Timers {
  const { timers } = life
  return {
    set: (callback, ms) => {
      if (!life.alive) return undefined
      const timer = time.set(() => {
        timers.delete(timer)
        callback()
      }, ms)
      timers.add(timer)
      return timer
    },
    clear: timer => {
      timers.delete(timer as number)
      time.clear(timer)
    }
  }
}
