import { expect } from 'chai'
import fc from 'fast-check'
import { capacityOf, overlaps, pickSubnet, prefixFor } from './subnets.ts'

const POOL = '10.62.0.0/16'
const nothing: ReadonlySet<string> = new Set()

/** The i-th /28 of the pool. */
function slot(i: number): string {
  return `10.62.${(i * 16) >> 8}.${(i * 16) & 255}/28`
}

/** Every subnet of that length in a /24. */
function allOf(pool: string, prefix: number): string[] {
  const size = 2 ** (32 - prefix)
  return Array.from({ length: 256 / size }, (_, i) => `${pool.replace('.0/24', '')}.${i * size}/${prefix}`)
}

describe('pickSubnet', () => {
  it('gives the same name the same subnet, and names different ones', () => {
    const picks = Array.from({ length: 50 }, (_, i) =>
      pickSubnet({ pool: POOL, prefix: 28, taken: [], name: `fn-${i}`, avoid: nothing })
    )
    const again = Array.from({ length: 50 }, (_, i) =>
      pickSubnet({ pool: POOL, prefix: 28, taken: [], name: `fn-${i}`, avoid: nothing })
    )
    expect(again).to.deep.equal(picks)
    expect(new Set(picks).size).to.be.greaterThan(45)
    for (const pick of picks) expect(pick).to.match(/^10\.62\.\d+\.\d+\/28$/)
  })

  it('N4: walks past what overlaps, larger or smaller, and ignores what is not IPv4', () => {
    const taken = [
      '10.62.0.0/28',
      '10.62.0.20/32',
      '10.62.0.32/27',
      'fd00::/64',
      'junk',
      '10.62.0.0',
      '10.62.0.0/99',
      '10.62.300.0/28'
    ]
    const picked = pickSubnet({ pool: '10.62.0.0/25', prefix: 28, taken, name: 'x', avoid: nothing })
    expect(['10.62.0.64/28', '10.62.0.80/28', '10.62.0.96/28', '10.62.0.112/28']).to.include(picked)
  })

  it('N3: finds none in a full pool, and one again when one is freed', () => {
    const request = { pool: '10.62.0.0/27', prefix: 28, name: 'x', avoid: nothing }
    expect(pickSubnet({ ...request, taken: ['10.62.0.0/28', '10.62.0.16/28'] })).to.equal(undefined)
    expect(pickSubnet({ ...request, taken: ['10.62.0.0/28'] })).to.equal('10.62.0.16/28')
  })

  it('takes the avoided ones only when nothing else is left', () => {
    const request = { pool: '10.62.0.0/27', prefix: 28, name: 'x', avoid: new Set(['10.62.0.0/28']) }
    expect(pickSubnet({ ...request, taken: [] })).to.equal('10.62.0.16/28')
    expect(pickSubnet({ ...request, taken: ['10.62.0.16/28'] })).to.equal('10.62.0.0/28')
  })

  it('gives none for a pool or prefix that makes no sense', () => {
    for (const [pool, prefix] of [
      ['10.62.0.0/28', 27],
      ['fd00::/8', 28],
      ['', 28],
      ['10.62.0.0/16', 33],
      ['10.62.0.0/16', 28.5]
    ] as const) {
      expect(pickSubnet({ pool, prefix, taken: [], name: 'x', avoid: nothing })).to.equal(undefined)
    }
  })

  it('counts from the start of a pool that is written with host bits, up to the end of the address space', () => {
    expect(pickSubnet({ pool: '10.62.5.9/28', prefix: 28, taken: [], name: 'x', avoid: nothing })).to.equal(
      '10.62.5.0/28'
    )
    const taken = ['255.255.255.0/28']
    expect(pickSubnet({ pool: '255.255.255.0/27', prefix: 28, taken, name: 'x', avoid: nothing })).to.equal(
      '255.255.255.16/28'
    )
    expect(pickSubnet({ pool: '0.0.0.0/0', prefix: 1, taken: ['0.0.0.0/1'], name: 'x', avoid: nothing })).to.equal(
      '128.0.0.0/1'
    )
  })

  it('never overlaps what is taken, and finds one iff one is free', () => {
    const cidr = fc
      .tuple(fc.nat(255), fc.integer({ min: 23, max: 32 }))
      .map(([host, prefix]) => `10.62.7.${host}/${prefix}`)
    const request = fc.record({
      taken: fc.array(cidr, { maxLength: 12 }),
      avoid: fc.array(cidr, { maxLength: 6 }).map(list => new Set(list)),
      prefix: fc.integer({ min: 24, max: 30 }),
      name: fc.string()
    })
    fc.assert(
      fc.property(request, ({ taken, avoid, prefix, name }) => {
        const picked = pickSubnet({ pool: '10.62.7.0/24', prefix, taken, name, avoid })
        const free = allOf('10.62.7.0/24', prefix).filter(candidate => !taken.some(other => overlaps(candidate, other)))
        const unavoided = free.filter(candidate => ![...avoid].some(other => overlaps(candidate, other)))
        if (picked === undefined) expect(free).to.deep.equal([])
        else expect(unavoided.length > 0 ? unavoided : free).to.include(picked)
        expect(pickSubnet({ pool: '10.62.7.0/24', prefix, taken: [...taken].reverse(), name, avoid })).to.equal(picked)
      }),
      { numRuns: 1_000 }
    )
  })

  it('picks among 4,096 slots with 4,000 taken in some milliseconds', () => {
    const taken = Array.from({ length: 4_000 }, (_, i) => slot((i * 7) % 4_096))
    const times = Array.from({ length: 9 }, (_, i) => {
      const begin = performance.now()
      expect(pickSubnet({ pool: POOL, prefix: 28, taken, name: `fn-${i}`, avoid: nothing })).to.be.a('string')
      return performance.now() - begin
    })
    expect(times.sort((a, b) => a - b)[4]).to.be.lessThan(200)
  })
})

