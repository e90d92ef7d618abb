import { expect } from 'chai'
import fc from 'fast-check'
import { LoadWindow, PeakWindow, type Sample } from './window.ts'

const aSample = (at: number, overrides: Partial<Sample> = {}): Sample => ({
  at,
  ms: 1000,
  started: 0,
  succeeded: 0,
  inflight: 0,
  queued: 0,
  ...overrides
})

describe('LoadWindow', () => {
  it('means over a span what came in it, and takes the rest of it for quiet', () => {
    const window = new LoadWindow(60_000)
    for (let second = 1; second <= 6; second++) {
      window.add(aSample(second * 1000, { started: 20, succeeded: 10, inflight: 4 }))
    }
    expect(window.perSecond('started', { ms: 6000, now: 6000 })).to.equal(20)
    expect(window.perSecond('succeeded', { ms: 6000, now: 6000 })).to.equal(10)
    expect(window.perSecond('started', { ms: 60_000, now: 6000 })).to.equal(2)
    expect(window.mean('inflight', { ms: 12_000, now: 6000 })).to.equal(2)
    expect(window.mean('inflight', { ms: 6000, now: 9000 })).to.equal(2)
  })

  it('counts of a sample that only reaches into the span its share', () => {
    const window = new LoadWindow(60_000)
    window.add(aSample(10_000, { ms: 4000, started: 40, inflight: 8 }))
    expect(window.perSecond('started', { ms: 1000, now: 10_000 })).to.equal(10)
    expect(window.mean('inflight', { ms: 2000, now: 11_000 })).to.equal(4)
  })

  it('knows of CPU only what was measured, and nothing when that is too little', () => {
    const window = new LoadWindow(60_000)
    window.add(aSample(1000, { cpu: 300 }))
    window.add(aSample(2000))
    window.add(aSample(3000, { cpu: 500 }))
    expect(window.cpu({ ms: 3000, now: 3000 })).to.equal(400)
    expect(window.cpu({ ms: 60_000, now: 3000 })).to.equal(undefined)
    expect(window.cpu({ ms: 4000, now: 3000 })).to.equal(400)
    expect(window.cpu({ ms: 2500, now: 3000 }), 'half of the first one counts').to.be.closeTo(433.3, 0.1)
  })

  it('forgets what is over, and is quiet when nothing is left', () => {
    const window = new LoadWindow(5000)
    window.add(aSample(1000, { started: 1 }))
    for (let at = 2000; at <= 5000; at += 1000) window.add(aSample(at))
    expect(window.isQuiet).to.equal(false)
    window.add(aSample(6000))
    expect(window.isQuiet).to.equal(true)
    window.add(aSample(7000, { inflight: 1 }))
    expect(window.isQuiet, 'a call runs').to.equal(false)
    expect(new LoadWindow(5000).isQuiet).to.equal(true)
  })
})

describe('PeakWindow', () => {
  it('gives the most of the last while, as a list of all would', () => {
    const steps = fc.array(fc.tuple(fc.integer({ min: 0, max: 3000 }), fc.integer({ min: 0, max: 9 })), {
      minLength: 1
    })
    fc.assert(
      fc.property(steps, fc.integer({ min: 1, max: 6000 }), (puts, ms) => {
        const window = new PeakWindow()
        const all: { at: number; value: number }[] = []
        let now = 0
        for (const [wait, value] of puts) {
          now += wait
          window.put(now, value)
          all.push({ at: now, value })
          const last = all.filter(({ at }) => at > now - ms)
          const value_ = Math.max(...last.map(entry => entry.value))
          const until = Math.max(...last.filter(entry => entry.value === value_).map(entry => entry.at)) + ms
          expect(window.most({ ms, now })).to.deep.equal({ value: value_, until })
        }
        expect(window.most({ ms, now: now + ms })).to.equal(undefined)
      })
    )
  })
})
