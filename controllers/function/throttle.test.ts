import { expect } from 'chai'
import { Throttle } from './throttle.ts'

describe('Throttle', () => {
  let now: number
  let delays: number[]
  let throttle: Throttle

  beforeEach(() => {
    now = 0
    delays = []
    throttle = new Throttle({
      perSecond: 10,
      burst: 6,
      monotonic: () => now,
      onDelayed: seconds => delays.push(seconds)
    })
  })

  /** How many of so many keys, that each come again when they are told to, may make three calls within `ms`. */
  function admittedWithin(ms: number, keys: number): number {
    const due = new Map(Array.from({ length: keys }, (_, n) => [`key-${n}`, 0]))
    for (; now <= ms; now += 10) {
      for (const [key] of [...due].filter(([, at]) => at <= now)) {
        const waitMs = throttle.admit(key, 3, false)
        if (waitMs === 0) due.delete(key)
        else due.set(key, now + waitMs)
      }
    }
    return keys - due.size
  }

  it('D16: lets a thousand functions through at the rate that is set, after a burst', () => {
    expect(admittedWithin(10_000, 1000)).to.be.within(33, 36)
  })

  it('lets each wait once, in the order of coming', () => {
    const waits = Array.from({ length: 5 }, (_, n) => throttle.admit(`key-${n}`, 3, false))
    expect(waits).to.deep.equal([0, 0, 100, 400, 700])
    now = 399
    expect(throttle.admit('key-3', 3, false)).to.equal(1)
    now = 400
    expect(throttle.admit('key-3', 30, false)).to.equal(0)
    expect(throttle.admit('key-4', 3, false)).to.equal(300)
    expect(delays).to.deep.equal([0.1, 0.4, 0.7])
    expect(throttle.keys).to.deep.equal(['key-2', 'key-4'])
  })

  it('never lets wait what people asked for, and the others all the longer', () => {
    for (let n = 0; n < 10; n++) throttle.admit(`key-${n}`, 3, false)
    expect(throttle.admit('edited', 20, true)).to.equal(0)
    expect(throttle.admit('key-9', 3, true)).to.equal(0)
    expect(throttle.admit('late', 3, false)).to.equal(2500)
  })

  it('lets the others wait for a burst at most, however much people ask for', () => {
    for (let n = 0; n < 1000; n++) throttle.admit(`edited-${n}`, 3, true)
    expect(throttle.admit('late', 3, false)).to.equal(700)
  })

  it('has no more than its burst after the longest quiet time', () => {
    now = 1e9
    expect([1, 2, 3].map(n => throttle.admit(`key-${n}`, 3, false))).to.deep.equal([0, 0, 100])
  })

  it('keeps nothing of a key that is gone', () => {
    for (let n = 0; n < 4; n++) throttle.admit(`key-${n}`, 3, false)
    throttle.forget('key-2')
    throttle.forget('key-3')
    expect(throttle.keys).to.deep.equal([])
  })
})
