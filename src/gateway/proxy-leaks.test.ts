import http from 'node:http'
import type net from 'node:net'
import { expect } from 'chai'
import { RETRY_DEFAULTS } from '../../api/call-settings.ts'
import { DataPlane, endpointOf, eventually } from '../../test/helpers/data-plane.ts'

/** `CYCLES=200000 npx mocha src/gateway/proxy-leaks.test.ts` for a long look; with NODE_OPTIONS=--expose-gc the heap is held to account. */
const CYCLES = Number(process.env['CYCLES'] ?? 4_000)
const AT_ONCE = 25
const TIMER_SLACK = 20
/** What a few thousand calls may leave for good, and many more not: caches, compiled code. */
const HEAP_SLACK_BYTES = 8 * 1024 * 1024

describe('X6: clients that leave', () => {
  it(`X6: leave nothing behind in ${CYCLES} calls that they abandon at any moment`, async () => {
    const plane = await new DataPlane().start()
    const clients = openSockets(plane.server)
    const server = http.createServer((req, res) => {
      req.on('error', () => undefined).resume()
      res.on('error', () => undefined)
      setTimeout(() => res.end('x'.repeat(20_000)), Math.random() * 3)
    })
    const replicas = openSockets(server)
    try {
      await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
      const { port } = server.address() as net.AddressInfo
      // With a clock of its own, a bound and tries, which have to be left behind as well.
      const retry = { ...RETRY_DEFAULTS, minWaitMs: 1, maxWaitMs: 3 }
      const settings = { idleTimeoutMs: 400, totalTimeoutMs: 2_000, maxInflight: 20, retry }
      plane.table.put({ key: 'ns/fn', uid: 'uid-1', replicas: 1, endpoints: [endpointOf(port)], settings })
      plane.table.markComplete()
      const left = async () => {
        // Idle connections to the replica go after their keep-alive time.
        await eventually(() => clients.size + replicas.size + plane.inflight.total() === 0)
        globalThis.gc?.()
        return {
          timers: process.getActiveResourcesInfo().filter(kind => kind === 'Timeout').length,
          heap: process.memoryUsage().heapUsed
        }
      }
      await abandonMany(plane, 1_000)
      const before = await left()
      plane.started.length = 0
      plane.finished.length = 0
      let codes = 0
      for (let n = 0; n < CYCLES; n += 1_000) {
        await abandonMany(plane, 1_000)
        expect(plane.finished.length).to.equal(plane.started.length)
        codes += plane.finished.filter(f => f.code === 499).length
        plane.started.length = 0
        plane.finished.length = 0
      }
      const after = await left()
      expect(codes, 'calls that were abandoned').to.be.greaterThan(0)
      // A few of undici's and mocha's own come and go.
      expect(after.timers).to.be.lessThan(before.timers + TIMER_SLACK)
      if (globalThis.gc !== undefined) expect(after.heap - before.heap).to.be.lessThan(HEAP_SLACK_BYTES)
      if (process.env['CYCLES'] !== undefined)
        process.stdout.write(`${JSON.stringify({ abandoned: codes, before, after })}\n`)
    } finally {
      await plane.stop()
      server.close().closeAllConnections()
    }
  }).timeout(60_000 + CYCLES * 20)
})

function openSockets(server: net.Server): ReadonlySet<net.Socket> {
  const sockets = new Set<net.Socket>()
  server.on('connection', socket => {
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket))
  })
  return sockets
}

async function abandonMany(plane: DataPlane, count: number): Promise<void> {
  for (let n = 0; n < count; n += AT_ONCE) await Promise.all(Array.from({ length: AT_ONCE }, () => abandon(plane.port)))
  await eventually(() => plane.inflight.total() === 0 && plane.finished.length === plane.started.length)
}

/** Half a call or a whole one; then the connection is gone. */
async function abandon(port: number): Promise<void> {
  const method = Math.random() < 0.5 ? 'POST' : 'GET'
  const req = http.request({ port, host: '127.0.0.1', method, agent: false })
  req.on('error', () => undefined).on('response', res => res.resume().on('error', () => undefined))
  if (method === 'POST') req.write('x'.repeat(Math.random() * 100_000))
  else req.end()
  await new Promise(resolve => setTimeout(resolve, Math.random() * 4))
  req.destroy()
}
