import { spawn } from 'node:child_process'
import { once } from 'node:events'
import net, { type AddressInfo } from 'node:net'
import { expect } from 'chai'
import { eventually } from './eventually.ts'
import { connectionsOf, cpuTicksOf, workersOf } from './worker-processes.ts'

describe('a look at worker processes', () => {
  it('finds them by their parent and their title', async () => {
    const code = "process.title = 'docker-faas worker 1'; setInterval(() => undefined, 1000)"
    const child = spawn(process.execPath, ['-e', code])
    await eventually(() => expect(workersOf(process.pid)).to.include(child.pid))
    child.kill()
    await once(child, 'exit')
    expect(workersOf(process.pid)).to.not.include(child.pid)
  })

  it('counts connections and CPU', async () => {
    const server = net.createServer().listen(0, '127.0.0.1')
    await once(server, 'listening')
    const { port } = server.address() as AddressInfo
    const client = net.connect(port, '127.0.0.1')
    await once(server, 'connection')
    expect(connectionsOf(process.pid, port)).to.equal(1)
    expect(cpuTicksOf(process.pid)).to.be.above(0)
    client.destroy()
    server.close()
  })
})
