import { expect } from 'chai'
import fc from 'fast-check'
import { SubnetLeases } from './subnet-leases.ts'
import { overlaps } from './subnets.ts'

const MINUTE = 60_000
const NONE = { taken: [], routes: [] }

function aLeases({ pool = '10.62.0.0/26' } = {}) {
  const time = { now: 0 }
  return { leases: new SubnetLeases({ pool, clock: { monotonic: () => time.now } }), time }
}

describe('SubnetLeases', () => {
  it('gives two passes at once different subnets, and one pass twice the same', () => {
    const { leases } = aLeases()
    const a = leases.lease({ networkName: 'a', prefix: 28, ...NONE })
    const others = ['b', 'c', 'd'].map(networkName => leases.lease({ networkName, prefix: 28, ...NONE }))
    expect(new Set([a, ...others]).size).to.equal(4)
    expect(leases.lease({ networkName: 'a', prefix: 28, ...NONE })).to.equal(a)
    expect(leases.lease({ networkName: 'e', prefix: 28, ...NONE })).to.equal(undefined)
  })

  it('gives up a promise that somebody else took meanwhile', () => {
    const { leases } = aLeases()
    const promised = leases.lease({ networkName: 'a', prefix: 28, ...NONE }) ?? ''
    const next = leases.lease({ networkName: 'a', prefix: 28, taken: [promised], routes: [] })
    expect(next).to.be.a('string').that.is.not.equal(promised)
  })

  it('does not try a refused one again for ten minutes', () => {
    const { leases, time } = aLeases({ pool: '10.62.0.0/28' })
    expect(leases.lease({ networkName: 'a', prefix: 28, ...NONE })).to.equal('10.62.0.0/28')
    leases.refused('a', '10.62.0.0/28')
    expect(leases.lease({ networkName: 'a', prefix: 28, ...NONE })).to.equal(undefined)
    time.now += 10 * MINUTE - 1
    expect(leases.lease({ networkName: 'b', prefix: 28, ...NONE })).to.equal(undefined)
    time.now += 1
    expect(leases.lease({ networkName: 'a', prefix: 28, ...NONE })).to.equal('10.62.0.0/28')
  })

  it('gives a freed one to others last, and back to its own name first', () => {
    const { leases } = aLeases()
    const old = leases.lease({ networkName: 'a', prefix: 28, ...NONE }) ?? ''
    leases.settled('a')
    leases.freed(old, 'a')
    const others = ['b', 'c', 'd'].map(networkName => leases.lease({ networkName, prefix: 28, ...NONE }))
    expect(others).to.not.include(old)
    expect(leases.lease({ networkName: 'a', prefix: 28, ...NONE })).to.equal(old)
    leases.freed(old, 'a')
    expect(leases.lease({ networkName: 'e', prefix: 28, ...NONE })).to.equal(old)
    expect(leases.lease({ networkName: 'a', prefix: 28, ...NONE })).to.equal(undefined)
  })

  it('gives one outside of the pool back to nobody, so that a network that had it moves into the pool', () => {
    const { leases } = aLeases()
    leases.freed('172.30.0.0/28', 'a')
    expect(leases.lease({ networkName: 'a', prefix: 28, ...NONE })).to.match(/^10\.62\.0\./)
    leases.settled('a')
    expect(leases.lease({ networkName: 'b', prefix: 28, ...NONE })).to.match(/^10\.62\.0\./)
  })

  it('gives one that was freed and used again to others as any other', () => {
    const { leases, time } = aLeases()
    const old = leases.lease({ networkName: 'a', prefix: 28, ...NONE }) ?? ''
    leases.freed(old, 'a')
    leases.lease({ networkName: 'a', prefix: 28, ...NONE })
    leases.settled('a')
    time.now += MINUTE
    const alike = Array.from({ length: 100 }, (_, i) => `fn-${i}`).find(
      networkName => aLeases().leases.lease({ networkName, prefix: 28, ...NONE }) === old
    )
    expect(leases.lease({ networkName: alike ?? '', prefix: 28, ...NONE })).to.equal(old)
  })

  it('N1: gives a network that was removed by hand its subnet back', () => {
    const { leases } = aLeases()
    const [b] = [leases.lease({ networkName: 'b', prefix: 28, ...NONE }) ?? '']
    const a = leases.lease({ networkName: 'a', prefix: 28, taken: [b], routes: [] })
    leases.settled('a')
    expect(leases.lease({ networkName: 'a', prefix: 28, ...NONE })).to.equal(a)
  })

  it('N1: gives it back though the bridge of the removed network still has its route', () => {
    const { leases } = aLeases()
    const had = leases.lease({ networkName: 'a', prefix: 28, ...NONE }) ?? ''
    leases.settled('a')
    expect(leases.lease({ networkName: 'a', prefix: 28, taken: [], routes: [had, '192.168.0.0/24'] })).to.equal(had)
    leases.settled('a')
    expect(leases.lease({ networkName: 'a', prefix: 28, taken: [had], routes: [had] })).to.not.equal(had)
  })

  it('N4: keeps off a route that covers the subnet, and off any once we removed the network for its sake', () => {
    const { leases } = aLeases()
    const had = leases.lease({ networkName: 'a', prefix: 28, ...NONE }) ?? ''
    leases.settled('a')
    const wider = had.replace(/28$/, '27')
    expect(leases.lease({ networkName: 'a', prefix: 28, taken: [], routes: [wider] })).to.not.equal(had)
    leases.freed(had, 'a')
    expect(leases.lease({ networkName: 'a', prefix: 28, taken: [], routes: [had] })).to.not.equal(had)
  })

  it('gives another size when another is wanted', () => {
    const { leases } = aLeases()
    expect(leases.lease({ networkName: 'a', prefix: 28, ...NONE })).to.match(/\/28$/)
    expect(leases.lease({ networkName: 'a', prefix: 27, ...NONE })).to.match(/\/27$/)
  })

  it('keeps a settled one from a pass whose list of networks is older, while there are others', () => {
    const { leases } = aLeases({ pool: '10.62.0.0/27' })
    const a = leases.lease({ networkName: 'a', prefix: 28, ...NONE })
    leases.settled('a')
    const b = leases.lease({ networkName: 'b', prefix: 28, ...NONE })
    expect(b).to.be.a('string').that.is.not.equal(a)
    leases.settled('b')
    expect(leases.lease({ networkName: 'c', prefix: 28, ...NONE })).to.be.a('string')
  })

  it('drops a promise that nobody came back for', () => {
    const { leases, time } = aLeases({ pool: '10.62.0.0/28' })
    leases.lease({ networkName: 'a', prefix: 28, ...NONE })
    expect(leases.lease({ networkName: 'b', prefix: 28, ...NONE })).to.equal(undefined)
    time.now += 10 * MINUTE
    expect(leases.lease({ networkName: 'b', prefix: 28, ...NONE })).to.equal('10.62.0.0/28')
  })

  it('I6: never promises two names what overlaps, in any order of calls', () => {
    const call = fc.record({
      kind: fc.constantFrom<Call['kind']>('lease', 'settled', 'refused', 'freed', 'wait'),
      name: fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f'),
      prefix: fc.constantFrom(27, 28)
    })
    fc.assert(
      fc.property(fc.array(call, { maxLength: 60 }), calls => {
        const world = new World()
        for (const each of calls) world[each.kind](each)
      }),
      { numRuns: 500 }
    )
  })
})

