import { expect } from 'chai'
import { conflictOf } from './conflict.ts'

const NETWORK = { id: '0123456789abcdef', subnets: ['10.62.1.16/28'] }
const BRIDGE = 'br-0123456789ab'

describe('conflictOf', () => {
  const tables: readonly [title: string, routes: [cidr: string, via: string][], conflict: string | undefined][] = [
    ['its own route', [['10.62.1.16/28', BRIDGE]], undefined],
    [
      'routes beside it',
      [
        ['10.62.1.32/28', 'tun0'],
        ['10.62.1.0/28', 'tun0'],
        ['192.168.0.0/16', 'tun0']
      ],
      undefined
    ],
    ['a route to the very same addresses', [['10.62.1.16/28', 'tun0']], '10.62.1.16/28 takes'],
    ['a narrower one', [['10.62.1.20/32', '*']], '10.62.1.20/32 takes'],
    ['a wider one', [['10.0.0.0/8', 'tun0']], '10.0.0.0/8'],
    [
      'a wider and a narrower one',
      [
        ['10.0.0.0/8', 'tun0'],
        ['10.62.1.24/29', 'tun0']
      ],
      '10.62.1.24/29 takes'
    ]
  ]
  for (const [title, routes, expected] of tables) {
    it(`N4: says ${expected ?? 'nothing'} of ${title}`, () => {
      const list = routes.map(([cidr, via]) => ({ cidr, interface: via }))
      const found = conflictOf(NETWORK, { routes: list, isInside: false })
      expect(found && `${found.route}${found.takesTraffic ? ' takes' : ''}`).to.equal(expected)
    })
  }

  it('N4: does not take the own route of the container that the gateway runs in for one of the host', () => {
    const routes = [{ cidr: '10.62.1.16/28', interface: 'eth3' }]
    expect(conflictOf(NETWORK, { routes, isInside: true })).to.equal(undefined)
    expect(conflictOf(NETWORK, { routes, isInside: false })).to.include({ takesTraffic: true })
  })
})
