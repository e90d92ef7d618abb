import { expect } from 'chai'
import { createFunctionPeers } from './function-peers.ts'

const ipv4 = (address: string, cidr: string) => ({ address, cidr, family: 'IPv4' as const }) as never

describe('the peers of connections', () => {
  it('S8: are functions when their address is of the pool, also as IPv6 writes it', () => {
    const isFunction = createFunctionPeers('10.62.0.0/16', () => ({}))
    expect(['10.62.0.2', '10.62.255.14', '::ffff:10.62.3.4'].map(isFunction)).to.deep.equal([true, true, true])
    expect(['10.63.0.2', '127.0.0.1', '::1', 'fe80::1%eth0', 'x', undefined].map(isFunction)).to.not.include(true)
  })

  it('are no functions with the address of the host on their network', () => {
    const onHost = createFunctionPeers('10.62.0.0/16', () => ({ br1: [ipv4('10.62.0.17', '10.62.0.17/28')] }))
    expect([onHost('10.62.0.17'), onHost('10.62.0.18'), onHost('10.62.0.33')]).to.deep.equal([false, true, true])
    const inContainer = createFunctionPeers('10.62.0.0/16', () => ({ eth1: [ipv4('10.62.0.18', '10.62.0.18/28')] }))
    expect(['10.62.0.17', '10.62.0.18', '10.62.0.19'].map(inContainer)).to.deep.equal([false, false, true])
  })
})
