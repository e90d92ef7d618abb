import { expect } from 'chai'
import { openStore, type Store } from '../../src/store/open.ts'
import { aDraft, Scratch, TestClock } from '../fixtures/db/files.ts'

const KEY = 'openfaas-fn/hello'

describe('store: images', () => {
  let scratch: Scratch
  let store: Store
  const clock = new TestClock()
  const open = () => openStore({ path: scratch.path, clock })

  beforeEach(async () => {
    scratch = await Scratch.create()
    store = await open()
  })
  afterEach(async () => {
    await store.close()
    await scratch[Symbol.asyncDispose]()
  })

  it('knows what was pulled, by every reference once, also after it was opened again', async () => {
    await store.images.record('sha256:1', 'r.example/a:1')
    await store.images.record('sha256:2', 'r.example/b:1')
    await store.images.record('sha256:1', 'r.example/a:2')
    await store.images.record('sha256:1', 'r.example/a:1')
    await store.close()
    store = await open()
    expect(await store.images.list()).to.deep.equal([
      { imageId: 'sha256:1', references: ['r.example/a:1', 'r.example/a:2'] },
      { imageId: 'sha256:2', references: ['r.example/b:1'] }
    ])
    await store.images.forget('sha256:1')
    expect((await store.images.list()).map(({ imageId }) => imageId)).to.deep.equal(['sha256:2'])
  })

  it('knows since when it is unused; another pull of it is a use', async () => {
    await store.images.record('sha256:1', 'r.example/a:1')
    await store.images.putUnusedSince('sha256:1', clock.now())
    expect((await store.images.list())[0]?.unusedSince).to.equal(clock.now())
    await store.images.record('sha256:1', 'r.example/a:1')
    expect((await store.images.list())[0]).to.not.have.property('unusedSince')
    await store.images.putUnusedSince('sha256:1', clock.now())
    await store.images.putUnusedSince('sha256:1', undefined)
    expect((await store.images.list())[0]).to.not.have.property('unusedSince')
  })

  it('tells what specs, kept revisions and pins want, and nothing of a function that is gone', async () => {
    for (const image of ['r.example/a:1', 'r.example/a:2']) {
      await store.functions.put(KEY, () => aDraft('hello', { image }))
    }
    const object = await store.functions.get(KEY)
    if (object === undefined) throw new Error('it was written down')
    const pin = { reference: 'r.example/a:2', templateHash: 'x', id: 'sha256:2', digest: 'r.example/a@sha256:3' }
    await store.functions.putStatus(KEY, object.metadata.uid, { ...object.status, image: pin })
    expect((await store.images.wanted()).toSorted()).to.deep.equal(
      ['r.example/a:1', 'r.example/a:2', 'r.example/a@sha256:3', 'sha256:2'].toSorted()
    )
    await store.functions.markDeleted(KEY)
    await store.functions.remove(KEY, object.metadata.uid)
    expect(await store.images.wanted()).to.deep.equal([])
  })
})
