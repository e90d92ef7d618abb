import { expect } from 'chai'
import type { FunctionDraft, FunctionObject } from '../../api/function.ts'
import { INITIAL_STATUS } from '../../api/function.ts'
import { aDraft, Scratch } from '../../test/fixtures/db/files.ts'
import { aKeyring } from '../../test/helpers/keyring.ts'
import { ManualTime, settle } from '../../test/helpers/manual-time.ts'
import { loadConfig } from '../config/config.ts'
import { silentLogger } from '../logging/logger.ts'
import { createMetrics } from '../metrics/metrics.ts'
import { openStore, type Store } from '../store/open.ts'
import { AutoscalerComponent } from './autoscaler-component.ts'

const SECOND = 1000

/** The autoscaler over a real database and the metrics that the data plane writes; tests move the time, and replicas are ready when asked for. */
class Bench {
  readonly time = new ManualTime()
  readonly metrics = createMetrics({ nodeMetrics: false })
  readonly enqueued: string[] = []
  readonly capacities = new Map<string, number>()
  /** Thousandths of a core that a replica uses; undefined: the engine says nothing. */
  millicores: number | undefined = undefined
  readonly readings: string[] = []
  isReady = true
  /** Whether what is asked for answers at once. */
  isFollowed = true
  readonly #store: Store
  readonly #scratch: Scratch
  #autoscaler: AutoscalerComponent
  readonly #ready = new Map<string, number>()
  /** That each replica has used. */
  #cpuNanos = 0
  #following = 0

  private constructor(scratch: Scratch, store: Store) {
    this.#scratch = scratch
    this.#store = store
    this.#autoscaler = this.#create()
  }

  static async open(): Promise<Bench> {
    const scratch = await Scratch.create()
    const cipher = await aKeyring(scratch.directory)
    const time = new ManualTime()
    const store = await openStore({ path: scratch.path, clock: time, cipher })
    return new Bench(scratch, store)
  }

  start(): Promise<void> {
    return this.#autoscaler.start()
  }

  /** Another process over the same database. */
  async restart(): Promise<void> {
    await this.#autoscaler.stop()
    this.#autoscaler = this.#create()
    await this.#autoscaler.start()
    await this.quiet()
  }

  async close(): Promise<void> {
    await this.#autoscaler.stop()
    await this.#store.close()
    await this.#scratch[Symbol.asyncDispose]()
  }

  get functions(): Store['functions'] {
    return this.#store.functions
  }

  get passes(): number {
    return this.#passes
  }
  #passes = 0

  async put(
    name: string,
    labels: Record<string, string> = {},
    rest: Partial<FunctionDraft> & { replicas?: number } = {}
  ) {
    const { replicas = 1, ...draft } = rest
    const said = Object.fromEntries(
      Object.entries(labels).map(([label, value]) => [`com.openfaas.scale.${label}`, value])
    )
    await this.functions.put(keyOf(name), () => aDraft(name, { replicas }, { ...draft, labels: said }))
    await this.#follow(keyOf(name))
    await this.quiet()
  }

  async get(name: string): Promise<FunctionObject> {
    const object = await this.functions.get(keyOf(name))
    if (object === undefined) throw new Error(`${name} is gone`)
    return object
  }

  async events(name: string): Promise<string[]> {
    const events = await this.#store.events.list({ name })
    return events.map(({ reason, message }) => `${reason} ${message}`).reverse()
  }

  meter(name: string) {
    return this.metrics.functionMetrics(keyOf(name))
  }

  /** So many seconds with so many calls in each, which are answered at once; gives how many replicas there were after each. */
  async calls(name: string, { perSecond, seconds, code = 200 }: { perSecond: number; seconds: number; code?: number }) {
    const counts: number[] = []
    for (let second = 0; second < seconds; second++) {
      for (let call = 0; call < perSecond; call++) {
        this.meter(name).started()
        this.meter(name).finished(code, 0.01)
      }
      await this.pass(SECOND)
      counts.push((await this.get(name)).spec.replicas)
    }
    return counts
  }

  /** Time goes on, a second at a time. */
  async pass(ms: number): Promise<void> {
    for (let left = ms; left > 0; left -= SECOND) {
      this.#cpuNanos += (this.millicores ?? 0) * 1e6
      await this.time.advance(Math.min(SECOND, left))
      await this.quiet()
    }
  }

