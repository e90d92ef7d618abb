import { expect } from 'chai'
import type { InvocationDraft } from '../../api/invocation.ts'
import { StorageFullError } from '../../src/store/errors.ts'
import type { ClaimedInvocation, Settlement } from '../../src/store/invocation-store.ts'
import { Invocations } from '../../src/store/invocations.ts'
import { openStore, type Store } from '../../src/store/open.ts'
import { connect } from '../../src/store/orm.ts'
import { Scratch, TestClock } from '../fixtures/db/files.ts'
import { aKeyring } from '../helpers/keyring.ts'

const FN = { namespace: 'openfaas-fn', name: 'hello' }
const OK: Settlement = {
  kind: 'end',
  status: 200,
  durationMs: 12,
  result: { head: ['Content-Type', 'text/plain'], body: Buffer.from('answer') }
}

describe('store: asynchronous calls', () => {
  let scratch: Scratch
  let store: Store
  let ids = 0
  const clock = new TestClock()
  const open = async () => openStore({ path: scratch.path, clock, cipher: await aKeyring(scratch.directory) })
  const aCall = (rest: Partial<InvocationDraft> = {}) => ({
    ...FN,
    method: 'POST',
    path: '/a?b=1',
    headers: ['X-A', '1'],
    body: Buffer.from([0, 1, 255]),
    id: `id-${ids++}`,
    now: clock.now(),
    ...rest
  })
  const claim = async (phase: 'queued' | 'reporting' = 'queued', owner = 'me', limit = 10) =>
    await store.invocations.claim({
      ...{ ...FN, phase, limit, owner },
      now: clock.now(),
      leaseUntil: clock.now() + 1000
    })
  const claimOne = async (phase?: 'queued' | 'reporting'): Promise<ClaimedInvocation> => {
    const [claimed] = (await claim(phase, 'me', 1)).claimed
    if (claimed === undefined) throw new Error('there is nothing to claim')
    return claimed
  }
  const settle = (seq: number, settlement: Settlement, owner = 'me') =>
    store.invocations.settle(seq, owner, settlement, clock.now())

  beforeEach(async () => {
    scratch = await Scratch.create()
    store = await open()
  })
  afterEach(async () => {
    await store.close()
    await scratch[Symbol.asyncDispose]()
  })

  it('gives back what was accepted, byte for byte, also after it was opened again, under a lease and once', async () => {
    const accepted = await store.invocations.accept(aCall({ callId: 'c1', remoteAddress: '192.0.2.1' }))
    expect(accepted).to.deep.equal({ id: accepted.id, callId: 'c1', acceptedAt: clock.now(), isNew: true })
    await store.close()
    store = await open()
    const { claimed, nextDueAt } = await claim()
    expect(nextDueAt).to.equal(undefined)
    expect(claimed).to.have.length(1)
    const [call] = claimed
    expect(call).to.include({ ...FN, id: accepted.id, callId: 'c1', method: 'POST', path: '/a?b=1', attempts: 1 })
    expect(call?.remoteAddress).to.equal('192.0.2.1')
    expect(call?.payload.head).to.deep.equal(['X-A', '1'])
    expect([...(call?.payload.body ?? [])]).to.deep.equal([0, 1, 255])
    expect((await claim()).claimed).to.deep.equal([])
    expect(await settle(call?.seq ?? 0, OK, 'somebody else')).to.equal(undefined)
    expect(await settle(call?.seq ?? 0, OK)).to.equal('done')
    expect(await store.invocations.get(accepted.id)).to.deep.include({ phase: 'done', status: 200, path: '/a' })
    expect(await store.invocations.counts()).to.deep.equal([{ ...FN, phase: 'done', count: 1, bytes: 0 }])
  })

  it('takes a second call with the same key for the first one', async () => {
    const first = await store.invocations.accept(aCall({ dedupeKey: 'tick-1' }))
    const [second, other] = await Promise.all([
      store.invocations.accept(aCall({ dedupeKey: 'tick-1' })),
      store.invocations.accept(aCall({ dedupeKey: 'tick-2' }))
    ])
    expect(second).to.deep.equal({ ...first, isNew: false })
    expect(other.isNew).to.equal(true)
    expect((await claim()).claimed).to.have.length(2)
  })

  it('gives those first that are due longest, and says when the next is', async () => {
    for (let i = 0; i < 3; i++) {
      await store.invocations.accept(aCall({ callId: `c${i}` }))
      clock.advance(1)
    }
    const first = await claimOne()
    expect((await claim('queued', 'me', 1)).claimed.map(({ callId }) => callId)).to.deep.equal(['c1'])
    await settle(first.seq, { kind: 'retry', status: 500, durationMs: 1, dueAt: clock.now() + 60_000 })
    expect(await claim('queued', 'me', 2)).to.deep.include({ nextDueAt: clock.now() + 60_000 })
    clock.advance(60_000)
    expect(await claimOne()).to.include({ callId: 'c0', attempts: 2 })
  })

  it('D15: takes what is due further ahead than anything waits, as the clock was set back', async () => {
    await store.invocations.accept(aCall())
    await store.invocations.accept(aCall({ callId: 'second' }))
    const options = { ...FN, phase: 'queued', limit: 1, owner: 'me' } as const
    const now = clock.now() - 86_400_000
    const times = { now, leaseUntil: now + 1000 }
    expect(await store.invocations.claim({ ...options, ...times, farthest: clock.now() })).to.deep.include({
      claimed: []
    })
    const { claimed, nextDueAt } = await store.invocations.claim({ ...options, ...times, farthest: now + 3_600_000 })
    expect([claimed.length, nextDueAt]).to.deep.equal([1, now])
  })

  it('keeps the answer until the callback has it, and a call whose callback failed can be told again', async () => {
    await store.invocations.accept(aCall({ callbackUrl: 'https://user:pw@a.example/x?secret=1' }))
    expect(await settle((await claimOne()).seq, OK)).to.equal('reporting')
    const due = await claimOne('reporting')
    expect(due.callbackUrl).not.to.match(/user|pw@/)
    expect(await store.invocations.callbackUrl(due)).to.equal('https://user:pw@a.example/x?secret=1')
    expect(due).to.include({ callbackAttempts: 1, status: 200, durationMs: 12 })
    expect(Buffer.from(due.payload.body).toString()).to.equal('answer')
    await settle(due.seq, { kind: 'undelivered', error: 'refused', dueAt: clock.now() })
    const again = await claimOne('reporting')
    expect(await settle(again.seq, { kind: 'undelivered', error: 'refused' })).to.equal('dead')
    expect(await store.invocations.get(again.id)).to.deep.include({
      ...{ phase: 'dead', reason: 'CallbackFailed', attempts: 1 },
      callback: { origin: 'https://a.example', state: 'failed', attempts: 2, error: 'refused' }
    })
    const moved = await store.invocations.requeue({ id: again.id }, clock.now())
    expect(moved).to.deep.include({
      seq: again.seq,
      id: again.id,
      ...FN,
      from: 'dead',
      to: 'reporting',
      bytes: 35,
      bytesAfter: 35
    })
    const last = await claimOne('reporting')
    expect(Buffer.from(last.payload.body).toString()).to.equal('answer')
    expect(await settle(last.seq, { kind: 'delivered' })).to.equal('done')
  })

  it('puts back what another owner had, and what its own lease ran out of', async () => {
    await store.invocations.accept(aCall())
    const lost = await claimOne()
    const back = (owner: string, all: boolean) => store.invocations.takeBack({ owner, now: clock.now(), all })
    expect(await back('me', true)).to.deep.equal([])
    await store.invocations.renew([lost.seq], 'me', clock.now() + 2000)
    clock.advance(1500)
    expect(await back('me', false)).to.deep.equal([])
    expect(await back('next', true)).to.have.length(1)
    expect(await settle(lost.seq, OK)).to.equal(undefined)
    expect(await claimOne()).to.include({ id: lost.id, attempts: 2 })
    clock.advance(1001)
    expect(await back('me', false)).to.have.length(1)
  })

  it('keeps a dead letter with what was sent, until it is sent again or purged', async () => {
    await store.invocations.accept(aCall())
    const call = await claimOne()
    expect(await settle(call.seq, { ...OK, reason: 'AttemptsExhausted', status: 500 })).to.equal('dead')
    await store.invocations.requeue({ namespaces: new Set(['other']) }, clock.now())
    expect((await claim()).claimed).to.deep.equal([])
    await store.invocations.requeue({ namespaces: new Set([FN.namespace]) }, clock.now())
    const again = await claimOne()
    expect(again).to.include({ attempts: 1 })
    expect([...again.payload.body]).to.deep.equal([0, 1, 255])
    await settle(again.seq, { ...OK, reason: 'AttemptsExhausted' })
    expect(await store.invocations.purge({ name: 'other' })).to.equal(0)
    expect(await store.invocations.purge({ name: FN.name })).to.equal(1)
    expect(await store.invocations.list({}, { limit: 10 })).to.deep.equal({ items: [] })
  })

  it('buries the calls of a function that is gone, and cancels by call id within namespaces', async () => {
    await store.invocations.accept(aCall({ callbackUrl: 'http://a.example/' }))
    await store.invocations.accept(aCall())
    const moved = await store.invocations.bury(FN.namespace, FN.name, clock.now())
    expect(moved.map(({ to }) => to)).to.deep.equal(['reporting', 'dead'])
    await store.invocations.accept(aCall({ callId: 'c9' }))
    const running = await claimOne()
    expect(await store.invocations.cancel('c9', new Set(['other']), clock.now())).to.deep.equal([])
    expect(await store.invocations.cancel('c9', 'all', clock.now())).to.have.length(1)
    expect(await settle(running.seq, OK)).to.equal(undefined)
    expect((await store.invocations.list({ callId: 'c9' }, { limit: 1 })).items[0]?.phase).to.equal('cancelled')
  })

  it('counts headers and bodies of requests and answers, and removes the oldest dead letters beyond so many bytes', async () => {
    const bytesNow = async () => (await store.invocations.counts()).map(({ phase, bytes }) => [phase, bytes])
    await store.invocations.accept(
      aCall({ headers: ['A', 'b'], body: Buffer.alloc(1000), callbackUrl: 'http://a.example/' })
    )
    expect(await bytesNow()).to.deep.equal([['queued', 1009]])
    const first = await claimOne()
    expect(first.storedBytes).to.equal(1009)
    await settle(first.seq, { ...OK, result: { head: [], body: Buffer.alloc(5000) } })
    expect(await bytesNow()).to.deep.equal([['reporting', 5002]])
    const due = await claimOne('reporting')
    await settle(due.seq, { kind: 'undelivered', error: 'refused' })
    for (let i = 0; i < 3; i++) {
      clock.advance(1)
      await store.invocations.accept(aCall({ headers: [], body: Buffer.alloc(998) }))
      await settle((await claimOne()).seq, { ...OK, reason: 'AttemptsExhausted' })
    }
    expect(await bytesNow()).to.deep.equal([['dead', 8002]])
    expect(await store.invocations.trimDead(8002)).to.deep.equal({ dropped: [], bytes: 8002 })
    expect(await store.invocations.trimDead(2500)).to.deep.equal({ dropped: [FN, FN], bytes: 2000 })
    expect(await store.invocations.get(due.id)).to.equal(undefined)
  })

  it('forgets what has ended when it is old or too much, and gives the rest in pages', async () => {
    for (let i = 0; i < 5; i++) {
      await store.invocations.accept(aCall())
      await settle((await claimOne()).seq, OK)
      clock.advance(1000)
    }
    await store.invocations.accept(aCall())
    const page = await store.invocations.list({}, { limit: 4 })
    expect(page.items.map(({ phase }) => phase)).to.deep.equal(['queued', 'done', 'done', 'done'])
    const rest = await store.invocations.list({}, { limit: 4, before: page.next ?? 0 })
    expect(rest).not.to.have.property('next')
    expect(rest.items).to.have.length(2)
    const kept = { endedBefore: clock.now() - 4500, deadBefore: 0, max: 3 }
    expect(await store.invocations.prune(kept)).to.equal(2)
    expect((await store.invocations.list({ phase: 'done' }, { limit: 10 })).items).to.have.length(3)
    expect(await store.invocations.oldest(FN.namespace, FN.name)).to.equal(clock.now())
  })

  it('S2: flushes what it accepted before it says so, and every other write when it is committed, whatever reads beside', async () => {
    await store.close()
    const database = await connect(scratch.path)
    try {
      const invocations = new Invocations({ database })
      const synchronous = () => database.native.pragma('synchronous', { simple: true })
      let flushes = 0
      const flush = database.flush.bind(database)
      database.flush = async () => {
        expect(database.native.inTransaction).to.equal(false)
        await flush()
        flushes++
      }
      const reads = Array.from({ length: 20 }, () =>
        database.snapshot(em => em.execute('SELECT COUNT(*) FROM invocations'))
      )
      const seen: unknown[] = []
      const others = Array.from({ length: 20 }, () => database.write(async () => void seen.push(synchronous())))
      const accepted = Array.from({ length: 20 }, () =>
        invocations.accept(aCall()).then(() => expect(flushes).to.be.greaterThan(0))
      )
      await Promise.all([...accepted, ...reads, ...others])
      expect(seen).to.deep.equal(others.map(() => 2))
    } finally {
      await database.close()
    }
    store = await open()
  })

  it('writes those that come together in one transaction, and none of them when the disk is full', async () => {
    await store.close()
    const database = await connect(scratch.path)
    try {
      const invocations = new Invocations({ database })
      const accept = (n: number, body = Buffer.alloc(10)) =>
        Promise.allSettled(Array.from({ length: n }, () => invocations.accept(aCall({ body }))))
      let commits = 0
      const write = database.write.bind(database)
      database.write = (...args) => {
        commits++
        return write(...args) as never
      }
      expect((await accept(200)).every(({ status }) => status === 'fulfilled')).to.equal(true)
      expect(commits).to.be.at.most(2)
      const pages = Number(database.native.pragma('page_count', { simple: true }))
      database.native.pragma(`max_page_count = ${pages + 1}`)
      for (const outcome of await accept(3, Buffer.alloc(50_000))) {
        expect(outcome.status === 'rejected' && outcome.reason).to.be.instanceOf(StorageFullError)
      }
      database.native.pragma('max_page_count = 1000000')
      expect((await accept(1))[0]?.status).to.equal('fulfilled')
      expect((await invocations.counts())[0]?.count).to.equal(201)
    } finally {
      await database.close()
    }
    store = await open()
  })
})
