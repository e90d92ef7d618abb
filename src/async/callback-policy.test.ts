import { expect } from 'chai'
import { faultOfCallbackUrl, isAllowedAddress, isTrustedHost, parseAllowed } from './callback-policy.ts'

const STRICT = { networks: [], hosts: [], own: () => ['198.51.100.7/32', '11.0.0.0/8'] }

const REFUSED = [
  ...['127.0.0.1', '127.8.8.8', '0.0.0.0', '10.1.2.3', '172.16.0.1', '192.168.1.1', '169.254.169.254', '100.64.0.1'],
  ...['100.100.100.200', '168.63.129.16', '198.18.0.1', '224.0.0.1', '255.255.255.255', '240.0.0.1'],
  ...['::', '::1', 'fe80::1', 'fd00:ec2::254', 'fc00::1', 'ff02::1', '::ffff:127.0.0.1', '::ffff:a9fe:a9fe'],
  ...['64:ff9b::7f00:1', '2002:7f00:1::', 'fec0::1', '::127.0.0.1', 'nonsense', '', '198.51.100.7', '11.0.0.1'],
  ...['5f00::1', '4000::1', '::2', '::ffff:0:10.0.0.1', '64:ff9b:1::a00:1', '2001:db8::1', '3fff::1']
]

describe('policy of callbacks', () => {
  for (const address of REFUSED) {
    it(`refuses ${address || 'nothing'}`, () => expect(isAllowedAddress(address, STRICT)).to.equal(false))
  }

  it('lets addresses of the Internet be', () => {
    for (const address of ['1.1.1.1', '93.184.216.34', '::ffff:1.1.1.1', '2606:4700::1111']) {
      expect(isAllowedAddress(address, STRICT), address).to.equal(true)
    }
  })

  it('asks for the addresses of this host each time: they may change while it runs', () => {
    const own = ['1.1.1.1/32']
    const policy = { ...STRICT, own: () => own }
    expect([isAllowedAddress('1.1.1.1', policy), isAllowedAddress('1.0.0.1', policy)]).to.deep.equal([false, true])
    own.push('1.0.0.1/32')
    expect(isAllowedAddress('1.0.0.1', policy)).to.equal(false)
  })

  it('lets be what the operator allows: networks, hosts, and all below a name', () => {
    const policy = { ...parseAllowed(['10.0.0.0/8', 'fd00::/8', 'hook.internal', '*.team.internal']), own: () => [] }
    expect(isAllowedAddress('10.9.9.9', policy)).to.equal(true)
    expect(isAllowedAddress('::ffff:10.9.9.9', policy)).to.equal(true)
    expect(isAllowedAddress('fd00:ec2::254', policy)).to.equal(true)
    expect(isAllowedAddress('192.168.0.1', policy)).to.equal(false)
    for (const host of ['hook.internal', 'HOOK.internal', 'a.team.internal']) {
      expect(isTrustedHost(host, policy), host).to.equal(true)
    }
    for (const host of ['xhook.internal', 'team.internal', 'a.team.internal.evil.example']) {
      expect(isTrustedHost(host, policy), host).to.equal(false)
    }
  })

  it('knows at once what is no URL to call back, numbers that are addresses among them', () => {
    const faulty = ['', 'x', '/a', 'ftp://a/', 'http://', 'http://127.1/', 'http://2130706433/', 'http://0x7f.1/']
    for (const url of [...faulty, 'http://[::1]/', 'http://[::ffff:10.0.0.1]/', `http://a/${'x'.repeat(2048)}`]) {
      expect(faultOfCallbackUrl(url, STRICT), url).to.be.a('string')
    }
    for (const url of ['http://a.example/x?y=1', 'https://user:pw@a.example:8443/', 'http://1.1.1.1/']) {
      expect(faultOfCallbackUrl(url, STRICT), url).to.equal(undefined)
    }
  })
})
