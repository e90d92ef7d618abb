import { once } from 'node:events'
import http from 'node:http'
import net from 'node:net'
import { expect } from 'chai'
import { answerOk, closedPort, DataPlane, endpointOf, eventually, PATIENT } from '../../test/helpers/data-plane.ts'

const EXEC_MS = 100

describe('failures of a call', () => {
  let plane: DataPlane
  const planeWith = async (...args: ConstructorParameters<typeof DataPlane>) => {
    plane = await new DataPlane(...args).start()
    return plane
  }
  afterEach(async () => {
    expect(plane.inflight.total(), 'in flight after the test').to.equal(0)
    await plane.stop()
  })

  describe('when no connection can be made', () => {
    for (const [what, options] of [
      ['a POST with a small body', { method: 'POST', body: 'work' }],
      ['a POST with a streamed body', { method: 'POST', body: 'work', headers: { 'transfer-encoding': 'chunked' } }],
      ['a GET', {}]
    ] as const) {
      it(`sends ${what} to another endpoint and says which one is unreachable`, async () => {
        await planeWith({ random: () => 0 })
        const [dead, live] = [await closedPort(), await plane.replica(answerOk)]
        plane.route(dead, live)
        const answer = await plane.call(options)
        expect(answer.body).to.equal(`ok ${'body' in options ? 'work' : ''}`)
        expect(plane.unreachable).to.deep.equal([`ns/fn c${dead}`])
        expect(plane.finished).to.deep.equal([{ key: 'ns/fn', code: 200 }])
      })
    }

    it('waits for the next endpoint, as the function is wanted', async () => {
      await planeWith()
      plane.route(await closedPort())
      const call = plane.call({ method: 'POST', body: 'work' })
      await eventually(() => plane.held === 1)
      plane.route(await plane.replica(answerOk))
      expect((await call).body).to.equal('ok work')
    })

    it('tries again from time to time when nobody takes the endpoint out of the table', async () => {
      await planeWith({ onUnreachable: () => undefined })
      const port = await closedPort()
      plane.route(port)
      const call = plane.call()
      await eventually(() => plane.held === 1)
      const server = http.createServer(answerOk).listen(port, '127.0.0.1')
      expect((await call).body).to.equal('ok ')
      server.close().closeAllConnections()
    })

    it('answers 503 when no other appears in time', async () => {
      await planeWith({ timeouts: { ...PATIENT, waitMs: 50 } })
      plane.route(await closedPort())
      expect((await plane.call()).status).to.equal(503)
    })

    it('answers 502 when the function cannot come up any more', async () => {
      await planeWith({
        onUnreachable: () => {
          plane.table.put({ key: 'ns/fn', uid: 'uid-1', replicas: 1, endpoints: [], trouble: 'CrashLoopBackOff' })
        }
      })
      plane.route(await closedPort())
      const answer = await plane.call()
      expect([answer.status, answer.headers['x-openfaas-internal'], answer.body]).to.deep.equal([
        502,
        'proxy',
        'function ns/fn could not be reached\n'
      ])
    })

    it('gives up to connect after connectMs', async () => {
      await planeWith({ timeouts: { ...PATIENT, connectMs: 100 }, random: () => 0 })
      const live = await plane.replica(answerOk)
      // An address of TEST-NET-1 swallows packets or is refused at once: both are no connection.
      plane.table.put({
        key: 'ns/fn',
        uid: 'uid-1',
        replicas: 2,
        endpoints: [{ containerId: 'void', host: '192.0.2.1', port: 80 }, endpointOf(live)]
      })
      plane.table.markComplete()
      expect((await plane.call()).body).to.equal('ok ')
      expect(plane.unreachable).to.deep.equal(['ns/fn void'])
    })
  })

  describe('when the connection is lost before a byte of the answer', () => {
    const dying = () => {
      const seen: string[] = []
      const port = plane.rawReplica(socket =>
        socket.on('data', d => {
          seen.push(d.toString().split(' ')[0] ?? '')
          socket.destroy()
        })
      )
      return { seen, port }
    }

    it('X9, X10: never sends a POST a second time', async () => {
      await planeWith({ random: () => 0 })
      const { seen, port } = dying()
      let others = 0
      plane.route(
        await port,
        await plane.replica((_req, res) => {
          others++
          res.end()
        })
      )
      const answer = await plane.call({ method: 'POST', body: 'work' })
      expect([answer.status, seen.length, others]).to.deep.equal([502, 1, 0])
      expect(answer.body).to.match(/it may have done its work/)
      expect(answer.headers['x-docker-faas-reason']).to.equal('ConnectionLost')
      expect(plane.unreachable).to.deep.equal([])
    })

    for (const method of ['GET', 'HEAD', 'OPTIONS']) {
      it(`X10: sends ${method} to another endpoint`, async () => {
        await planeWith({ random: () => 0 })
        const { seen, port } = dying()
        plane.route(await port, await plane.replica(answerOk))
        expect((await plane.call({ method })).status).to.equal(200)
        expect([seen, plane.retried]).to.deep.equal([[method], 1])
      })
    }

    it('X9: sends a GET once more to the only endpoint, and not a third time', async () => {
      await planeWith()
      const { seen, port } = dying()
      plane.route(await port)
      expect((await plane.call()).status).to.equal(502)
      expect(seen).to.deep.equal(['GET', 'GET'])
    })

    it('X9: hides a kept connection that went stale, behind a new one', async () => {
      await planeWith()
      let connections = 0
      plane.route(
        await plane.rawReplica(socket => {
          connections++
          let requests = 0
          socket.on('data', () => {
            if (++requests > 1) socket.resetAndDestroy()
            else socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok')
          })
        })
      )
      for (let n = 0; n < 3; n++) expect((await plane.call()).body).to.equal('ok')
      expect(connections).to.be.greaterThan(1)
    })

    it('X9: does not use a kept connection that the function closed', async () => {
      await planeWith()
      let requests = 0
      plane.route(
        await plane.rawReplica(socket =>
          socket.on('data', () => {
            requests++
            socket.end('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok')
          })
        )
      )
      for (let n = 1; n <= 5; n++) {
        expect((await plane.call({ method: 'POST', body: 'x' })).body).to.equal('ok')
        expect(requests).to.equal(n)
        await new Promise(resolve => setTimeout(resolve, 5))
      }
    })
  })

  describe('when the answer is broken', () => {
    for (const [what, bytes] of [
      ['a garbage status line', 'hello there\r\n\r\n'],
      ['a head that breaks off', 'HTTP/1.1 200 OK\r\nX-A: 1'],
      ['two lengths', 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nok'],
      ['an upgrade nobody asked for', 'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n'],
      ['an enormous head', `HTTP/1.1 200 OK\r\nX-A: ${'a'.repeat(100_000)}\r\n\r\n`]
    ] as const) {
      it(`X8: answers 502 to ${what} and does not ask again`, async () => {
        await planeWith()
        let asked = 0
        plane.route(
          await plane.rawReplica(socket =>
            socket.once('data', () => {
              asked++
              socket.end(bytes)
            })
          )
        )
        const answer = await plane.call()
        expect([answer.status, answer.headers['x-openfaas-internal'], asked]).to.deep.equal([502, 'proxy', 1])
        expect(plane.warnings).to.have.length(1)
      })
    }

    for (const [what, bytes] of [
      ['a body shorter than its length', 'HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nshort'],
      ['chunks without an end', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nshort\r\n'],
      ['a chunk with a bad size', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nshort\r\nzz\r\n']
    ] as const) {
      it(`X8: cuts the client off after ${what}, so that it can tell`, async () => {
        await planeWith()
        plane.route(
          await plane.rawReplica(socket =>
            socket.once('data', () => {
              socket.write(bytes)
              setTimeout(() => socket.destroy(), 20)
            })
          )
        )
        const text = await plane.raw('GET / HTTP/1.1\r\nHost: a\r\n\r\n')
        expect(text).to.match(/^HTTP\/1\.1 200 OK/)
        expect(text).to.not.match(/\r\n0\r\n\r\n$/)
        expect(plane.finished).to.deep.equal([{ key: 'ns/fn', code: 502 }])
      })
    }

    it('X8: resets an HTTP/1.0 client, whose answer would otherwise look whole', async () => {
      await planeWith()
      plane.route(
        await plane.rawReplica(socket =>
          socket.once('data', () => {
            socket.write('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nshort\r\n')
            setTimeout(() => socket.destroy(), 20)
          })
        )
      )
      expect(await plane.raw('GET / HTTP/1.0\r\n\r\n')).to.match(/\[ECONNRESET\]$/)
    })

    it('X8: gives the first of two answers and throws the connection away', async () => {
      await planeWith()
      let connections = 0
      plane.route(
        await plane.rawReplica(socket => {
          connections++
          socket.on('data', () =>
            socket.write(
              'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nbad'
            )
          )
        })
      )
      expect((await plane.call()).body).to.equal('ok')
      expect((await plane.call()).body).to.equal('ok')
      expect(connections).to.equal(2)
    })
  })

  describe('when time runs out', () => {
    const timeouts = { ...PATIENT, execMs: EXEC_MS, readMs: EXEC_MS }

    it('X7: answers 504, destroys the connection and leaves the endpoint in its place', async () => {
      await planeWith({ timeouts })
      let closed = 0
      const port = await plane.rawReplica(socket => socket.resume().on('close', () => closed++))
      plane.route(port)
      const answer = await plane.call({ method: 'POST', body: 'x' })
      expect([answer.status, answer.body]).to.deep.equal([504, `function ns/fn did not answer within ${EXEC_MS} ms\n`])
      await eventually(() => closed === 1)
      expect(plane.unreachable).to.deep.equal([])
      expect(plane.inflight.count(`c${port}`)).to.equal(0)
    })

    it('does not cut an answer that goes on', async () => {
      await planeWith({ timeouts })
      plane.route(
        await plane.replica((_req, res) => {
          let n = 0
          const timer = setInterval(() => {
            res.write('x')
            if (++n === 12) {
              clearInterval(timer)
              res.end()
            }
          }, EXEC_MS / 4)
        })
      )
      expect((await plane.call()).body).to.equal('x'.repeat(12))
    })

    it('ends no call because this process stood still', async () => {
      await planeWith({ timeouts })
      const held: http.ServerResponse[] = []
      plane.route(await plane.replica((_req, res) => held.push(res)))
      const call = plane.call()
      await eventually(() => held.length === 1)
      // Behind the poll phase of the event loop, timers are due before sockets are read.
      await new Promise(resolve => setImmediate(resolve))
      held[0]?.end('in time')
      const until = performance.now() + 3 * EXEC_MS
      while (performance.now() < until);
      expect((await call).body).to.equal('in time')
    })

    it('X7: cuts an answer that stops', async () => {
      await planeWith({ timeouts })
      plane.route(await plane.replica((_req, res) => res.write('begin')))
      const outcome = await plane.call().catch(error => error.code)
      expect(outcome).to.equal('ECONNRESET')
      expect(plane.finished).to.deep.equal([{ key: 'ns/fn', code: 502 }])
    })

    for (const [what, headers] of [
      ['small', 'Content-Length: 10'],
      ['streamed', 'Transfer-Encoding: chunked']
    ]) {
      it(`answers 408 to a client that does not send the rest of its ${what} body`, async () => {
        await planeWith({ timeouts })
        plane.route(await plane.replica(answerOk))
        expect(await plane.raw(`POST / HTTP/1.1\r\nHost: a\r\n${headers}\r\n\r\n3\r\nab`)).to.match(/^HTTP\/1\.1 408 /)
      })
    }

    it('cuts off a client that does not read', async () => {
      await planeWith({ timeouts })
      let closed = false
      plane.route(
        await plane.replica((_req, res) => {
          res.on('close', () => {
            closed = true
          })
          res.end(Buffer.alloc(64 * 1024 * 1024))
        })
      )
      const socket = net.connect(plane.port, '127.0.0.1').on('error', () => undefined)
      socket.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n')
      await once(socket, 'readable')
      await eventually(() => closed)
      socket.destroy()
    })
  })
})
