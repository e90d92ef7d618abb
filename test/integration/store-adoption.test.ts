import { expect } from 'chai'
import { ConflictError } from '../../api/errors.ts'
import { openStore } from '../../src/store/open.ts'
import { aDraft, Scratch, TestClock } from '../fixtures/db/files.ts'

const KEY = 'openfaas-fn/a'

describe('store: adoption', () => {
  let scratch: Scratch
  let store: Awaited<ReturnType<typeof openStore>>
  beforeEach(async () => {
    scratch = await Scratch.create()
    store = await openStore({ path: scratch.path, clock: new TestClock() })
  })
  afterEach(async () => {
    await store.close()
    await scratch[Symbol.asyncDispose]()
  })

  it('S10: writes no decision over what was written since it was read, and nothing else of it either', async () => {
    const { object } = await store.functions.put(KEY, () => aDraft('a', { env: { V: '1' } }))
    const readAt = object.metadata.resourceVersion
    await store.functions.put(KEY, () => aDraft('a', { env: { V: '2' } }))
    const decision = { decided: [KEY], discarded: ['uid-9'], isFinal: true }
    for (const functions of [[{ object, readAt }], [{ object }]]) {
      const failure = await store.adoption.decide({ ...decision, functions }).catch((err: unknown) => err)
      expect(failure).to.be.instanceOf(ConflictError)
    }
    expect((await store.functions.get(KEY))?.spec.env).to.deep.equal({ V: '2' })
    expect([...(await store.adoption.discarded())]).to.deep.equal([])
  })

  it('remembers since when what runs is to be compared, so that what is written from then on counts as new', async () => {
    const first = await store.adoption.begin()
    expect(await store.adoption.begin()).to.deep.equal(first)
    await store.adoption.latch({ since: first.openedAt, newest: 7, undecided: [] })
    expect(await store.adoption.state()).to.deep.include({ baseline: first.baseline, openedAt: first.openedAt })
  })
})