  /** Nothing is left to do now. */
  async quiet(): Promise<void> {
    const { controller } = this.#autoscaler
    do await settle()
    while (controller.depth + controller.running + this.#following > 0)
  }

  #create(): AutoscalerComponent {
    const autoscaler = new AutoscalerComponent({
      config: loadConfig({ MAX_REPLICAS: '50' }),
      store: this.#store,
      metrics: {
        ...this.metrics,
        controller: name => {
          const controller = this.metrics.controller(name)
          return { ...controller, reconciled: () => this.#passes++ }
        }
      },
      log: silentLogger,
      engine: {
        usage: async id => {
          this.readings.push(id)
          if (this.millicores === undefined) throw new Error('the engine is away')
          const readAt = this.time.now()
          return { readAt, cpuNanos: this.#cpuNanos, workingSetBytes: 1024 }
        }
      },
      containersOf: key => Array.from({ length: this.#ready.get(key) ?? 0 }, (_, n) => `${key}-${n}`),
      capacityOf: key => this.capacities.get(key),
      isHeld: () => false,
      isReady: () => this.isReady,
      enqueue: key => {
        this.enqueued.push(key)
        if (this.isFollowed) void this.#follow(key)
      },
      clock: this.time,
      timers: this.time
    })
    return autoscaler
  }

  /** As the function controller does: what is wanted is there. */
  async #follow(key: string): Promise<void> {
    this.#following++
    const object = await this.functions.get(key)
    if (object !== undefined) {
      const { metadata, spec } = object
      const status = { ...INITIAL_STATUS, observedGeneration: metadata.generation, readyReplicas: spec.replicas }
      await this.functions.putStatus(key, metadata.uid, status)
      this.#ready.set(key, spec.replicas)
    }
    this.#following--
  }
}

const keyOf = (name: string) => `openfaas-fn/${name}`

describe('the autoscaler over a database', function () {
  this.timeout(30_000)
  let bench: Bench

  beforeEach(async () => {
    bench = await Bench.open()
  })
  afterEach(() => bench.close())

  it('follows the calls a second up and, when they are over, down, and tells', async () => {
    await bench.put('rps', { target: '10', 'target-proportion': '1', max: '20' })
    await bench.start()
    await bench.pass(10 * SECOND)
    const up = await bench.calls('rps', { perSecond: 47, seconds: 10 })
    expect(up.at(-1)).to.equal(5)
    expect(up).to.deep.equal([...up].sort((a, b) => a - b))
    expect(new Set(await bench.calls('rps', { perSecond: 47, seconds: 120 }))).to.deep.equal(new Set([5]))
    await bench.pass(50 * SECOND)
    expect((await bench.get('rps')).spec.replicas).to.equal(5)
    await bench.pass(120 * SECOND)
    expect((await bench.get('rps')).spec.replicas).to.equal(1)
    const events = await bench.events('rps')
    expect(events.every(event => /^Scaled from \d+ to \d+ replicas: (above|below)-target$/.test(event))).to.equal(true)
    expect(events.at(-1)).to.match(/to 1 replicas: below-target$/)
    expect(bench.enqueued.length).to.equal(events.length)
    const text = (await bench.metrics.expose()).text
    expect(text).to.match(/faas_autoscaler_decisions_total\{direction="up",reason="above-target"\} [1-9]/)
    expect(text).to.match(/faas_autoscaler_decisions_total\{direction="down",reason="below-target"\} [1-9]/)
  })

  it('counts calls in flight, those that wait among them', async () => {
    await bench.put('capacity', { target: '5', 'target-proportion': '1', type: 'capacity' })
    await bench.start()
    await bench.pass(10 * SECOND)
    for (let call = 0; call < 23; call++) bench.meter('capacity').started()
    await bench.pass(90 * SECOND)
    expect((await bench.get('capacity')).spec.replicas).to.equal(5)
  })

  it('follows CPU, of functions that are called, and holds while it cannot be read', async () => {
    await bench.put('cpu', { target: '100', 'target-proportion': '1', type: 'cpu', max: '8' })
    await bench.put('rps', { target: '100' })
    await bench.start()
    await bench.pass(10 * SECOND)
    expect(bench.readings).to.deep.equal([])
    bench.millicores = 250
    const call = { perSecond: 1, seconds: 1 }
    for (let second = 0; second < 20; second++) {
      await bench.calls('rps', call)
      await bench.calls('cpu', call)
      const { replicas } = (await bench.get('cpu')).spec
      // 500 thousandths of a core in all, however many share them.
      bench.millicores = 500 / replicas
    }
    expect((await bench.get('cpu')).spec.replicas).to.equal(5)
    expect(new Set(bench.readings.map(id => id.replace(/-\d+$/, '')))).to.deep.equal(new Set([keyOf('cpu')]))
    const text = (await bench.metrics.expose()).text
    expect(text).to.match(/pod_cpu_usage_seconds_total\{function_name="cpu.openfaas-fn"\} [1-9]/)
    expect(text).to.match(/pod_memory_working_set_bytes\{function_name="cpu.openfaas-fn"\} [1-9]/)
    bench.millicores = undefined
    await bench.calls('cpu', { perSecond: 1, seconds: 180 })
    expect((await bench.get('cpu')).spec.replicas).to.equal(5)
    expect((await bench.metrics.expose()).text).to.match(
      /faas_autoscaler_decisions_total\{direction="hold",reason="no-data"\} [1-9]/
    )
    bench.millicores = 10
    await bench.calls('cpu', { perSecond: 1, seconds: 180 })
    expect((await bench.get('cpu')).spec.replicas).to.equal(1)
  })

  it('follows the rule of OpenFaaS CE without a target: a step each half minute, and back at its end', async () => {
    await bench.put('plain', { max: '10' })
    await bench.start()
    await bench.pass(40 * SECOND)
    const counts = await bench.calls('plain', { perSecond: 6, seconds: 80 })
    expect([...new Set(counts)]).to.deep.equal([1, 3, 5, 7])
    expect(counts.slice(0, 9)).to.deep.equal(Array(9).fill(1))
    await bench.pass(75 * SECOND)
    expect((await bench.get('plain')).spec.replicas).to.equal(1)
    expect(await bench.events('plain')).to.include('Scaled from 7 to 1 replicas: calm')
  })

  it('leaves a function that is called 5 times a second, or fails, without a target as it is', async () => {
    await bench.put('slow')
    await bench.put('failing')
    await bench.start()
    await bench.pass(40 * SECOND)
    expect(new Set(await bench.calls('slow', { perSecond: 5, seconds: 30 }))).to.deep.equal(new Set([1]))
    const failing = await bench.calls('failing', { perSecond: 50, seconds: 30, code: 500 })
    expect(new Set(failing)).to.deep.equal(new Set([1]))
  })

  it('does not scale it beyond what its network has room for', async () => {
    bench.capacities.set(keyOf('small'), 12)
    await bench.put('small', { target: '1', 'target-proportion': '1', max: '40' })
    await bench.start()
    await bench.pass(10 * SECOND)
    expect((await bench.calls('small', { perSecond: 60, seconds: 20 })).at(-1)).to.equal(10)
  })

  it('leaves what a person has set, until the next deployment', async () => {
    await bench.put('pinned', { target: '10' }, { replicas: 3, scale: { pinned: true } })
    await bench.start()
    await bench.calls('pinned', { perSecond: 90, seconds: 20 })
    await bench.pass(300 * SECOND)
    expect((await bench.get('pinned')).spec.replicas).to.equal(3)
    await bench.put('pinned', { target: '10' }, { replicas: 3 })
    await bench.pass(150 * SECOND)
    expect((await bench.get('pinned')).spec.replicas).to.equal(1)
  })

  it('brings a function within bounds that a deployment has changed', async () => {
    await bench.put('bounds', { min: '1', max: '9' }, { replicas: 5 })
    await bench.start()
    await bench.quiet()
    await bench.put('bounds', { min: '7', max: '9' }, { replicas: 5 })
    expect((await bench.get('bounds')).spec.replicas).to.equal(7)
    await bench.put('bounds', { min: '1', max: '2' }, { replicas: 7 })
    expect((await bench.get('bounds')).spec.replicas).to.equal(2)
  })

  it('holds after a start what it finds, until the windows have filled', async () => {
    await bench.put('found', { target: '10' }, { replicas: 6 })
    await bench.start()
    await bench.pass(59 * SECOND)
    expect((await bench.get('found')).spec.replicas).to.equal(6)
    await bench.pass(2 * SECOND)
    expect((await bench.get('found')).spec.replicas).to.equal(1)
  })

  it('decides nothing before every function has been looked at', async () => {
    bench.isReady = false
    await bench.put('early', { min: '3' })
    await bench.start()
    await bench.pass(5 * SECOND)
    expect((await bench.get('early')).spec.replicas).to.equal(1)
    bench.isReady = true
    await bench.pass(2 * SECOND)
    expect((await bench.get('early')).spec.replicas).to.equal(3)
  })

  it('adds no more while what was added does not answer', async () => {
    await bench.put('starting', { target: '1', 'target-proportion': '1' })
    await bench.start()
    await bench.pass(10 * SECOND)
    bench.isFollowed = false
    expect((await bench.calls('starting', { perSecond: 40, seconds: 30 })).at(-1)).to.equal(5)
  })

  describe('an idle function', () => {
    const IDLE = { zero: 'true', 'zero-duration': '2m' }
    const annotations = { 'com.docker-faas.scale.freeze-duration': '5m' }

    it('is frozen, and then goes to zero', async () => {
      await bench.put('idle', IDLE, { annotations })
      await bench.start()
      await bench.pass(119 * SECOND)
      expect((await bench.get('idle')).scale).to.equal(undefined)
      await bench.pass(2 * SECOND)
      const frozen = await bench.get('idle')
      expect(frozen.spec.replicas).to.equal(1)
      expect(frozen.scale?.frozenSince).to.be.a('string')
      await bench.pass(295 * SECOND)
      expect((await bench.get('idle')).spec.replicas).to.equal(1)
      await bench.pass(10 * SECOND)
      expect(await bench.get('idle')).to.deep.include({ spec: { ...frozen.spec, replicas: 0 } })
      expect((await bench.get('idle')).scale).to.equal(undefined)
      expect(await bench.events('idle')).to.deep.equal([
        'Scaled frozen with 1 replicas: idle',
        'Scaled from 1 to 0 replicas: frozen-long-enough'
      ])
    })

    it('goes to zero as if nothing had happened when the gateway is restarted while it is frozen', async () => {
      await bench.put('idle', IDLE, { annotations })
      await bench.start()
      await bench.pass(200 * SECOND)
      await bench.restart()
      await bench.pass(200 * SECOND)
      expect((await bench.get('idle')).spec.replicas).to.equal(1)
      await bench.pass(30 * SECOND)
      expect((await bench.get('idle')).spec.replicas).to.equal(0)
    })

    it('is not idle while a call runs, however long, nor soon after it', async () => {
      await bench.put('long', IDLE, { annotations })
      await bench.start()
      bench.meter('long').started()
      await bench.pass(300 * SECOND)
      bench.meter('long').finished(200, 300)
      await bench.pass(115 * SECOND)
      expect((await bench.get('long')).scale).to.equal(undefined)
      await bench.pass(10 * SECOND)
      expect((await bench.get('long')).scale?.frozenSince).to.be.a('string')
    })

    it('is not frozen when a call comes in the moment of the decision', async () => {
      await bench.put('race', IDLE, { annotations })
      await bench.start()
      await bench.pass(119 * SECOND)
      // No tick has seen it when the decision is due.
      const advanced = bench.time.advance(SECOND)
      bench.meter('race').started()
      await advanced
      await bench.quiet()
      expect((await bench.get('race')).scale).to.equal(undefined)
    })

    it('is thawed by what the meters say, too, when it was called while frozen', async () => {
      await bench.put('woken', IDLE, { annotations })
      await bench.start()
      await bench.pass(130 * SECOND)
      expect((await bench.get('woken')).scale?.frozenSince).to.be.a('string')
      await bench.calls('woken', { perSecond: 1, seconds: 2 })
      expect((await bench.get('woken')).scale).to.equal(undefined)
      await bench.pass(110 * SECOND)
      expect((await bench.get('woken')).scale).to.equal(undefined)
    })

    it('goes to zero at once when it is not to be frozen, and stays there', async () => {
      await bench.put('direct', IDLE, { annotations: { 'com.docker-faas.scale.freeze-duration': '0' } })
      await bench.start()
      await bench.pass(125 * SECOND)
      expect((await bench.get('direct')).spec.replicas).to.equal(0)
      await bench.pass(300 * SECOND)
      expect(await bench.events('direct')).to.deep.equal(['Scaled from 1 to 0 replicas: idle'])
    })

    it('is left alone when a person has scaled it', async () => {
      await bench.put('kept', IDLE, { annotations, replicas: 3, scale: { pinned: true } })
      await bench.start()
      await bench.pass(600 * SECOND)
      expect(await bench.get('kept')).to.deep.include({ scale: { pinned: true } })
      expect((await bench.get('kept')).spec.replicas).to.equal(3)
    })
  })

  it('costs neither a write nor a pass for functions that are idle', async () => {
    for (let n = 0; n < 50; n++) {
      await bench.functions.put(keyOf(`fn-${n}`), () => aDraft(`fn-${n}`))
      bench.meter(`fn-${n}`).started()
      bench.meter(`fn-${n}`).finished(200, 0.01)
    }
    await bench.start()
    await bench.pass(65 * SECOND)
    const [passes, version] = [bench.passes, await bench.functions.resourceVersion()]
    await bench.pass(60 * SECOND)
    expect(bench.passes).to.equal(passes)
    expect(await bench.functions.resourceVersion()).to.equal(version)
  })
})
