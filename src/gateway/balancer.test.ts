import { expect } from 'chai'
import fc from 'fast-check'
import { pickEndpoint } from './balancer.ts'
import { Inflight } from './inflight.ts'

const endpoints = (n: number) => Array.from({ length: n }, (_, i) => ({ containerId: `c${i}`, host: 'h', port: 80 }))

describe('pickEndpoint', () => {
  it('never picks one that was tried or is full, and picks one as long as there is another', () => {
    const counts = fc.array(fc.nat(4), { minLength: 0, maxLength: 6 })
    fc.assert(
      fc.property(
        counts,
        fc.array(fc.nat(5)),
        fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
        (loads, triedNumbers, r) => {
          const inflight = new Inflight()
          loads.forEach((load, i) => {
            for (let n = 0; n < load; n++) inflight.acquire(`c${i}`)
          })
          const tried = new Set(triedNumbers.map(i => `c${i}`))
          const open = endpoints(loads.length).filter(
            e => !tried.has(e.containerId) && inflight.count(e.containerId) < 3
          )
          const picked = pickEndpoint(endpoints(loads.length), { inflight, random: () => r, tried, maxPerEndpoint: 3 })
          if (open.length === 0) expect(picked).to.equal(undefined)
          else expect(open.map(e => e.containerId)).to.include(picked?.containerId)
        }
      )
    )
  })

  it('keeps calls that do not end close to even over ten replicas', () => {
    const inflight = new Inflight()
    const all = endpoints(10)
    for (let n = 0; n < 1000; n++) {
      const picked = pickEndpoint(all, { inflight, random: Math.random, maxPerEndpoint: 1000 })
      inflight.acquire(picked?.containerId ?? '')
    }
    const counts = all.map(e => inflight.count(e.containerId))
    expect(Math.max(...counts) - Math.min(...counts)).to.be.lessThan(12)
  })

  it('chooses the less busy of two', () => {
    const inflight = new Inflight()
    inflight.acquire('c0')
    for (const r of [0, 0.3, 0.6, 0.99]) {
      expect(pickEndpoint(endpoints(2), { inflight, random: () => r, maxPerEndpoint: 9 })?.containerId).to.equal('c1')
    }
  })
})
