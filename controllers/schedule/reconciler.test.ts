import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import { QueueFullError } from '../../api/errors.ts'
import { Lanes } from '../../src/async/lanes.ts'
import { AsyncQueue } from '../../src/async/queue.ts'
import { silentLogger } from '../../src/logging/logger.ts'
import { openStore, type Store } from '../../src/store/open.ts'
import { aFunction } from '../../test/helpers/builders.ts'
import { TestClock } from '../../test/helpers/loop.ts'
import { ScheduleReconciler, type ScheduleReconcilerDeps } from './reconciler.ts'

const P = 'com.docker-faas.schedule.'
const EVERY_5 = { topic: 'cron-function', schedule: '*/5 * * * *' }
const NEVER = new AbortController().signal

/** Where the process is killed: before or after its nth call of anything. */
interface Stop {
  readonly at: number
  readonly isAfter: boolean
}

class Killed extends Error {}

/** The schedule controller over a database file and a queue of their own, without queue of keys and timers. */
class Bench {
  readonly told: string[] = []
  readonly clock: TestClock
  readonly #directory: string
  store: Store
  isFull = false
  /** What was last told of the next tick. */
  due: number | undefined

  private constructor(directory: string, clock: TestClock, store: Store) {
    this.#directory = directory
    this.clock = clock
    this.store = store
  }

  static async open(): Promise<Bench> {
    const directory = await mkdtemp(join(tmpdir(), 'schedules-'))
    const clock = new TestClock()
    const bench = new Bench(directory, clock, await openStore({ path: join(directory, 'test.db'), clock }))
    bench.set('2026-03-01T12:01:00Z')
    return bench
  }

  set(time: string): void {
    this.clock.jump(Date.parse(time) - this.clock.now())
  }