describe('prefixFor and capacityOf', () => {
  for (const [replicas, prefix] of [
    [0, 28],
    [1, 28],
    [12, 28],
    [13, 27],
    [28, 27],
    [29, 26],
    [60, 26],
    [61, 25],
    [10_000, 18]
  ] as const) {
    it(`holds ${replicas} replicas in a /${prefix}`, () => expect(prefixFor(replicas)).to.equal(prefix))
  }

  it('is the smallest that holds them', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 60_000 }), replicas => {
        const prefix = prefixFor(replicas)
        expect(capacityOf(`10.0.0.0/${prefix}`)).to.be.at.least(replicas)
        if (prefix < 28) expect(capacityOf(`10.0.0.0/${prefix + 1}`)).to.be.lessThan(replicas)
      })
    )
  })

  it('is 0 for what is too small or no IPv4 subnet', () => {
    expect(['10.0.0.0/30', '10.0.0.0/32', 'fd00::/64', '10.0.0.0', 'x/28'].map(capacityOf)).to.deep.equal([
      0, 0, 0, 0, 0
    ])
    expect(capacityOf('10.0.0.0/28')).to.equal(12)
  })
})

describe('overlaps', () => {
  for (const [a, b, answer] of [
    ['10.0.0.0/8', '10.255.255.240/28', true],
    ['10.0.0.0/28', '10.0.0.16/28', false],
    ['10.0.0.17/28', '10.0.0.31/32', true],
    ['192.168.0.0/16', '192.169.0.0/16', false],
    ['200.0.0.0/5', '207.255.255.255/32', true],
    ['0.0.0.0/0', 'fd00::/8', false]
  ] as const) {
    it(`${a} and ${b}: ${answer}`, () => {
      expect(overlaps(a, b)).to.equal(answer)
      expect(overlaps(b, a)).to.equal(answer)
    })
  }
})
