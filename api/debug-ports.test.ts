import { expect } from 'chai'
import { debugPortsLabel, formatHostPort, isLoopback, isWildcard, parseDebugPorts } from './debug-ports.ts'

describe('debug ports', () => {
  it('go on a label and come back from it, on IPv6 too', () => {
    for (const address of ['127.0.0.1', '::1', '0.0.0.0']) {
      const bindings = [
        { containerPort: 40_000, address, hostPort: 20_001 },
        { containerPort: 9229, address, hostPort: 20_002 }
      ]
      expect(parseDebugPorts(debugPortsLabel(bindings))).to.deep.equal(bindings)
    }
    expect(debugPortsLabel([])).to.deep.equal({})
    expect(parseDebugPorts({})).to.deep.equal([])
  })

  it('are none when the label is not of our making', () => {
    for (const text of ['', 'x', '127.0.0.1', '127.0.0.1 9229', '127.0.0.1 22:22', '127.0.0.1 9229:1 x:y', '1 9229:-1'])
      expect(parseDebugPorts({ 'com.docker-faas.debug-ports': text }), text).to.deep.equal([])
  })

  it('S10: tell which addresses only the host itself reaches', () => {
    for (const address of ['127.0.0.1', '127.8.9.1', '::1', '::ffff:127.0.0.1'])
      expect(isLoopback(address), address).to.equal(true)
    for (const address of ['0.0.0.0', '::', '10.0.0.1', 'fe80::1', '', '::ffff:10.0.0.1', 'localhost'])
      expect(isLoopback(address), address).to.equal(false)
    for (const address of ['0.0.0.0', '::', '', '::ffff:0.0.0.0']) expect(isWildcard(address), address).to.equal(true)
    for (const address of ['127.0.0.1', '10.0.0.1', '::1']) expect(isWildcard(address), address).to.equal(false)
  })

  it('read as in a URL', () => {
    expect(formatHostPort({ address: '127.0.0.1', hostPort: 1 })).to.equal('127.0.0.1:1')
    expect(formatHostPort({ address: '::1', hostPort: 1 })).to.equal('[::1]:1')
  })
})