  /** What the file holds is all that is left. */
  async restart(): Promise<void> {
    await this.store.close()
    this.store = await openStore({ path: join(this.#directory, 'test.db'), clock: this.clock })
  }

  async close(): Promise<void> {
    await this.store.close()
    await rm(this.#directory, { recursive: true })
  }

  async deploy(name: string, annotations: Record<string, string> = EVERY_5): Promise<void> {
    const draft = { namespace: 'ns', name, labels: {}, annotations, spec: aFunction().spec }
    await this.store.functions.put(`ns/${name}`, () => draft)
  }

  async pass(name: string, stop?: Stop): Promise<number | undefined> {
    const { requeueAfter } = await new ScheduleReconciler(this.#deps(stop)).reconcile(`ns/${name}`, NEVER)
    return requeueAfter
  }

  /** Takes the calls that wait, and gives the ticks that they are of. */
  async ticks(name: string, head: (name: string) => string = () => 'X-Schedule-Tick'): Promise<string[]> {
    const now = this.clock.now()
    const options = { namespace: 'ns', name, phase: 'queued', limit: 100, owner: 'test', now, leaseUntil: now } as const
    const { claimed } = await this.store.invocations.claim(options)
    return claimed.map(({ payload: { head: list } }) => list[list.indexOf(head(name)) + 1]?.slice(11, 16) ?? '')
  }

  async record(name: string) {
    const { metadata } = (await this.store.functions.get(`ns/${name}`)) ?? { metadata: { uid: '' } }
    return (await this.store.schedules.list(metadata.uid))[0]
  }

  async events(name: string): Promise<string[]> {
    const events = await this.store.events.list({ namespaces: new Set(['ns']), name })
    return events.reverse().map(({ reason, message }) => `${reason}: ${message}`)
  }

  #deps(stop: Stop | undefined): ScheduleReconcilerDeps {
    const { store, clock, told } = this
    let calls = 0
    const gate = <A extends unknown[], T>(work: (...args: A) => Promise<T>) => {
      return async (...args: A): Promise<T> => {
        const isHere = calls++ === stop?.at
        if (isHere && stop?.isAfter === false) throw new Killed()
        const result = await work(...args)
        if (isHere) throw new Killed()
        return result
      }
    }
    const queue = new AsyncQueue({
      ...{ store: store.invocations, lanes: new Lanes(), limits: { maxPerFunction: 100, maxBytes: 1000 } },
      exists: async (namespace, name) => (await store.functions.get(`${namespace}/${name}`)) !== undefined,
      ...{ clock, newId: crypto.randomUUID.bind(crypto), onAccepted: () => undefined, onFull: () => undefined }
    })
    return {
      functions: { get: gate(key => store.functions.get(key)) },
      schedules: {
        list: gate(uid => store.schedules.list(uid)),
        put: gate(record => store.schedules.put(record)),
        remove: gate(record => store.schedules.remove(record))
      },
      events: { record: gate(event => store.events.record(event)) },
      calls: {
        enqueue: gate(draft => (this.isFull ? Promise.reject(new QueueFullError('ns/x', '1')) : queue.enqueue(draft))),
        isActive: async id => ['queued', 'running'].includes((await store.invocations.get(id))?.phase ?? '')
      },
      spreadMs: 0,
      observer: {
        ran: key => told.push(`ran ${key}`),
        skipped: key => told.push(`skipped ${key}`),
        missed: (key, count) => count > 0 && told.push(`missed ${count} ${key}`),
        nextDue: (_key, at) => {
          this.due = at
        },
        readable: (key, isReadable) => isReadable || told.push(`unreadable ${key}`),
        forgotten: () => undefined
      },
      now: clock.now,
      log: silentLogger
    }
  }
}

describe('ScheduleReconciler', () => {
  let bench: Bench
  beforeEach(async () => {
    bench = await Bench.open()
  })
  afterEach(() => bench.close())

  it('hands a tick over when it is due, as the cron connector of OpenFaaS would, and comes back for the next', async () => {
    await bench.deploy('a')
    expect(await bench.pass('a'), 'the clock is looked at often').to.equal(30_000)
    bench.set('2026-03-01T12:04:50Z')
    expect(await bench.pass('a')).to.equal(10_000)
    bench.set('2026-03-01T12:05:00Z')
    await bench.pass('a')
    await bench.pass('a')
    const now = bench.clock.now()
    const options = {
      namespace: 'ns',
      name: 'a',
      phase: 'queued',
      limit: 9,
      owner: 'test',
      now,
      leaseUntil: now
    } as const
    const { claimed } = await bench.store.invocations.claim(options)
    expect(claimed).to.have.length(1)
    expect(claimed[0]).to.include({ method: 'POST', path: '/', bodyBytes: 0 })
    expect(claimed[0]?.payload.head).to.deep.equal([
      ...['X-Connector', 'cron-connector', 'X-Topic', 'cron-function'],
      ...['X-Schedule', '*/5 * * * *', 'X-Schedule-Timezone', 'UTC', 'X-Schedule-Tick', '2026-03-01T12:05:00.000Z']
    ])
    expect((await bench.record('a'))?.last).to.deep.include({ tick: now, at: now, call: claimed[0]?.id })
    expect(bench.told).to.deep.equal(['ran ns/a'])
    expect(await bench.events('a'), 'what is as it should be is no event').to.deep.equal([])
  })

  it('runs one call for all ticks of a downtime, and says how many there were', async () => {
    await bench.deploy('a')
    await bench.pass('a')
    await bench.restart()
    bench.set('2026-03-01T14:07:00Z')
    await bench.pass('a')
    expect(await bench.ticks('a')).to.deep.equal(['14:05'])
    expect(await bench.events('a')).to.deep.equal([
      'ScheduleMissed: 25 ticks of "*/5 * * * *" (UTC) from 2026-03-01T12:05:00Z to 2026-03-01T14:05:00Z came while the gateway ' +
        'did not run, or its clock was set: the last is run, 2m late'
    ])
    expect(bench.told).to.deep.equal(['missed 24 ns/a', 'ran ns/a'])
  })

  it('makes nothing up where the function does not want it, and says so', async () => {
    await bench.deploy('a', { ...EVERY_5, [`${P}catch-up`]: 'none' })
    await bench.pass('a')
    bench.set('2026-03-01T12:06:00Z')
    await bench.pass('a')
    expect(await bench.ticks('a')).to.deep.equal([])
    expect((await bench.events('a'))[0])
      .to.contain('ScheduleMissed: the tick of')
      .and.to.contain('is not made up for')
    expect(bench.told).to.deep.equal(['missed 1 ns/a'])
  })

  it('leaves a tick out while the call before waits or runs, and goes on when it has ended', async () => {
    await bench.deploy('a')
    await bench.pass('a')
    for (const time of ['12:05', '12:10', '12:15']) {
      bench.set(`2026-03-01T${time}:00Z`)
      await bench.pass('a')
    }
    expect(bench.told).to.deep.equal(['ran ns/a', 'skipped ns/a', 'skipped ns/a'])
    const [seen] = await bench.store.events.list({ namespaces: new Set(['ns']), name: 'a' })
    expect(seen).to.include({ reason: 'ScheduleSkipped', count: 2 })
    const now = bench.clock.now()
    const options = {
      namespace: 'ns',
      name: 'a',
      phase: 'queued',
      limit: 9,
      owner: 'test',
      now,
      leaseUntil: now
    } as const
    const { claimed } = await bench.store.invocations.claim(options)
    const end = { kind: 'end', status: 200, durationMs: 1, result: { head: [], body: new Uint8Array() } } as const
    for (const { seq } of claimed) await bench.store.invocations.settle(seq, 'test', end, now)
    bench.set('2026-03-01T12:20:00Z')
    await bench.pass('a')
    expect(await bench.ticks('a')).to.deep.equal(['12:20'])
  })

  it('waits for a queue that is full, and hands the tick over when it takes it', async () => {
    await bench.deploy('a')
    await bench.pass('a')
    bench.set('2026-03-01T12:05:00Z')
    bench.isFull = true
    expect(await bench.pass('a')).to.equal(5000)
    expect(bench.due, 'it is overdue, and seen to be').to.equal(bench.clock.now())
    expect((await bench.events('a'))[0]).to.contain('ScheduleDelayed: a call of "*/5 * * * *" waits')
    bench.isFull = false
    await bench.pass('a')
    expect(await bench.ticks('a')).to.deep.equal(['12:05'])
  })

  it('says what is wrong with annotations that were there before the rules, and runs nothing', async () => {
    await bench.deploy('a', { topic: 'cron-function', schedule: 'often' })
    expect(await bench.pass('a')).to.equal(undefined)
    expect((await bench.events('a'))[0]).to.match(
      /^ScheduleInvalid: the function is not called by the clock: schedule must/
    )
    expect(bench.told).to.deep.equal(['unreadable ns/a'])
  })

  it('keeps what is done of a schedule as long as the function has it', async () => {
    await bench.deploy('a', { ...EVERY_5, schedule: '*/5 * * * *; 0 * * * *' })
    await bench.pass('a')
    expect(await bench.store.schedules.list()).to.have.length(2)
    bench.set('2026-03-01T12:05:00Z')
    await bench.deploy('a', EVERY_5)
    await bench.pass('a')
    expect((await bench.store.schedules.list()).map(({ schedule }) => schedule)).to.deep.equal(['*/5 * * * *'])
    expect(await bench.ticks('a'), 'the change of the other one made it miss none').to.deep.equal(['12:05'])
    await bench.deploy('a', { ...EVERY_5, [`${P}timezone`]: 'Asia/Tokyo' })
    bench.set('2026-03-01T12:11:00Z')
    await bench.pass('a')
    expect(await bench.ticks('a'), 'another zone is another schedule, which begins now').to.deep.equal([])
    await bench.store.functions.markDeleted('ns/a')
    const { metadata } = (await bench.store.functions.get('ns/a')) ?? { metadata: { uid: '' } }
    expect(await bench.pass('a')).to.equal(undefined)
    await bench.store.functions.remove('ns/a', metadata.uid)
    expect(await bench.store.schedules.list(), 'a function that goes takes them along').to.deep.equal([])
  })

  it('makes one call of each tick, wherever the gateway is killed', async () => {
    const stops = Array.from({ length: 9 }, (_, at) => [true, false].map(isAfter => ({ at, isAfter }))).flat()
    const cases = stops.flatMap((stop, n) =>
      ['12:05:20', '12:10:10'].map(time => ({ stop, time, name: `f${n}-${time.slice(3, 5)}` }))
    )
    const allow = { ...EVERY_5, [`${P}concurrency`]: 'allow' }
    for (const { name } of cases) {
      await bench.deploy(name, allow)
      await bench.pass(name)
    }
    bench.set('2026-03-01T12:05:00Z')
    let killed = 0
    for (const { name, stop } of cases)
      await bench.pass(name, stop).catch(err => (killed += err instanceof Killed ? 1 : 0))
    expect(killed, 'the pass was stopped at each of its calls').to.be.at.least(20)
    await bench.restart()
    for (const { name, time } of cases.sort((a, b) => a.time.localeCompare(b.time))) {
      bench.set(`2026-03-01T${time}Z`)
      await bench.pass(name)
      const ticks = (await bench.ticks(name)).sort()
      const { runs, missed, claim } = (await bench.record(name)) ?? { runs: 0, missed: 0 }
      expect(new Set(ticks).size, name).to.equal(ticks.length)
      expect(ticks.at(-1)).to.equal(time.slice(0, 4) === '12:0' ? '12:05' : '12:10')
      expect([claim, runs, runs + missed], name).to.deep.equal([undefined, ticks.length, time === '12:05:20' ? 1 : 2])
    }
  })
})
