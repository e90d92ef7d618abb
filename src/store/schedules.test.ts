import { expect } from 'chai'
import type { ScheduleRecord } from '../../api/schedule-record.ts'
import { aDraft, Scratch, TestClock } from '../../test/fixtures/db/files.ts'
import { openStore, type Store } from './open.ts'

describe('store: schedules', () => {
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

  async function aRecord(name: string, over: Partial<ScheduleRecord> = {}): Promise<ScheduleRecord> {
    const { object } = await store.functions.put(`ns/${name}`, () => aDraft(name, {}, { namespace: 'ns' }))
    return {
      ...{ uid: object.metadata.uid, schedule: '* * * * *', timezone: 'UTC', done: [[1, 2]], seenUntil: 3 },
      ...{ isSuspended: false, runs: 0, skipped: 0, missed: 0, ...over }
    }
  }

  it('gives back what was put last, of one function or of all', async () => {
    const a = await aRecord('a')
    const b = await aRecord('b', { claim: 4, last: { tick: 5, at: 6, call: 'c' }, isSuspended: true })
    await store.schedules.put(a)
    await store.schedules.put(b)
    const { claim: _handedOver, ...changed } = { ...b, runs: 7, done: [[1, 2] as const, [5, 5] as const] }
    await store.schedules.put(changed)
    expect(await store.schedules.list(a.uid)).to.deep.equal([a])
    expect(await store.schedules.list(b.uid)).to.deep.equal([changed])
    expect(await store.schedules.list()).to.have.deep.members([a, changed])
  })

  it('tells schedules of one function apart by line and by zone', async () => {
    const a = await aRecord('a')
    const others = [
      { ...a, timezone: 'Asia/Tokyo' },
      { ...a, schedule: '@daily' }
    ]
    for (const record of [a, ...others]) await store.schedules.put(record)
    await store.schedules.remove(a)
    expect(await store.schedules.list()).to.have.deep.members(others)
  })

  it('keeps nothing of a function that is not there, and nothing of one that goes', async () => {
    const a = await aRecord('a')
    await store.schedules.put({ ...a, uid: 'nobody' })
    expect(await store.schedules.list()).to.deep.equal([])
    await store.schedules.put(a)
    await store.functions.markDeleted('ns/a')
    await store.functions.remove('ns/a', a.uid)
    await store.schedules.put(a)
    expect(await store.schedules.list()).to.deep.equal([])
  })
})
