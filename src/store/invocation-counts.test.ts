import { expect } from 'chai'
import { aDraft, Scratch, TestClock } from '../../test/fixtures/db/files.ts'
import { openStore, type Store } from './open.ts'

describe('store: invocation counts', () => {
  let scratch: Scratch
  let store: Store
  beforeEach(async () => {
    scratch = await Scratch.create()
    store = await openStore({ path: scratch.path, clock: new TestClock() })
  })
  afterEach(async () => {
    await store.close()
    await scratch[Symbol.asyncDispose]()
  })

  async function aFunction(name: string): Promise<string> {
    return (await store.functions.put(`ns/${name}`, () => aDraft(name, {}, { namespace: 'ns' }))).object.metadata.uid
  }

  it('gives back what was put last of each function', async () => {
    const [a, b] = [await aFunction('a'), await aFunction('b')]
    expect([...(await store.invocationCounts.list())]).to.deep.equal([])
    await store.invocationCounts.put(
      new Map([
        [a, 1],
        [b, 2]
      ])
    )
    await store.invocationCounts.put(new Map([[b, 2 ** 40]]))
    expect(Object.fromEntries(await store.invocationCounts.list())).to.deep.equal({ [a]: 1, [b]: 2 ** 40 })
  })

  it('keeps nothing of a function that is not there, and nothing of one that goes', async () => {
    const a = await aFunction('a')
    await store.invocationCounts.put(
      new Map([
        ['nobody', 1],
        [a, 2]
      ])
    )
    expect([...(await store.invocationCounts.list())]).to.deep.equal([[a, 2]])
    await store.functions.markDeleted('ns/a')
    await store.functions.remove('ns/a', a)
    await store.invocationCounts.put(new Map([[a, 3]]))
    expect([...(await store.invocationCounts.list())]).to.deep.equal([])
  })
})
