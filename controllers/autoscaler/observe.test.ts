import { expect } from 'chai'
import { type LoadMeter, LoadSampler } from './observe.ts'

interface Counts {
  calls: number
  invocations: number
  succeeded: number
  inflight: number
}

/** A sampler over counts that tests write, on a clock that they move. */
function aSampler() {
  const meters = new Map<string, LoadMeter>()
  let now = 50_000
  const sampler = new LoadSampler({
    ...{ meters: { entries: () => meters, find: key => meters.get(key) }, cpuOf: () => undefined, queuedOf: () => 0 },
    ...{ stableMs: 60_000, burstMs: 6000, now: () => now }
  })
  return {
    sampler,
    meters,
    meter: (key: string): Counts => {
      const counts = { calls: 0, invocations: 0, succeeded: 0, inflight: 0 }
      meters.set(key, counts)
      return counts
    },
    tick: (ms = 1000) => {
      now += ms
      return sampler.tick()
    },
    load: (key: string, type: 'rps' | 'capacity' = 'rps') => sampler.loadOf(key, type, 0),
    now: () => now
  }
}

function call(counts: Counts, times = 1): void {
  counts.calls += times
  counts.invocations += times
  counts.succeeded += times
}

describe('LoadSampler', () => {
  it('looks at functions that are called, and for a window longer', () => {
    const { meter, tick } = aSampler()
    meter('ns/idle')
    const busy = meter('ns/busy')
    expect(tick()).to.deep.equal([])
    call(busy)
    const ticks = Array.from({ length: 70 }, () => tick())
    expect(ticks.filter(keys => keys.length > 0).length).to.be.within(60, 62)
    expect(ticks.flat().every(key => key === 'ns/busy')).to.equal(true)
  })

  it('means over both windows, and over what there is of them after a start', () => {
    const { meter, tick, load } = aSampler()
    const counts = meter('ns/fn')
    for (let second = 0; second < 3; second++) {
      call(counts, 12)
      tick()
    }
    expect(load('ns/fn')).to.deep.include({ stable: 12, burst: 12, isFilled: false })
    for (let second = 0; second < 27; second++) tick()
    expect(load('ns/fn')).to.deep.include({ stable: 1.2, burst: 0, isFilled: true })
  })

  it('knows what a function without a call has: no load, and since when', () => {
    const { tick, load } = aSampler()
    tick(10_000)
    expect(load('ns/fn')).to.deep.equal({ inflight: 0, quietSince: 50_000, stable: 0, burst: 0, isFilled: true })
  })

  it('takes a function for busy whose calls no tick has seen yet, and quiet when the last has ended', () => {
    const { meter, tick, load, now } = aSampler()
    const counts = meter('ns/fn')
    tick()
    counts.calls++
    counts.inflight++
    expect(load('ns/fn')).to.not.have.property('quietSince')
    tick(5000)
    expect(load('ns/fn')).to.not.have.property('quietSince')
    counts.inflight--
    counts.invocations++
    expect(load('ns/fn')).to.not.have.property('quietSince')
    tick()
    expect(load('ns/fn').quietSince).to.equal(now())
    tick(9000)
    expect(load('ns/fn').quietSince).to.equal(now() - 9000)
  })

  it('says since when a function is called more than 5 times a second with success', () => {
    const { meter, tick, load, now } = aSampler()
    const counts = meter('ns/fn')
    const overFor = () => {
      const { overSince } = load('ns/fn')
      return overSince === undefined ? undefined : now() - overSince
    }
    for (let second = 0; second < 10; second++) {
      call(counts, 5)
      tick()
    }
    expect(overFor()).to.equal(undefined)
    for (let second = 0; second < 10; second++) {
      call(counts, 6)
      tick()
    }
    expect(overFor()).to.equal(9000)
    tick()
    counts.calls += 100
    counts.invocations += 100
    for (let second = 0; second < 5; second++) tick()
    expect(overFor()).to.equal(undefined)
  })

  it('forgets functions that are gone, and takes no old calls for new ones of a name that comes back', () => {
    const { meter, tick, load, meters } = aSampler()
    const counts = meter('ns/fn')
    call(counts, 600)
    tick(60_000)
    meters.delete('ns/fn')
    tick(60_000)
    expect(load('ns/fn').stable).to.equal(0)
    meter('ns/fn')
    tick(1000)
    expect(load('ns/fn').stable).to.equal(0)
  })

  it('begins anew with another function of that name', () => {
    const { meter, tick, load } = aSampler()
    call(meter('ns/fn'), 60)
    tick(60_000)
    expect(load('ns/fn').stable).to.equal(1)
    call(meter('ns/fn'), 6)
    tick(60_000)
    expect(load('ns/fn').stable).to.equal(0.1)
  })

  it('looks at ten thousand idle functions in less time than a tick may take', () => {
    const { meter, tick } = aSampler()
    for (let n = 0; n < 10_000; n++) call(meter(`ns/fn-${n}`))
    tick()
    tick(70_000)
    const startedAt = performance.now()
    expect(tick()).to.deep.equal([])
    expect(performance.now() - startedAt).to.be.below(500)
  })
})
