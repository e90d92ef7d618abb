import http from 'node:http'
import net from 'node:net'
import { expect } from 'chai'
import { answerOk, DataPlane, eventually } from '../../test/helpers/data-plane.ts'

describe('connections of calls', () => {
  let plane: DataPlane
  const planeWith = async (...args: ConstructorParameters<typeof DataPlane>) => {
    plane = await new DataPlane(...args).start()
    return plane
  }
  afterEach(async () => {
    expect(plane.inflight.total(), 'in flight after the test').to.equal(0)
    await plane.stop()
  })

  describe('when the client leaves', () => {
    it('X6: ends the work of the function at once, before and in its answer', async () => {
      await planeWith()
      let closed = 0
      let begun = 0
      plane.route(
        await plane.replica((req, res) => {
          begun++
          if (req.url === '/stream') res.write('x')
          res.on('close', () => closed++)
        })
      )
      for (const path of ['/', '/stream']) {
        const target = begun + 1
        const req = http.get({ port: plane.port, host: '127.0.0.1', path, agent: false }).on('error', () => undefined)
        await eventually(() => begun === target)
        const at = performance.now()
        req.destroy()
        await eventually(() => closed === target)
        expect(performance.now() - at).to.be.lessThan(2_000)
      }
      expect(plane.finished.map(f => f.code)).to.deep.equal([499, 499])
    })

    it('X6: ends the work for calls that it had queued on one connection', async () => {
      await planeWith()
      let begun = 0
      let closed = 0
      plane.route(
        await plane.replica((_req, res) => {
          begun++
          res.on('close', () => closed++)
        })
      )
      const socket = net.connect(plane.port, '127.0.0.1')
      socket.write('GET /1 HTTP/1.1\r\nHost: a\r\n\r\n'.repeat(3))
      await eventually(() => begun === 3)
      socket.destroy()
      await eventually(() => closed === 3)
    })

    it('X6: ends the work of the function when it leaves in the middle of its body', async () => {
      await planeWith()
      let aborted = false
      let begun = false
      plane.route(
        await plane.replica(req => {
          begun = true
          req.resume().on('error', () => {
            aborted = true
          })
        })
      )
      const req = http
        .request({ port: plane.port, host: '127.0.0.1', method: 'POST', agent: false })
        .on('error', () => undefined)
      req.write('x')
      await eventually(() => begun)
      req.destroy()
      await eventually(() => aborted)
    })
  })

  describe('pools', () => {
    it('close when their endpoint leaves the table, after its calls have ended', async () => {
      await planeWith()
      const held: http.ServerResponse[] = []
      let open = 0
      const port = await plane.replica((req, res) => {
        if (req.url === '/hold') held.push(res)
        else res.end('ok')
      })
      const other = await plane.replica(answerOk)
      plane.route(port)
      const sockets = new Set<net.Socket>()
      const running = plane.call({ path: '/hold' })
      await eventually(() => held.length === 1)
      held[0]?.socket?.on('close', () => open--)
      if (held[0]?.socket) sockets.add(held[0].socket)
      open = sockets.size
      plane.route(other)
      await plane.call()
      expect(open).to.equal(1)
      held[0]?.end('whole')
      expect((await running).body).to.equal('whole')
      const at = performance.now()
      await eventually(() => open === 0)
      // Long before the keep-alive time of either side.
      expect(performance.now() - at).to.be.lessThan(1_000)
    })

    it('keep connections for the next call', async () => {
      await planeWith()
      let connections = 0
      plane.route(
        await plane.rawReplica(socket => {
          connections++
          socket.on('data', () => socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'))
        })
      )
      for (let n = 0; n < 10; n++) expect((await plane.call()).body).to.equal('ok')
      expect(connections).to.equal(1)
    })
  })
})
