import { expect } from 'chai'
import { TestClock } from '../../test/helpers/loop.ts'
import { PortLeases } from './port-leases.ts'

const CONTAINER_PORTS = [40_000, 5678, 9229]
const NONE = new Map<number, number>()

describe('PortLeases', () => {
  let clock: TestClock
  let leases: PortLeases

  beforeEach(() => {
    clock = new TestClock()
    leases = new PortLeases({ range: { first: 20_000, last: 20_011 }, reserved: [20_003], clock })
  })

  function lease(owner: string, { held = NONE, taken = [] as number[], containerPorts = CONTAINER_PORTS } = {}) {
    const ports = leases.lease({ owner, containerPorts, held, taken: new Set(taken) })
    return ports && [...ports.values()]
  }

  it('gives an owner the same ports each time, in another process, too', () => {
    const first = lease('test/ns/a/0')
    expect(first).to.have.length(3)
    expect(lease('test/ns/a/0')).to.deep.equal(first)
    leases = new PortLeases({ range: { first: 20_000, last: 20_011 }, reserved: [20_003], clock })
    expect(lease('test/ns/a/0')).to.deep.equal(first)
  })

  it('gives each port of the range once, the reserved one never, and then says that there is none', () => {
    const all = ['a', 'b', 'c'].flatMap(owner => lease(owner) ?? [])
    expect(new Set(all).size).to.equal(9)
    expect(all).not.to.include(20_003)
    for (const port of all) expect(port).to.be.within(20_000, 20_011)
    expect(lease('d')).to.equal(undefined)
    expect(lease('d', { containerPorts: [1, 2] })).to.have.length(2)
  })

  it('prefers the ports that the owner has, unless they are taken, refused or out of the range', () => {
    const held = new Map([
      [40_000, 20_007],
      [5678, 20_008],
      [9229, 40_001]
    ])
    const [delve, debugpy, node] = lease('a', { held }) ?? []
    expect([delve, debugpy]).to.deep.equal([20_007, 20_008])
    expect(node).to.be.within(20_000, 20_011)
    expect(lease('a', { held, taken: [20_007] })?.[0]).not.to.equal(20_007)
    leases.refused(20_008)
    expect(lease('a', { held })?.[1]).not.to.equal(20_008)
  })

  it('gives no port that Docker lists as another one’s', () => {
    const taken = [20_000, 20_001, 20_002, 20_004, 20_005, 20_006, 20_007, 20_008]
    expect(lease('a', { taken })?.toSorted()).to.deep.equal([20_009, 20_010, 20_011])
  })

  it('P1: tries what was refused last, the longest ago first, and forgets it after ten minutes', () => {
    const first = lease('a', { containerPorts: [9229] })?.[0] ?? 0
    for (let port = 20_000; port <= 20_011; port++) if (port !== 20_005) leases.refused(port)
    expect(lease('a', { containerPorts: [9229] })).to.deep.equal([20_005])
    leases.refused(20_005)
    expect(lease('a', { containerPorts: [9229] })).to.deep.equal([20_000])
    clock.advance(600_000)
    expect(lease('a', { containerPorts: [9229] })).to.deep.equal([first])
  })

  it('keeps what it promised until Docker lists it, but not for ever', () => {
    const promised = lease('a') ?? []
    expect(lease('b')?.some(port => promised.includes(port))).to.equal(false)
    const held = new Map(CONTAINER_PORTS.map((port, i) => [port, promised[i] ?? 0]))
    clock.advance(120_000)
    expect(lease('b', { held })).to.deep.equal(promised)
  })
})
