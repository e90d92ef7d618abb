import { expect } from 'chai'
import { openStore, type Store } from '../../src/store/open.ts'
import { Database } from '../../src/store/orm.ts'
import type { EventDraft } from '../../src/store/store.ts'
import { Scratch, TestClock } from '../fixtures/db/files.ts'
import { eventually } from '../helpers/eventually.ts'

const HOUR = 60 * 60 * 1000
const DAY = 24 * HOUR
const anEvent = (rest: Partial<EventDraft> = {}): EventDraft => ({
  namespace: 'openfaas-fn',
  name: 'echo',
  uid: 'uid-1',
  type: 'Normal',
  reason: 'Created',
  message: 'made it',
  ...rest
})

describe('store: events', () => {
  let scratch: Scratch
  let store: Store
  let clock: TestClock
  beforeEach(async () => {
    scratch = await Scratch.create()
    clock = new TestClock()
    store = await openStore({ path: scratch.path, clock })
  })
  afterEach(async () => {
    await store.close()
    await scratch[Symbol.asyncDispose]()
  })

  it('counts the same reason and message within an hour, and writes a new one after it', async () => {
    await store.events.record(anEvent())
    clock.advance(HOUR - 1)
    await store.events.record(anEvent())
    clock.advance(HOUR - 1)
    await store.events.record(anEvent())
    const [first, ...none] = await store.events.list()
    expect(none).to.deep.equal([])
    expect(first).to.deep.include({
      ...anEvent(),
      count: 3,
      firstAt: '2026-01-02T03:04:05.678Z',
      lastAt: '2026-01-02T05:04:05.676Z'
    })
    clock.advance(HOUR)
    await store.events.record(anEvent())
    expect((await store.events.list()).map(({ count }) => count)).to.deep.equal([1, 3])
  })

  it('keeps apart what differs in object, type, reason or message', async () => {
    for (const rest of [
      {},
      { uid: 'uid-2' },
      { type: 'Warning' },
      { reason: 'Updated' },
      { message: 'other' }
    ] as const) {
      await store.events.record(anEvent(rest))
    }
    expect(await store.events.list()).to.have.length(5)
  })

  it('lists newest first, by namespace, name and limit', async () => {
    for (const [namespace, name] of [
      ['a', 'x'],
      ['a', 'y'],
      ['b', 'x']
    ] as const) {
      clock.advance(1)
      await store.events.record(anEvent({ namespace, name, uid: `${namespace}${name}` }))
    }
    const names = async (...options: Parameters<typeof store.events.list>) =>
      (await store.events.list(...options)).map(({ uid }) => uid)
    expect(await names()).to.deep.equal(['bx', 'ay', 'ax'])
    expect(await names({ namespaces: new Set(['a']) })).to.deep.equal(['ay', 'ax'])
    expect(await names({ namespaces: new Set(['a']), name: 'x' })).to.deep.equal(['ax'])
    expect(await names({ limit: 2 })).to.deep.equal(['bx', 'ay'])
    expect(await names({ limit: 0 })).to.deep.equal([])
  })

  it('keeps the newest hundred of an object, though the clock is set back, and leaves those of others', async () => {
    await store.events.record(anEvent({ uid: 'other', name: 'other' }))
    for (let i = 0; i < 105; i++) {
      clock.advance(1)
      await store.events.record(anEvent({ message: `number ${i}` }))
    }
    const kept = await store.events.list({ name: 'echo' })
    expect(kept).to.have.length(100)
    expect([kept[0]?.message, kept.at(-1)?.message]).to.deep.equal(['number 104', 'number 5'])
    expect(await store.events.list({ name: 'other' })).to.have.length(1)
    clock.advance(-DAY)
    await store.events.record(anEvent({ message: 'after' }))
    const still = await store.events.list({ name: 'echo' })
    expect([still.length, still[0]?.message, still.at(-1)?.message]).to.deep.equal([100, 'after', 'number 6'])
  })

  it('forgets what is older than a week when something is recorded', async () => {
    await store.events.record(anEvent({ message: 'old' }))
    clock.advance(7 * DAY)
    await store.events.record(anEvent({ message: 'a week later' }))
    expect(await store.events.list()).to.have.length(2)
    clock.advance(1)
    await store.events.record(anEvent({ message: 'later', uid: 'another' }))
    expect((await store.events.list()).map(({ message }) => message)).to.deep.equal(['later', 'a week later'])
  })

  it('keeps any text, up to a length, and survives a restart', async () => {
    const message = `it's "?" \\? é \u0000 ${'x'.repeat(5000)}`
    await store.events.record(anEvent({ message }))
    await store.events.record(anEvent({ message }))
    await store.close()
    store = await openStore({ path: scratch.path, clock })
    const [event] = await store.events.list()
    expect(event?.count).to.equal(2)
    expect(event?.message).to.equal(message.replace('\0', '\uFFFD').slice(0, 1024))
  })

  it('goes on with a watch where it was, after a restart, and tells what happened again once', async () => {
    const { signal } = new AbortController()
    for (const message of ['one', 'two']) await store.events.record(anEvent({ message }))
    const position = store.events.resourceVersion()
    await store.events.record(anEvent({ message: 'three' }))
    await store.events.record(anEvent({ message: 'one' }))
    await store.events.record(anEvent({ message: 'one' }))
    await store.close()
    store = await openStore({ path: scratch.path, clock })
    expect(store.events.resourceVersion()).to.equal(position + 3)
    const told: string[] = []
    for await (const { message, count } of store.events.watch(position, {}, signal)) {
      told.push(`${message} ${count}`)
      if (message === 'one') break
    }
    expect(told).to.deep.equal(['three 1', 'one 3'])
  })

  it('asks the database nothing for a watch that has come to the end, and tells the same as one that has not', async () => {
    const left = new AbortController()
    const begin = store.events.resourceVersion()
    const other = anEvent({ namespace: 'b', uid: 'b' })
    const filters = [
      {},
      { namespaces: new Set(['b']) },
      { name: 'echo', uid: 'b' },
      { reason: 'Updated' },
      { type: 'Warning' as const }
    ]
    const follow = async (from: number, filter: (typeof filters)[number], told: string[]) => {
      for await (const { uid, message, count, id } of store.events.watch(from, filter, left.signal))
        told.push(`${id} ${uid} ${message} ${count}`)
    }
    const live = filters.map((): string[] => [])
    const reads = { count: 0 }
    const { read } = Database.prototype
    Database.prototype.read = function <T>(work: Parameters<typeof read<T>>[0]) {
      reads.count++
      return read.call(this, work) as Promise<T>
    }
    try {
      const followed = filters.map((filter, at) => follow(begin, filter, live[at] ?? []))
      const drafts = [
        anEvent(),
        other,
        anEvent({ reason: 'Updated' }),
        anEvent({ type: 'Warning', message: 'w' }),
        other
      ]
      for (const draft of drafts) {
        await store.events.record(draft)
        await new Promise(resolve => setImmediate(resolve))
      }
      expect(live.map(({ length }) => length)).to.deep.equal([5, 2, 2, 1, 1])
      expect(live[0]?.at(-1)).to.equal('2 b made it 2')
      expect(reads.count).to.equal(0)
      // Who comes later, and starts further back than what is kept in memory, is told the same of what is there.
      for (let n = 0; n < 101; n++)
        await store.events.record(anEvent({ uid: `u${n % 3}`, name: 'many', message: `m${n}` }))
      const late: string[] = []
      followed.push(follow(begin, { namespaces: new Set(['b']) }, late))
      await eventually(async () => expect(late).to.deep.equal(['2 b made it 2']))
      expect(reads.count).to.equal(1)
      left.abort()
      await Promise.all(followed)
    } finally {
      Database.prototype.read = read
    }
  })

  it('ends its watches when it is closed', async () => {
    const { signal } = new AbortController()
    const watch = store.events.watch(0, {}, signal)[Symbol.asyncIterator]()
    const next = watch.next()
    await store.close()
    expect((await next).done).to.equal(true)
  })
})
