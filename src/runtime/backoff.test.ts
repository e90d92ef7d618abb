import { expect } from 'chai'
import fc from 'fast-check'
import { backoffMs } from './backoff.ts'

const limits = { baseMs: 200, capMs: 300_000 }

describe('backoffMs', () => {
  it('doubles the upper bound with each failure, up to the cap', () => {
    const most = (failures: number) => backoffMs(failures, limits, () => 1)
    expect([0, 1, 2, 10, 11, 5000].map(most)).to.deep.equal([200, 400, 800, 204_800, 300_000, 300_000])
  })

  it('is random in the whole of [0, bound]', () => {
    fc.assert(
      fc.property(fc.nat(2000), fc.double({ min: 0, max: 1, noNaN: true }), (failures, random) => {
        const ms = backoffMs(failures, limits, () => random)
        expect(ms).to.be.within(0, Math.min(limits.capMs, limits.baseMs * 2 ** failures))
        expect(ms).to.equal(random * backoffMs(failures, limits, () => 1))
      })
    )
  })
})
