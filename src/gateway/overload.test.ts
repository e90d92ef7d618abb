import { setTimeout as sleep } from 'node:timers/promises'
import { expect } from 'chai'
import * as fc from 'fast-check'
import { systemClock } from '../clock.ts'
import { nextShare, Overload } from './overload.ts'

describe('nextShare', () => {
  for (const [what, share, lateMs, next] of [
    ['refuses nobody while the loop is in time', 0, 0, 0],
    ['rises with what is late', 0, 150, 0.075],
    ['rises by a fifth at most', 0, 5_000, 0.2],
    ['stays below all', 0.9, 5_000, 0.95],
    ['stays while the loop is nearly late', 0.4, 80, 0.4],
    ['falls when it is in time', 0.5, 10, 0.44],
    ['falls to nothing', 0.005, 0, 0]
  ] as const) {
    it(what, () => expect(nextShare(share, lateMs, 100)).to.be.closeTo(next, 1e-9))
  }

  it('stays a share, never falls while the loop is late, and ends when it no longer is', () => {
    const times = fc.integer({ min: 0, max: 100_000 })
    fc.assert(
      fc.property(fc.array(times), fc.integer({ min: 10, max: 10_000 }), (late, delayMs) => {
        let share = 0
        for (const lateMs of late) {
          const next = nextShare(share, lateMs, delayMs)
          if (next < 0 || next > 0.95 || (lateMs > delayMs && next < share)) return false
          share = next
        }
        for (let n = 0; n < 60; n++) share = nextShare(share, 0, delayMs)
        return share === 0
      })
    )
  })
})

describe('Overload', () => {
  let overload: Overload
  let told: object[]
  const create = (options: { callsMax: number; delayMs: number }) => {
    told = []
    const log = { warn: (fields: object) => told.push(fields) }
    overload = new Overload({ ...options, now: systemClock.monotonic, random: () => 0, log })
  }
  afterEach(() => overload.stop())

  it('X13: takes as many calls as are allowed, and tells of many refusals once', () => {
    create({ callsMax: 2, delayMs: 1000 })
    expect([0, 1, 2, 3, 1].map(calls => overload.admits(calls))).to.deep.equal([true, true, false, false, true])
    expect(told).to.deep.equal([{ why: 'calls under way', calls: 2 }])
  })

  it('X13: takes any number where none is said', () => {
    create({ callsMax: 0, delayMs: 1000 })
    expect(overload.admits(1_000_000)).to.equal(true)
  })

  it('X13: refuses calls while the event loop is late again and again, and takes all soon after', async () => {
    create({ callsMax: 0, delayMs: 100 })
    /** Keeps the loop busy for several samples. */
    const busy = async (times: number) => {
      for (let n = 0; n < times; n++) {
        overload.admits(100)
        const end = performance.now() + 260
        while (performance.now() < end);
        await sleep(1)
      }
    }
    await busy(1)
    expect(overload.admits(100), 'after one pause').to.equal(true)
    await busy(6)
    expect(overload.admits(100), 'after many').to.equal(false)
    expect(told).to.deep.equal([{ why: 'event loop', calls: 100 }])
    const deadline = performance.now() + 20_000
    while (!overload.admits(0) && performance.now() < deadline) await sleep(20)
    expect(overload.admits(0), 'when it is in time again').to.equal(true)
  })
})
