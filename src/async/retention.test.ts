import { expect } from 'chai'
import { eventually } from '../../test/helpers/eventually.ts'
import { systemClock } from '../clock.ts'
import type { Retention } from '../store/invocation-store.ts'
import { InvocationRetention } from './retention.ts'

const DAY_MS = 86_400_000

/** Retention over a store that has one dead letter of 100 bytes; what was asked of it, and what was told. */
function aRetention() {
  const asked: Retention[] = []
  const told: [string, number][] = []
  const clock = { aheadMs: 0, now: () => systemClock.now() + clock.aheadMs, monotonic: systemClock.monotonic }
  const retention = new InvocationRetention({
    store: {
      counts: async () => [{ namespace: 'ns', name: 'fn', phase: 'dead', count: 1, bytes: 100 }],
      prune: async given => {
        asked.push(given)
        return 0
      },
      trimDead: async () => ({ dropped: [{ namespace: 'ns', name: 'fn' }], bytes: 900 })
    },
    ...{ endedMs: 1000, deadMs: DAY_MS, max: 10, maxDeadBytes: 1000, clock },
    onDropped: (key, count) => told.push([key, count]),
    log: { warn: () => undefined, error: () => undefined }
  })
  return { retention, asked, told, clock }
}

describe('retention of asynchronous calls', () => {
  it('removes dead letters when they have too many bytes, says so, and not before', async () => {
    const { retention, asked, told } = aRetention()
    await retention.start()
    retention.note(1000)
    expect(asked).to.deep.equal([])
    retention.note(200)
    await eventually(() => expect(told).to.deep.equal([['ns/fn', 1]]))
    await retention.stop()
  })

  it('D15: takes nothing for old as the clock was set ahead', async () => {
    const { retention, asked, clock } = aRetention()
    await retention.start()
    clock.aheadMs = 30 * DAY_MS
    retention.note(2000)
    await eventually(() => expect(asked).to.have.length(1))
    expect(asked[0]?.deadBefore).to.be.lessThan(systemClock.now() - DAY_MS + 60_000)
    await retention.stop()
  })
})
