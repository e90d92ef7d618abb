import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import { systemClock } from '../../src/clock.ts'
import type { Engine } from '../../src/engine/engine.ts'
import type { Timers } from '../../src/runtime/timers.ts'
import { openStore, type Store } from '../../src/store/open.ts'
import { aFunction } from '../helpers/builders.ts'
import { eventually } from '../helpers/eventually.ts'
import { FakeEngine } from '../helpers/fake-engine.ts'
import { settle } from '../helpers/manual-time.ts'
import { ControllerProcess } from '../simulation/controller-process.ts'
import { Random } from '../simulation/random.ts'

const FUNCTIONS = 1000
const REPLICAS = 5
const ROUNDS = 5
const CPU_BAR_MS = 300

/** The engine, with the calls counted that are made of it. */
function counting(engine: FakeEngine, calls: Map<string, number>): Engine {
  return new Proxy(engine, {
    get: (target, name) => {
      const value: unknown = Reflect.get(target, name)
      if (typeof value !== 'function') return value
      return (...args: unknown[]) => {
        calls.set(String(name), (calls.get(String(name)) ?? 0) + 1)
        return Reflect.apply(value, target, args)
      }
    }
  })
}

/** Timers that can all be ended, as those of a process that is killed. */
function endableTimers(): Timers & { end: () => void } {
  const timers = new Set<NodeJS.Timeout>()
  return {
    set: (callback, ms) => {
      const timer = setTimeout(() => {
        timers.delete(timer)
        callback()
      }, ms)
      timers.add(timer)
      return timer
    },
    clear: timer => {
      timers.delete(timer as NodeJS.Timeout)
      clearTimeout(timer as NodeJS.Timeout)
    },
    end: () => {
      for (const timer of timers) clearTimeout(timer)
    }
  }
}

describe(`${FUNCTIONS} functions × ${REPLICAS} replicas on the fake engine`, function () {
  this.timeout(300_000)
  const engine = new FakeEngine(systemClock)
  const calls = new Map<string, number>()
  const timers = endableTimers()
  let skewMs = 0
  let probes = 0
  const clock = { now: () => systemClock.now() + skewMs, monotonic: () => systemClock.monotonic() + skewMs }
  let directory: string
  let store: Store
  let controllers: ControllerProcess

  before(async () => {
    directory = await mkdtemp(join(tmpdir(), 'docker-faas-scale-'))
    store = await openStore({ path: join(directory, 'scale.db'), clock: systemClock })
    engine.addImage('hello:1')
    for (let n = 0; n < FUNCTIONS; n++) {
      const { metadata, spec } = aFunction({ name: `many-${n}`, replicas: REPLICAS })
      await store.functions.put(`openfaas-fn/many-${n}`, () => ({ ...metadata, spec }))
    }
    controllers = new ControllerProcess({
      engine: counting(engine, calls),
      functions: store.functions,
      secrets: store.secrets,
      clock,
      timers,
      random: new Random(1),
      request: async () => {
        probes++
        return 200
      },
      pool: '10.200.0.0/16',
      bornAt: systemClock.now(),
      gatewayId: undefined,
      engineSince: () => 0,
      onRoute: () => undefined,
      onConverged: () => undefined,
      onPanic: err => {
        throw err
      }
    })
    controllers.start()
    await eventually(
      async () => {
        const objects = await store.functions.list()
        expect(objects.filter(({ status }) => status.readyReplicas < REPLICAS)).to.have.length(0)
        expect(controllers.memory().due).to.equal(0)
      },
      { timeoutMs: 200_000, intervalMs: 500 }
    )
  })
  after(async () => {
    controllers.end()
    timers.end()
    await store.close()
    await rm(directory, { recursive: true })
  })

  it(`looks at all with two lists and no other call, writes nothing, and needs at most ${CPU_BAR_MS} ms of CPU, probes included`, async () => {
    const cpus: number[] = []
    for (let round = 0; round < ROUNDS; round++) {
      calls.clear()
      const [journal, version] = [engine.journal.length, store.functions.resourceVersion()]
      skewMs += 60_000
      probes = 0
      const before = process.cpuUsage()
      await controllers.look('periodic')
      while (probes < FUNCTIONS * REPLICAS) await settle()
      const { user, system } = process.cpuUsage(before)
      cpus.push((user + system) / 1000)
      expect(controllers.memory().due, 'passes').to.equal(0)
      expect(Object.fromEntries(calls)).to.deep.equal({ listContainers: 1, listNetworks: 1 })
      expect(engine.journal.length - journal, 'mutating calls').to.equal(0)
      expect(store.functions.resourceVersion() - version, 'writes').to.equal(0)
    }
    process.stdout.write(`    CPU of a resync: ${cpus.map(ms => ms.toFixed(0)).join(', ')} ms\n`)
    expect(Math.min(...cpus)).to.be.at.most(CPU_BAR_MS)
  })
})
