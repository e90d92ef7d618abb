import { expect } from 'chai'
import { GoneError } from '../../api/errors.ts'
import { openStore, type Store } from '../../src/store/open.ts'
import type { Change } from '../../src/store/store.ts'
import { aDraft, Scratch, TestClock } from '../fixtures/db/files.ts'

describe('store: watch', () => {
  let scratch: Scratch
  let store: Store
  const clock = new TestClock()
  const put = (name: string, replicas = 1) =>
    store.functions.put(`openfaas-fn/${name}`, () => aDraft(name, { replicas }))
  const text = ({ type, object }: Change) => `${type} ${object.metadata.name} ${object.metadata.resourceVersion}`
  const take = async (changes: AsyncIterable<Change>, count: number) => {
    const taken: string[] = []
    for await (const change of changes) if (taken.push(text(change)) === count) break
    return taken
  }
  beforeEach(async () => {
    scratch = await Scratch.create()
    store = await openStore({ path: scratch.path, clock })
  })
  afterEach(async () => {
    await store.close()
    await scratch[Symbol.asyncDispose]()
  })

  it('gives what came after the version, then what comes, without a gap', async () => {
    await put('a')
    await put('b')
    const changes = store.functions.watch(1, new AbortController().signal)
    await put('c')
    const taken = take(changes, 4)
    await put('a', 2)
    await put('b', 2)
    expect(await taken).to.deep.equal(['ADDED b 2', 'ADDED c 3', 'MODIFIED a 4', 'MODIFIED b 5'])
  })

  it('can be taken up again between the two changes of a replacement', async () => {
    await put('a')
    await store.functions.markDeleted('openfaas-fn/a')
    await put('a')
    expect(await take(store.functions.watch(3, new AbortController().signal), 1)).to.deep.equal(['ADDED a 4'])
  })

  it('refuses at once what it cannot give: older than the ring, before the start, newer than now', async () => {
    const { signal } = new AbortController()
    const { object } = await put('a')
    for (let i = 1; i <= 1001; i++) {
      await store.functions.putStatus('openfaas-fn/a', object.metadata.uid, { ...object.status, replicas: i })
    }
    expect(store.functions.resourceVersion()).to.equal(1002)
    expect(() => store.functions.watch(1, signal)).to.throw(GoneError)
    expect(() => store.functions.watch(1003, signal)).to.throw(GoneError)
    expect(await take(store.functions.watch(2, signal), 1)).to.deep.equal(['MODIFIED a 3'])
    await store.close()
    store = await openStore({ path: scratch.path, clock })
    expect(() => store.functions.watch(1001, signal)).to.throw(GoneError)
    const taken = take(store.functions.watch(1002, signal), 1)
    await put('b')
    expect(await taken).to.deep.equal(['ADDED b 1003'])
  })

  it('ends a watcher that fell a thousand changes behind', async () => {
    const { object } = await put('a')
    const slow = store.functions.watch(0, new AbortController().signal)[Symbol.asyncIterator]()
    expect((await slow.next()).value).to.have.property('type', 'ADDED')
    for (let i = 1; i <= 1001; i++) {
      await store.functions.putStatus('openfaas-fn/a', object.metadata.uid, { ...object.status, replicas: i })
    }
    expect(await slow.next().catch((err: unknown) => err)).to.be.instanceOf(GoneError)
    expect(await slow.next()).to.deep.equal({ done: true, value: undefined })
  })

  it('ends cleanly when it is aborted, waiting or not, and when the store is closed', async () => {
    const ended = async (changes: AsyncIterable<Change>) => {
      const seen: string[] = []
      for await (const change of changes) seen.push(text(change))
      return seen
    }
    const controller = new AbortController()
    const waiting = [0, 1, 2].map(() => ended(store.functions.watch(0, controller.signal)))
    await put('a')
    controller.abort()
    for (const seen of await Promise.all(waiting)) expect(seen.length).to.be.at.most(1)
    expect(await ended(store.functions.watch(0, controller.signal))).to.deep.equal([])
    const closing = ended(store.functions.watch(1, new AbortController().signal))
    await store.close()
    expect(await closing).to.deep.equal([])
    store = await openStore({ path: scratch.path, clock })
  })
})
