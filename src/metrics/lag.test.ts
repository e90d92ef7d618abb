import { expect } from 'chai'
import fc from 'fast-check'
import { LagTracker } from './lag.ts'

const KEY = 'openfaas-fn/echo'

function aTracker() {
  const took: number[] = []
  return { lag: new LagTracker(seconds => took.push(seconds)), took }
}

describe('LagTracker', () => {
  it('tells the time since the oldest wish that is not met', () => {
    const { lag } = aTracker()
    lag.wanted(KEY, 1, 1000)
    lag.wanted(KEY, 2, 5000)
    lag.wanted('openfaas-fn/other', 1, 3000)
    expect(lag.lagOf(KEY, 6000)).to.equal(5000)
    expect(lag.maxLag(6000)).to.equal(5000)
    lag.met(KEY, 1, 6000)
    expect(lag.lagOf(KEY, 6000)).to.equal(1000)
    expect(lag.maxLag(6000)).to.equal(3000)
  })

  it('observes once how long a wish took, counted from the oldest that it fulfils', () => {
    const { lag, took } = aTracker()
    lag.wanted(KEY, 1, 1000)
    lag.wanted(KEY, 2, 3000)
    lag.met(KEY, 2, 6000)
    lag.met(KEY, 2, 9000)
    expect(took).to.deep.equal([5])
    expect(lag.lagOf(KEY, 9000)).to.equal(0)
  })

  it('takes the same wish again for no new one, also after it was met', () => {
    const { lag } = aTracker()
    lag.wanted(KEY, 1, 1000)
    lag.wanted(KEY, 1, 2000)
    expect(lag.lagOf(KEY, 3000)).to.equal(2000)
    lag.met(KEY, 1, 3000)
    lag.wanted(KEY, 1, 4000)
    expect(lag.lagOf(KEY, 9000)).to.equal(0)
  })

  it('takes a lower generation for a new object of that name', () => {
    const { lag, took } = aTracker()
    lag.wanted(KEY, 7, 1000)
    lag.met(KEY, 7, 1500)
    lag.wanted(KEY, 1, 2000)
    expect(lag.lagOf(KEY, 3000)).to.equal(1000)
    lag.met(KEY, 1, 4000)
    expect(took).to.deep.equal([0.5, 2])
  })

  it('passes over what it does not know, and clocks that went back', () => {
    const { lag, took } = aTracker()
    lag.met(KEY, 1, 1000)
    lag.forget(KEY)
    expect([took, lag.lagOf(KEY, 5), lag.maxLag(5), lag.keys()]).to.deep.equal([[], 0, 0, []])
    lag.wanted(KEY, 1, 1000)
    expect(lag.lagOf(KEY, 500)).to.equal(0)
    lag.met(KEY, 1, 500)
    expect(took).to.deep.equal([0])
  })

  it('counts from when a generation that was met is lost, until it is met again, and takes that for no new wish', () => {
    const { lag, took } = aTracker()
    lag.wanted(KEY, 1, 1000)
    lag.lost(KEY, 1, 1500)
    lag.met(KEY, 1, 2000)
    lag.lost(KEY, 1, 5000)
    lag.lost(KEY, 1, 6000)
    expect(lag.lagOf(KEY, 8000)).to.equal(3000)
    lag.wanted(KEY, 2, 7000)
    expect(lag.lagOf(KEY, 8000)).to.equal(3000)
    lag.met(KEY, 2, 9000)
    expect([lag.lagOf(KEY, 9500), took]).to.deep.equal([0, [1, 2]])
    lag.lost(KEY, 2, 9600)
    lag.met(KEY, 2, 9700)
    expect([lag.lagOf(KEY, 9800), took]).to.deep.equal([0, [1, 2]])
  })

  it('takes a generation that was met before for no wish, however old it is', () => {
    const { lag, took } = aTracker()
    lag.foundMet(KEY, 3)
    lag.wanted(KEY, 3, 1000)
    expect([lag.lagOf(KEY, 9000), lag.keys()]).to.deep.equal([0, [KEY]])
    lag.lost(KEY, 3, 9000)
    lag.met(KEY, 3, 9500)
    expect([lag.lagOf(KEY, 9900), took]).to.deep.equal([0, []])
  })

  it('forgets a key', () => {
    const { lag } = aTracker()
    lag.wanted(KEY, 1, 1000)
    lag.forget(KEY)
    expect([lag.maxLag(9000), lag.keys()]).to.deep.equal([0, []])
  })

  it('never tells less than the lag, however many wishes come before one is met', () =>
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 200 }), fc.nat(200), (wishes, met) => {
        const { lag } = aTracker()
        for (let generation = 1; generation <= wishes; generation++) lag.wanted(KEY, generation, generation * 10)
        lag.met(KEY, met, 5000)
        const oldest = Math.min(met, wishes) + 1
        expect(lag.lagOf(KEY, 5000)).to.be.at.least(oldest > wishes ? 0 : 5000 - oldest * 10)
        lag.met(KEY, wishes, 5000)
        expect(lag.lagOf(KEY, 9000)).to.equal(0)
      })
    ))
})
