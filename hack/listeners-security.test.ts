import { once } from 'node:events'
import { createServer } from 'node:net'
import { expect } from 'chai'
import { exposedDebugPorts, parseListeners, readListeners } from './listeners.ts'

const RANGE = { first: 20_000, last: 21_999 }

const TCP = `  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:4E21 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 1 1 0 100 0 0 10 0
   1: 00000000:4E22 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 1 1 0 100 0 0 10 0
   2: 0100007F:4E23 0100007F:1F90 01 00000000:00000000 00:00000000 00000000     0        0 1 1 0 100 0 0 10 0
   3: 0500000A:240D 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 1 1 0 100 0 0 10 0
   4: 00000000:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 1 1 0 100 0 0 10 0
`
const TCP6 = `  sl  local_address                         remote_address                        st
   0: 00000000000000000000000001000000:162E 00000000000000000000000000000000:0000 0A
   1: 00000000000000000000000000000000:9C40 00000000000000000000000000000000:0000 0A
   2: 0000000000000000FFFF00000100007F:4E24 00000000000000000000000000000000:0000 0A
`

describe('exposedDebugPorts', () => {
  it('S10: are those that listen anywhere but on the loopback', () => {
    const listeners = [...parseListeners(TCP), ...parseListeners(TCP6)]
    expect(listeners).to.have.length(7)
    expect(exposedDebugPorts(listeners, RANGE)).to.deep.equal([
      { address: '0.0.0.0', port: 20_002 },
      { address: '10.0.0.5', port: 9229 },
      { address: '0:0:0:0:0:0:0:0', port: 40_000 }
    ])
  })

  it('S10: are found when something really listens', async () => {
    for (const host of ['127.0.0.1', '0.0.0.0', '::']) {
      const server = createServer().listen(0, host)
      await once(server, 'listening')
      const { port } = server.address() as { port: number }
      const found = exposedDebugPorts(readListeners(), { first: port, last: port })
      server.close()
      expect(found.map(listener => listener.port)).to.deep.equal(host === '127.0.0.1' ? [] : [port])
    }
  })
})
