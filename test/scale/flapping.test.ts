import { expect } from 'chai'
import type { FunctionSpec } from '../../api/function.ts'
import type { Engine } from '../../src/engine/engine.ts'
import { aFunction } from '../helpers/builders.ts'
import { FakeEngine } from '../helpers/fake-engine.ts'
import { ManualTime } from '../helpers/manual-time.ts'
import { ControllerProcess } from '../simulation/controller-process.ts'
import { Random } from '../simulation/random.ts'
import { openSharedStore, type SharedStore } from '../simulation/shared-store.ts'

const FLAPPING = 1000
const EDITS = 24
const BAR_MS = 1000
/** What one call of the engine takes: one that reads, one that changes something. */
const READ_MS = 3
const CHANGE_MS = 40
const CRASH_MS = 20

const refused = () => Promise.reject(Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' }))

/** A world in virtual time, in which every container of the image `crash:1` ends right after its start. */
class FlappingWorld {
  readonly time = new ManualTime()
  readonly engine = new FakeEngine(this.time)
  readonly #store: SharedStore
  /** Addresses of the containers that are about to crash, or have. */
  readonly #crashing = new Set<string>()
  readonly controllers: ControllerProcess
  /** The last generation with which the healthy function was as wanted. */
  converged = 0

  constructor(store: SharedStore) {
    this.#store = store
    let uids = 0
    store.use({ now: this.time.now, newUid: () => `uid-${uids++}` })
    this.engine.addImage('hello:1')
    this.engine.addImage('crash:1')
    this.controllers = new ControllerProcess({
      engine: this.#slowEngine(),
      functions: store.functions,
      secrets: store.secrets,
      ...{ clock: this.time, timers: this.time, random: new Random(1), concurrency: 8 },
      throttle: { perSecond: 40, burst: 80 },
      request: async ({ host }) => (this.#crashing.has(host) ? refused() : 200),
      ...{ pool: '10.200.0.0/16', bornAt: this.time.now(), gatewayId: undefined, engineSince: () => 0 },
      onRoute: () => undefined,
      onConverged: ({ metadata }) => {
        if (metadata.name === 'healthy') this.converged = metadata.generation
      },
      onPanic: err => {
        throw err
      }
    })
  }

  /** Writes down as a handler does; gives the generation. */
  async put(name: string, change: Partial<FunctionSpec>): Promise<number> {
    const key = `openfaas-fn/${name}`
    const { metadata, spec } = aFunction({ name, ...change })
    const { object } = await this.#store.functions.put(key, () => ({ ...metadata, spec }))
    this.controllers.functions.forgive(key)
    this.controllers.functions.addFirst(key)
    return object.metadata.generation
  }

  /** Exits in a row, and how long the next start waits after the last one, which is found some milliseconds later: in whole seconds. */
  async restarts(name: string): Promise<{ count: number; waitSeconds: number }> {
    const object = await this.#store.functions.get(`openfaas-fn/${name}`)
    const [record] = object?.status.restarts ?? []
    if (record === undefined) return { count: 0, waitSeconds: 0 }
    const waitMs = Date.parse(record.notBefore) - Date.parse(record.exitedAt)
    return { count: record.count, waitSeconds: Math.round(waitMs / 1000) }
  }

  #slowEngine(): Engine {
    return new Proxy(this.engine, {
      get: (target, name) => {
        const value: unknown = Reflect.get(target, name)
        if (typeof value !== 'function' || name === 'watch' || name === 'readLogs') {
          return typeof value === 'function' ? value.bind(target) : value
        }
        return async (...args: unknown[]) => {
          const ms = /^(list|inspect|tail|info|ping)/.test(String(name)) ? READ_MS : CHANGE_MS
          await new Promise<void>(resolve => this.time.set(resolve, ms))
          const result: unknown = await Reflect.apply(value, target, args)
          if (name === 'startContainer') this.#started(String(args[0]))
          return result
        }
      }
    })
  }

  #started(nameOrId: string): void {
    const container = this.engine.containers().find(({ id, name }) => id === nameOrId || name === nameOrId)
    if (container === undefined) return
    const addresses = Object.values(container.networks).map(({ ipAddress }) => ipAddress)
    if (container.imageId === this.engine.imageId('crash:1')) {
      for (const address of addresses) this.#crashing.add(address)
      this.time.set(() => this.engine.exit(container.id, 1), CRASH_MS)
    } else for (const address of addresses) this.#crashing.delete(address)
  }
}

describe('C9: functions that crash in a loop', function () {
  this.timeout(300_000)
  let store: SharedStore
  let world: FlappingWorld

  beforeEach(async () => {
    store = await openSharedStore()
    world = new FlappingWorld(store)
  })
  afterEach(async () => {
    world.controllers.end()
    await store.close()
  })

  it(`${FLAPPING} of them keep an edit of another function from being carried out for no longer than a second`, async () => {
    const names = Array.from({ length: FLAPPING }, (_, n) => `flap-${n}`)
    for (const name of names) await world.put(name, { image: 'crash:1' })
    await world.put('healthy', { image: 'hello:1' })
    world.controllers.start()
    await world.time.advance(80_000)
    for (const name of ['flap-0', 'flap-500', 'flap-999'])
      expect((await world.restarts(name)).count, name).to.be.above(0)

    const random = new Random(2)
    const latencies: number[] = []
    const crashes = world.engine.journal.length
    for (let edit = 0; edit < EDITS; edit++) {
      await world.time.advance(random.below(2000))
      // All keys at once are due, as after a reconnect.
      if (edit % 8 === 0) await world.controllers.look('reconnect')
      const at = world.time.now()
      const generation = await world.put('healthy', { image: 'hello:1', env: { EDIT: String(edit) } })
      while (world.converged < generation && world.time.now() - at < 60_000) await world.time.advance(10)
      latencies.push(world.time.now() - at)
    }
    expect(world.engine.journal.length - crashes, 'the others go on crashing').to.be.above(FLAPPING / 2)
    latencies.sort((a, b) => a - b)
    process.stdout.write(`    carried out within ${latencies[EDITS / 2]} ms (median), ${latencies.at(-1)} ms (most)\n`)
    expect(latencies.at(-1)).to.be.at.most(BAR_MS)
  })

  it('wait longer after each exit, up to five minutes', async () => {
    await world.put('flap', { image: 'crash:1' })
    world.controllers.start()
    const waits: number[] = []
    for (let minute = 0; minute < 25; minute++) {
      await world.time.advance(60_000)
      waits.push((await world.restarts('flap')).waitSeconds)
    }
    expect(waits.at(-1)).to.equal(300)
    expect(waits).to.deep.equal(waits.toSorted((a, b) => a - b))
  })
})
