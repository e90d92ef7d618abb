import { expect } from 'chai'
import * as fc from 'fast-check'
import { paceOf } from './pace.ts'

describe('paceOf', () => {
  it('ends each time up to a tenth late, or a tick of 8 ms, and never early', () => {
    const ms = fc.integer({ min: 1, max: 86_400_000 })
    const periods = fc.record({ idleMs: ms, firstByteMs: ms, totalMs: fc.option(ms, { nil: undefined }), readMs: ms })
    fc.assert(
      fc.property(periods, p => {
        const { tickMs, ...ticks } = paceOf(p)
        const pairs = [
          [p.idleMs, ticks.idle],
          [p.firstByteMs, ticks.firstByte],
          [p.totalMs, ticks.total],
          [p.readMs, ticks.read]
        ] as const
        return pairs.every(([asked, n]) => {
          if (asked === undefined) return n === Infinity
          const late = n * tickMs - asked
          return late >= 0 && late <= Math.max(8, asked / 10)
        })
      })
    )
  })

  it('has few different ticks, so that functions share clocks', () => {
    const ticks = new Set<number>()
    for (let ms = 1; ms < 10_000; ms++) {
      ticks.add(paceOf({ idleMs: ms, firstByteMs: ms, readMs: 86_400_000 }).tickMs)
    }
    expect(ticks.size).to.be.at.most(10)
  })
})
