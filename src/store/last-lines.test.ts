import { expect } from 'chai'
import { aDraft, Scratch, TestClock } from '../../test/fixtures/db/files.ts'
import { openStore, type Store } from './open.ts'

const DAY_MS = 24 * 3_600_000

describe('store: last lines', () => {
  let scratch: Scratch
  let store: Store
  let uid: string
  beforeEach(async () => {
    scratch = await Scratch.create()
    await open({})
    uid = await aFunction('a')
  })
  afterEach(async () => {
    await store.close()
    await scratch[Symbol.asyncDispose]()
  })

  const open = async (lastLines: { functionBytes?: number; totalBytes?: number }) => {
    store = await openStore({ path: scratch.path, clock: new TestClock(), lastLines })
  }
  const reopen = async (limits = {}) => {
    await store.close()
    await open(limits)
  }
  async function aFunction(name: string): Promise<string> {
    return (await store.functions.put(`ns/${name}`, () => aDraft(name, {}, { namespace: 'ns' }))).object.metadata.uid
  }
  const record = (containerId: string, removedAt: number, over: { uid?: string; text?: string } = {}) => ({
    ...{ containerId, uid, instance: `a-0-${containerId}`, removedAt },
    lines: [{ timestamp: '2026-01-01T00:00:00.000000001Z', text: over.text ?? `last of ${containerId}` }],
    ...(over.uid === undefined ? {} : { uid: over.uid })
  })
  const kept = async (of = uid) => (await store.lastLines.list(of)).map(({ containerId }) => containerId)

  it('gives back what was put, by function and by container, also after a restart', async () => {
    await store.lastLines.put(record('b', 2))
    await store.lastLines.put(record('a', 1))
    await reopen()
    expect(await store.lastLines.list(uid)).to.deep.equal([record('a', 1), record('b', 2)])
    expect(await store.lastLines.get('b')).to.deep.equal(record('b', 2))
    expect(await store.lastLines.get('c')).to.equal(undefined)
    await store.lastLines.put(record('b', 3, { text: 'once more' }))
    expect(await store.lastLines.get('b')).to.deep.equal(record('b', 3, { text: 'once more' }))
  })

  it('keeps the newest of a function, and of all, where there is too much', async () => {
    await reopen({ functionBytes: 1000, totalBytes: 1500 })
    const other = await aFunction('b')
    const text = 'x'.repeat(400)
    for (const [at, id] of ['1', '2', '3'].entries()) await store.lastLines.put(record(id, at, { text }))
    expect(await kept()).to.deep.equal(['2', '3'])
    await store.lastLines.put(record('4', 4, { uid: other, text }))
    expect(await kept()).to.deep.equal(['2', '3'])
    await store.lastLines.put(record('5', 5, { uid: other, text }))
    expect(await kept()).to.deep.equal(['3'])
    expect(await kept(other)).to.deep.equal(['4', '5'])
    await store.lastLines.put(record('6', 6, { text: 'y'.repeat(5000) }))
    expect(await kept()).to.deep.equal(['6'])
    expect(await kept(other)).to.deep.equal([])
  })

  it('forgets them after a week, and with their function', async () => {
    await store.lastLines.put(record('old', 1))
    await store.lastLines.put(record('young', 7 * DAY_MS))
    expect(await kept()).to.deep.equal(['old', 'young'])
    await store.lastLines.put(record('new', 7 * DAY_MS + 2))
    expect(await kept()).to.deep.equal(['young', 'new'])
    await store.functions.markDeleted('ns/a')
    await store.functions.remove('ns/a', uid)
    await store.lastLines.put(record('late', 8 * DAY_MS))
    expect(await kept()).to.deep.equal([])
  })
})
