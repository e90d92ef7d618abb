import { expect } from 'chai'
import { systemClock } from '../clock.ts'
import { type InvocationStore, MAX_AT_ONCE, type MovedInvocation } from '../store/invocation-store.ts'
import { InvocationDesk } from './desk.ts'

/** A desk over dead letters that die again as soon as they are put back. */
function aDesk(dead: number) {
  const requeued: number[] = []
  let purged = 0
  const store: Partial<InvocationStore> = {
    requeue: async (_filter, _now, after = 0) => {
      const some = Array.from({ length: Math.min(MAX_AT_ONCE, dead - after) }, (_, i) => after + i + 1)
      requeued.push(...some)
      if (requeued.length > 2 * dead) throw new Error('it goes on and on')
      return some.map(
        (seq): MovedInvocation => ({
          seq,
          id: `${seq}`,
          namespace: 'ns',
          name: 'fn',
          from: 'dead',
          to: 'queued',
          bytes: 0,
          bytesAfter: 0
        })
      )
    },
    flushed: async () => undefined,
    purge: async () => {
      purged += MAX_AT_ONCE
      return MAX_AT_ONCE
    }
  }
  const desk = new InvocationDesk({ store: store as InvocationStore, clock: systemClock, onMoved: () => undefined })
  return { desk, requeued, purged: () => purged }
}

describe('desk of asynchronous calls', () => {
  it('puts each dead letter back once, though it dies again meanwhile', async () => {
    const { desk, requeued } = aDesk(2500)
    expect(await desk.requeue({})).to.equal(2500)
    expect(new Set(requeued).size).to.equal(2500)
  })

  it('goes on for as long as somebody wants it, and no longer', async () => {
    const { desk, requeued, purged } = aDesk(5000)
    const times = (most: number) => () => most-- > 0
    expect(await desk.requeue({}, times(2))).to.equal(2 * MAX_AT_ONCE)
    expect(requeued).to.have.length(2 * MAX_AT_ONCE)
    expect(await desk.purge({}, times(3))).to.equal(3 * MAX_AT_ONCE)
    expect(purged()).to.equal(3 * MAX_AT_ONCE)
  })
})
