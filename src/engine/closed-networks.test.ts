import { expect } from 'chai'
import { ClosedNetworks } from './closed-networks.ts'

const NONE = { subnets: ['10.62.0.16/28'], closedBridge: 'dfn-0123456789' }
const OTHERS = [
  { subnets: ['10.62.0.32/28'], closedBridge: 'dfi-0123456789' },
  { subnets: ['10.62.0.48/28', 'fd00::/64'] },
  { subnets: ['10.62.0.64/28'], closedBridge: '' }
]
const spec = (subnet: string, closedBridge?: string) => ({
  ...{ name: 'a', labels: {}, subnet },
  ...(closedBridge === undefined ? {} : { closedBridge })
})

describe('the networks of functions that may connect to nothing', () => {
  it('S9: are told from others by an address, also as IPv6 writes it', () => {
    const closed = new ClosedNetworks()
    closed.listing()([...OTHERS, NONE, { subnets: ['fd01::/64'], closedBridge: 'dfn-1' }])
    for (const inside of ['10.62.0.17', '10.62.0.30', '::ffff:10.62.0.18'])
      expect(closed.has(inside), inside).to.equal(true)
    const outside = ['10.62.0.15', '10.62.0.33', '10.62.0.49', '10.62.0.65', 'fd01::2', '::1', 'x', undefined]
    for (const address of outside) expect(closed.has(address), address).to.equal(false)
  })

  it('S9: are known before they are there, whatever a listing that began earlier says', () => {
    const closed = new ClosedNetworks()
    const earlier = closed.listing()
    closed.making(spec('10.62.1.0/27', 'dfn-0123456789'))
    expect(closed.has('10.62.1.31')).to.equal(true)
    earlier(OTHERS)
    expect(closed.has('10.62.1.31')).to.equal(true)
    closed.listing()(OTHERS)
    expect(closed.has('10.62.1.31')).to.equal(false)
  })

  it('S9: are known once they are there, whatever a listing says that came and went meanwhile', () => {
    const closed = new ClosedNetworks()
    const network = spec('10.62.1.0/27', 'dfn-0123456789')
    closed.making(network)
    closed.listing()(OTHERS)
    const later = closed.listing()
    closed.made(network)
    later(OTHERS)
    expect(closed.has('10.62.1.31')).to.equal(true)
  })

  it('are none any more when another network has their subnet', () => {
    const closed = new ClosedNetworks()
    closed.listing()([NONE])
    closed.making(spec('10.62.0.16/28', 'dfi-0123456789'))
    expect(closed.has('10.62.0.17')).to.equal(true)
    closed.made(spec('10.62.0.16/28', 'dfi-0123456789'))
    expect(closed.has('10.62.0.17')).to.equal(false)
  })
})
