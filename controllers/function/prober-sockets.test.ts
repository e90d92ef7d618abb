import { once } from 'node:events'
import { createServer, type RequestListener } from 'node:http'
import { type AddressInfo, createServer as createTcpServer, type Server, type Socket } from 'node:net'
import { expect } from 'chai'
import { systemClock } from '../../src/clock.ts'
import { PROBE_TARGET } from '../../test/helpers/builders.ts'
import { eventually } from '../../test/helpers/eventually.ts'
import { requestStatus } from './probe-request.ts'
import { Prober } from './prober.ts'
import type { ProbeTarget } from './readiness.ts'

describe('Prober over real sockets', () => {
  const servers: Server[] = []
  const sockets = new Set<Socket>()
  const probers: Prober[] = []

  afterEach(async () => {
    for (const prober of probers.splice(0)) prober.stop()
    for (const socket of sockets) socket.destroy()
    await Promise.all(servers.splice(0).map(server => new Promise(resolve => server.close(resolve))))
  })

  async function listen(server: Server, port = 0): Promise<number> {
    servers.push(server)
    server.on('connection', socket => {
      sockets.add(socket)
      socket.on('close', () => sockets.delete(socket)).on('error', () => socket.destroy())
    })
    server.listen(port, '127.0.0.1')
    await once(server, 'listening')
    return (server.address() as AddressInfo).port
  }

  const http = (handler: RequestListener, port?: number) => listen(createServer(handler), port)
  const tcp = (answer: (socket: Socket) => void) => listen(createTcpServer(socket => answer(socket.resume())))

  function prober(onChange: (key: string) => void = () => undefined): Prober {
    const made = new Prober({ clock: systemClock, onChange })
    probers.push(made)
    return made
  }

  /** A first probe has a tenth of a second, which may be too short on a busy machine. */
  const isReady = (one: Prober, target: ProbeTarget) =>
    eventually(async () => expect(await one.check(target)).to.include({ ready: true }))

  async function untilNoSockets(): Promise<void> {
    while (sockets.size > 0) await new Promise(resolve => setImmediate(resolve))
  }

  it('asks for the path and leaves no connection behind', async () => {
    const seen: unknown[] = []
    const port = await http((request, response) => {
      seen.push([request.method, request.url, request.headers.connection, request.headers.host])
      response.end('x'.repeat(10_000))
    })
    await isReady(prober(), { ...PROBE_TARGET, port, path: '/_/health?x=1' })
    for (const request of seen) expect(request).to.deep.equal(['GET', '/_/health?x=1', 'close', `127.0.0.1:${port}`])
    await untilNoSockets()
  })

  it('cuts an answer without end, which is ready all the same', async () => {
    let most = 0
    const port = await http((_, response) => {
      let poured = 0
      const pour = () => {
        let isTaken = true
        while (isTaken && !response.destroyed) {
          poured += 65_536
          most = Math.max(most, poured)
          isTaken = response.write('x'.repeat(65_536))
        }
      }
      response.on('drain', pour)
      pour()
    })
    await isReady(prober(), { ...PROBE_TARGET, port })
    const { host, path } = PROBE_TARGET
    expect(await requestStatus({ host, path, port }, AbortSignal.timeout(10_000))).to.equal(200)
    await untilNoSockets()
    // What fits into the buffers of two sockets, and no more.
    expect(most).to.be.lessThan(16 * 2 ** 20)
  })

  it('does not wait for a body that never comes', async () => {
    const port = await http((_, response) => void response.write('a'))
    const begin = performance.now()
    await isReady(prober(), { ...PROBE_TARGET, port })
    expect(performance.now() - begin).to.be.lessThan(8_000)
    await untilNoSockets()
  })

  it('is not ready when nothing listens, answers quickly, and tells when something does', async () => {
    const port = await http(() => undefined)
    await Promise.all(servers.splice(0).map(server => new Promise(resolve => server.close(resolve))))
    const changed = Promise.withResolvers<string>()
    const one = prober(changed.resolve)
    await eventually(async () => {
      const result = await one.check({ ...PROBE_TARGET, port })
      expect(result.ready).to.equal(false)
      expect(result.lastError, 'not that its time was over').to.match(/ECONNREFUSED/)
    })
    await http((_, response) => void response.end(), port)
    expect(await changed.promise).to.equal(PROBE_TARGET.key)
    await isReady(one, { ...PROBE_TARGET, port })
  })

  it('is not ready while it is silent, resets, or speaks no HTTP', async () => {
    const ports = await Promise.all([
      tcp(() => undefined),
      tcp(socket => void socket.resetAndDestroy()),
      tcp(socket => void socket.end('SSH-2.0-OpenSSH_9.2\r\n')),
      http((_, response) => void response.writeHead(500).end())
    ])
    const one = prober()
    const results = await Promise.all(
      ports.map((port, i) => one.check({ ...PROBE_TARGET, containerId: `c${i}`, port }))
    )
    expect(results.map(r => r.ready)).to.deep.equal([false, false, false, false])
    for (const { lastError } of results) expect(lastError).to.be.a('string')
  })

  it('does not wait for one that takes up another protocol', async () => {
    const head = 'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n'
    const port = await tcp(socket => void socket.once('data', () => socket.write(head)))
    const one = prober()
    const path = { ...PROBE_TARGET, port, isStrict: true }
    await eventually(async () => expect(await one.check(path)).to.include({ ready: false, lastError: 'answered 101' }))
    await untilNoSockets()
  })

  it('takes a path that no request can be made of for a failure', async () => {
    expect(await prober().check({ ...PROBE_TARGET, path: '/a b\n' })).to.include({ ready: false })
  })

  it('leaves nothing open when it stops in the middle', async () => {
    const port = await tcp(() => undefined)
    const one = prober()
    const pending = one.check({ ...PROBE_TARGET, port })
    while (sockets.size === 0) await new Promise(resolve => setImmediate(resolve))
    one.stop()
    expect(await pending).to.include({ ready: false })
    await untilNoSockets()
  })
})
