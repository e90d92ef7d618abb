import { expect } from 'chai'
import { createFunctionPeers } from './function-peers.ts'

/** On these networks of functions, with these addresses. */
const on = (...cidrs: string[]) =>
  createFunctionPeers('10.62.0.0/16', () => ({
    eth: cidrs.map(cidr => ({ address: cidr.split('/')[0], cidr, family: 'IPv4' }) as never)
  }))

describe('the peers of connections', () => {
  it('S8: are functions when they are of the pool and on a network of ours, also as IPv6 writes it', () => {
    const isFunction = on('10.62.0.1/28', '10.62.255.1/28', '127.0.0.1/8', '192.168.1.5/24')
    expect(['10.62.0.2', '10.62.255.14', '::ffff:10.62.0.4'].map(isFunction)).to.deep.equal([true, true, true])
    expect(['10.63.0.2', '127.0.0.1', '::1', 'fe80::1%eth0', 'x', undefined].map(isFunction)).to.not.include(true)
  })

  it('are no functions when others in the world have addresses of the pool', () => {
    expect(['10.62.0.20', '10.62.7.1'].map(on('10.62.0.1/28'))).to.deep.equal([false, false])
  })

  it('are no functions with the address of the host on their network', () => {
    const onHost = on('10.62.0.17/28')
    expect([onHost('10.62.0.17'), onHost('10.62.0.18')]).to.deep.equal([false, true])
    const inContainer = on('10.62.0.18/28')
    expect(['10.62.0.17', '10.62.0.18', '10.62.0.19'].map(inContainer)).to.deep.equal([false, false, true])
  })
})
