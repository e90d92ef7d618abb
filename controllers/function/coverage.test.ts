import { expect } from 'chai'
import type { Condition } from '../../api/condition.ts'
import { coverage } from './coverage.ts'
import type { ObservedNetwork } from './observed.ts'

const DESIRED = { networkName: 'net-hello', pool: '10.100.0.0/16', replicas: 1 }
const NETWORK: ObservedNetwork = { id: 'n', ours: true, capacity: 12, members: [], egress: 'open' }
const on = (subnet: string, rest: Partial<ObservedNetwork> = {}) => ({ network: { ...NETWORK, subnet, ...rest } })
const told = (...args: Parameters<typeof coverage>) => coverage(...args).map(({ type, reason }) => `${type} ${reason}`)

describe('whether the firewall covers a function', () => {
  it('is told where its network lies outside of the pool, with what helps', () => {
    const [condition] = coverage(DESIRED, on('172.18.0.0/16', { legacy: true }), [])
    expect(condition).to.include({ type: 'Uncovered', status: 'True', reason: 'NetworkOutsidePool' })
    expect(condition?.message).to.contain('net-hello (172.18.0.0/16)').and.contain('scale the function to 0 and back')
  })

  const covered: [title: string, ...args: Parameters<typeof coverage>][] = [
    ['lies in the pool', DESIRED, on('10.100.3.16/28'), []],
    ['is not there yet', DESIRED, {}, []],
    ["is a stranger's, which no replica is on", DESIRED, on('172.18.0.0/16', { ours: false }), []],
    ['is of a function without replicas', { ...DESIRED, replicas: 0 }, on('172.18.0.0/16'), []]
  ]
  for (const [title, ...args] of covered) {
    it(`is not told of a network that ${title}`, () => {
      expect(told(...args)).to.deep.equal([])
    })
  }

  it('stays as it was while nothing is known of the network', () => {
    const [known] = coverage(DESIRED, on('172.18.0.0/16'), [])
    const before = [{ ...known, lastTransitionTime: '2026-01-01T00:00:00.000Z' } as Condition]
    expect(told(DESIRED, undefined, before)).to.deep.equal(['Uncovered NetworkOutsidePool'])
    expect(told(DESIRED, undefined, [])).to.deep.equal([])
    expect(told(DESIRED, on('10.100.0.0/28'), before)).to.deep.equal([])
  })
})