interface Call {
  readonly kind: 'lease' | 'settled' | 'refused' | 'freed' | 'wait'
  readonly name: string
  readonly prefix: number
}

/** Docker's networks and the promises beside them, kept as the function controller would. */
class World {
  readonly #time = { now: 0 }
  readonly #leases = new SubnetLeases({ pool: '10.62.0.0/26', clock: { monotonic: () => this.#time.now } })
  readonly #promised = new Map<string, string>()
  readonly #networks = new Map<string, string>()

  lease({ name, prefix }: Call): void {
    if (this.#networks.has(name)) return
    const cidr = this.#leases.lease({ networkName: name, prefix, taken: [...this.#networks.values()], routes: [] })
    this.#promised.delete(name)
    if (cidr === undefined) return
    for (const other of [...this.#promised.values(), ...this.#networks.values()]) {
      expect(overlaps(cidr, other), `${cidr} and ${other}`).to.equal(false)
    }
    this.#promised.set(name, cidr)
  }

  settled({ name }: Call): void {
    const cidr = this.#take(name)
    if (cidr === undefined) return
    this.#networks.set(name, cidr)
    this.#leases.settled(name)
  }

  refused({ name }: Call): void {
    const cidr = this.#take(name)
    if (cidr !== undefined) this.#leases.refused(name, cidr)
  }

  freed({ name }: Call): void {
    const cidr = this.#networks.get(name)
    if (cidr === undefined) return
    this.#networks.delete(name)
    this.#leases.freed(cidr, name)
  }

  /** Short enough that no promise of the longest run of calls expires, for then it is one no more. */
  wait(): void {
    this.#time.now += MINUTE / 10
  }

  #take(name: string): string | undefined {
    const cidr = this.#promised.get(name)
    this.#promised.delete(name)
    return cidr
  }
}
