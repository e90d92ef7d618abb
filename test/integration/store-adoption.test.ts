import { expect } from 'chai'
import { ConflictError } from '../../api/errors.ts'
import type { FunctionObject } from '../../api/function.ts'
import { openStore, type Store } from '../../src/store/open.ts'
import type { Change } from '../../src/store/store.ts'
import { aDraft, Scratch, TestClock } from '../fixtures/db/files.ts'

const KEY = 'openfaas-fn/hello'

describe('what a database notes of what runs', () => {
  let scratch: Scratch
  let store: Store
  const open = async () => {
    store = await openStore({ path: scratch.path, clock: new TestClock() })
  }
  const reopen = async () => {
    await store.close()
    await open()
  }

  beforeEach(async () => {
    scratch = await Scratch.create()
    await open()
  })
  afterEach(async () => {
    await store.close()
    await scratch[Symbol.asyncDispose]()
  })

  const put = async (image: string) => (await store.functions.put(KEY, () => aDraft('hello', { image }))).object
  const changed = (object: FunctionObject, metadata: Partial<FunctionObject['metadata']>, image: string) => ({
    ...object,
    metadata: { ...object.metadata, ...metadata },
    spec: { ...object.spec, image }
  })

  it('S11: keeps the resourceVersion of its first opening until it was compared, whatever is written meanwhile', async () => {
    await put('hello:1')
    const { openedAt } = await store.adoption.begin()
    await put('hello:2')
    await reopen()
    expect(await store.adoption.begin()).to.deep.equal({ baseline: 1, openedAt })
    await store.adoption.pass(0)
    await reopen()
    expect(await store.adoption.state()).to.equal(undefined)
    expect(await store.adoption.begin()).to.deep.include({ baseline: 2 })
  })

  it('S11: is raised above what runs, and who watches from before must list again', async () => {
    await put('hello:1')
    await store.adoption.begin()
    await store.adoption.pass(50)
    expect(store.functions.resourceVersion()).to.equal(50)
    expect(() => store.functions.watch(1, new AbortController().signal)).to.throw('list again')
    expect((await put('hello:2')).metadata.resourceVersion).to.equal(51)
    await reopen()
    expect(store.functions.resourceVersion()).to.equal(51)
  })

  it('S11: keeps the latch until all is decided, and writes a decision whole', async () => {
    const before = await put('hello:1')
    await store.adoption.begin()
    const latch = {
      since: 7,
      newest: 90,
      undecided: [KEY, 'openfaas-fn/other'].map(key => ({ key, uid: `uid ${key}` }))
    }
    await store.adoption.latch(latch)
    await reopen()
    expect(await store.adoption.state()).to.deep.include({ baseline: 1, latch })
    const changes: Change[] = []
    store.functions.onChange(change => changes.push(change))
    const newer = changed(before, { generation: 4 }, 'hello:4')
    const left = await store.adoption.decide({
      functions: [{ object: newer, readAt: 1 }],
      decided: [KEY],
      discarded: ['a'],
      isFinal: false
    })
    expect(left?.undecided.map(({ key }) => key)).to.deep.equal(['openfaas-fn/other'])
    const found = await store.functions.get(KEY)
    expect(found?.metadata).to.deep.include({ uid: before.metadata.uid, generation: 4, resourceVersion: 91 })
    expect((await store.functions.revisions(KEY)).map(({ revision }) => revision)).to.deep.equal([4, 1])
    expect(changes.map(({ type, object }) => [type, object.metadata.generation])).to.deep.equal([['MODIFIED', 4]])
    const end = await store.adoption.decide({ functions: [], decided: [], discarded: ['b'], isFinal: true })
    expect([end, await store.adoption.state()]).to.deep.equal([undefined, undefined])
    expect([...(await store.adoption.discarded())]).to.deep.equal(['a', 'b'])
  })

  it('S11: replaces a row of another function of that name, revisions and all', async () => {
    const before = await put('hello:1')
    await store.adoption.begin()
    const changes: Change[] = []
    store.functions.onChange(change => changes.push(change))
    const other = changed(before, { uid: 'uid-2', generation: 3 }, 'hello:3')
    await store.adoption.decide({
      functions: [{ object: other, readAt: 1 }],
      decided: [KEY],
      discarded: [],
      isFinal: true
    })
    expect((await store.functions.revisions(KEY)).map(({ revision }) => revision)).to.deep.equal([3])
    expect(changes.map(({ type, object }) => [type, object.metadata.uid])).to.deep.equal([
      ['DELETED', before.metadata.uid],
      ['ADDED', 'uid-2']
    ])
  })

  it('S10: writes no decision over what was written since it was read, and nothing else of it either', async () => {
    const object = await put('hello:1')
    const readAt = object.metadata.resourceVersion
    await put('hello:2')
    const decision = { decided: [KEY], discarded: ['uid-9'], isFinal: true }
    for (const functions of [[{ object, readAt }], [{ object }]]) {
      const failure = await store.adoption.decide({ ...decision, functions }).catch((err: unknown) => err)
      expect(failure).to.be.instanceOf(ConflictError)
    }
    expect((await store.functions.get(KEY))?.spec.image).to.equal('hello:2')
    expect([...(await store.adoption.discarded())]).to.deep.equal([])
  })

  it('remembers since when what runs is to be compared, so that what is written from then on counts as new', async () => {
    const first = await store.adoption.begin()
    expect(await store.adoption.begin()).to.deep.equal(first)
    await store.adoption.latch({ since: first.openedAt, newest: 7, undecided: [] })
    expect(await store.adoption.state()).to.deep.include({ baseline: first.baseline, openedAt: first.openedAt })
  })
})
