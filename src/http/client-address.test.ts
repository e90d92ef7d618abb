import type { IncomingMessage } from 'node:http'
import { expect } from 'chai'
import { createOrigins } from './client-address.ts'

const from = (remoteAddress: string | undefined, forwarded?: string) =>
  ({
    socket: { remoteAddress },
    headers: forwarded === undefined ? {} : { 'x-forwarded-for': forwarded }
  }) as unknown as IncomingMessage

describe('createOrigins', () => {
  const trusting = createOrigins(['10.0.0.0/8', 'fd00::/8'])
  const trustingNobody = createOrigins([])

  const table: [what: string, peer: string | undefined, header: string | undefined, client: string][] = [
    ['takes the peer when it is no proxy, whatever it says', '192.0.2.1', '198.51.100.7', '192.0.2.1'],
    ['takes the peer when a proxy says nothing', '10.0.0.1', undefined, '10.0.0.1'],
    ['takes what the proxy added', '10.0.0.1', '198.51.100.7', '198.51.100.7'],
    ['takes the rightmost address that is no proxy', '10.0.0.1', '203.0.113.9, 198.51.100.7, 10.0.0.2', '198.51.100.7'],
    ['takes the leftmost when all are proxies', '10.0.0.1', '10.0.0.3, 10.0.0.2', '10.0.0.3'],
    ['ends the chain at what is no address', '10.0.0.1', '198.51.100.7, unknown, 10.0.0.2', '10.0.0.2'],
    ['ends the chain at a number, which some take for an address', '10.0.0.1', '1', '10.0.0.1'],
    ['ends the chain at an octal address', '10.0.0.1', '0x7f.1', '10.0.0.1'],
    ['reads an address with a port', '10.0.0.1', '198.51.100.7:4711', '198.51.100.7'],
    ['reads an IPv6 address with a port', '10.0.0.1', '[2001:db8::7]:4711', '2001:db8::7'],
    ['knows an IPv4 peer by its IPv6 name', '::ffff:10.0.0.1', '198.51.100.7', '198.51.100.7'],
    ['gives an IPv4 address for an IPv6 name of one', '::ffff:192.0.2.1', undefined, '192.0.2.1'],
    ['knows a proxy by IPv6', 'fd00::1', '2001:db8::7', '2001:db8::7'],
    ['leaves the zone out', 'fe80::1%eth0', undefined, 'fe80::1'],
    ['ends an endless chain', '10.0.0.1', `198.51.100.7, ${'10.0.0.2, '.repeat(100)}10.0.0.2`, '10.0.0.2'],
    ['ends the chain at what is far too long, at once', '10.0.0.1', '::ffff:7f00:1'.repeat(2000), '10.0.0.1'],
    ['says that it does not know a peer that is gone', undefined, '198.51.100.7', 'unknown']
  ]
  for (const [what, peer, header, client] of table) {
    it(`S20: ${what}`, () => expect(trusting.addressOf(from(peer, header))).to.equal(client))
  }

  it('S20: believes nobody by default', () => {
    for (const peer of ['127.0.0.1', '10.0.0.1', '::1']) {
      expect(trustingNobody.addressOf(from(peer, '198.51.100.7'))).to.equal(peer)
      expect(trustingNobody.isTrusted(from(peer))).to.equal(false)
    }
    expect(trusting.isTrusted(from('10.9.9.9'))).to.equal(true)
    expect(trusting.isTrusted(from('11.0.0.1'))).to.equal(false)
  })
})
