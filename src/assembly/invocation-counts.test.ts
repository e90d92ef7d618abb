import { expect } from 'chai'
import { aDraft, Scratch, TestClock } from '../../test/fixtures/db/files.ts'
import { eventually } from '../../test/helpers/eventually.ts'
import { ManualTime } from '../../test/helpers/manual-time.ts'
import { createMetrics, type Metrics } from '../metrics/metrics.ts'
import { openStore, type Store } from '../store/open.ts'
import { InvocationCountsComponent } from './invocation-counts.ts'

const KEY = 'ns/a'

describe('InvocationCountsComponent', () => {
  let scratch: Scratch
  let store: Store
  let time: ManualTime
  let metrics: Metrics
  let counts: InvocationCountsComponent
  let writes: (readonly number[])[]
  let warned: string[]
  let failure: Error | undefined

  const put = async (name = 'a') => store.functions.put(`ns/${name}`, () => aDraft(name, {}, { namespace: 'ns' }))
  const call = (times: number, key = KEY) => {
    for (let i = 0; i < times; i++) {
      metrics.functionMetrics(key).started()
      metrics.functionMetrics(key).finished(200, 0.1)
    }
  }
  /** A gateway that comes up: it has counted nothing itself. */
  const begin = async () => {
    metrics = createMetrics({ nodeMetrics: false })
    const { list, put: write } = store.invocationCounts
    counts = new InvocationCountsComponent({
      store: {
        functions: store.functions,
        invocationCounts: {
          list: list.bind(store.invocationCounts),
          put: async totals => {
            writes.push([...totals.values()])
            if (failure !== undefined) throw failure
            await write.call(store.invocationCounts, totals)
          }
        }
      },
      metrics,
      log: { warn: (_fields, message) => warned.push(message) },
      timers: time
    })
    await counts.start()
  }

  beforeEach(async () => {
    scratch = await Scratch.create()
    store = await openStore({ path: scratch.path, clock: new TestClock() })
    time = new ManualTime()
    writes = []
    warned = []
    failure = undefined
    await put()
    await begin()
  })
  afterEach(async () => {
    await counts.stop()
    expect(time.pending).to.equal(0)
    await store.close()
    await scratch[Symbol.asyncDispose]()
  })

  it('goes on counting after a restart', async () => {
    call(3)
    expect(counts.countOf(KEY)).to.equal(3)
    await counts.stop()
    await begin()
    expect(counts.countOf(KEY)).to.equal(3)
    call(2)
    expect(counts.countOf(KEY)).to.equal(5)
    await counts.stop()
    await begin()
    expect(counts.countOf(KEY)).to.equal(5)
  })

  it('writes every three seconds what has changed, all of it at once, and else nothing', async () => {
    await put('b')
    await time.advance(3000)
    call(3)
    call(1, 'ns/b')
    await time.advance(2900)
    expect(writes).to.deep.equal([])
    await time.advance(100)
    expect(writes).to.deep.equal([[3, 1]])
    await eventually(() => expect(time.pending).to.equal(1))
    call(1, 'ns/b')
    await time.advance(3000)
    await eventually(() => expect(time.pending).to.equal(1))
    await time.advance(9000)
    expect(writes).to.deep.equal([[3, 1], [2]])
  })

  it('begins at 0 for another function of the name, and counts no call of the old one for it', async () => {
    call(3)
    await store.functions.markDeleted(KEY)
    await put()
    expect(counts.countOf(KEY)).to.equal(0)
    call(1)
    // When nothing of the old one is left.
    metrics.removeFunction('ns', 'a')
    call(1)
    expect(counts.countOf(KEY)).to.be.within(1, 2)
    await counts.stop()
    await begin()
    expect(counts.countOf(KEY)).to.be.within(1, 2)
  })

  it('knows nothing of a function that is gone', async () => {
    call(3)
    const uid = (await store.functions.markDeleted(KEY))?.metadata.uid ?? ''
    await store.functions.remove(KEY, uid)
    expect(counts.countOf(KEY)).to.equal(0)
  })

  it('loses no call to a write that fails, and says so once', async () => {
    failure = new Error('disk full')
    call(3)
    for (let i = 0; i < 3; i++) {
      await time.advance(3000)
      await eventually(() => expect(time.pending).to.equal(1))
    }
    expect(warned).to.deep.equal(['Failed to write down counts of calls'])
    expect((await metrics.expose()).text).to.contain(
      'store_db_operations_total{operation="putInvocationCounts",status="error"} 3'
    )
    failure = undefined
    call(1)
    await counts.stop()
    await begin()
    expect(counts.countOf(KEY)).to.equal(4)
  })
})
