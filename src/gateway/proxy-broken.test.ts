import { once } from 'node:events'
import net from 'node:net'
import { expect } from 'chai'
import { closedPort, DataPlane, endpointOf, eventually } from '../../test/helpers/data-plane.ts'

const OK = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'

/** What a replica does on a connection that has just got a request; `nth` counts the connections from 1. */
type Answering = (socket: net.Socket, nth: number) => unknown

describe('replicas that speak bad HTTP', () => {
  let plane: DataPlane
  beforeEach(async () => {
    plane = await new DataPlane({ random: () => 0 }).start()
  })
  afterEach(async () => {
    expect(plane.inflight.total(), 'in flight after the test').to.equal(0)
    await plane.stop()
  })

  /** A replica of raw sockets; counts its connections, those that are open, and the requests. */
  async function broken(answer: Answering) {
    const seen = { connections: 0, open: 0, requests: 0, port: 0 }
    seen.port = await plane.rawReplica(socket => {
      const nth = ++seen.connections
      seen.open++
      socket.on('close', () => seen.open--)
      socket.on('data', () => {
        seen.requests++
        answer(socket, nth)
      })
    })
    return seen
  }

  for (const [what, answer] of [
    ['a reset before a byte', socket => socket.resetAndDestroy()],
    ['an end before a byte', socket => socket.end()],
    ['a bad version', socket => socket.write('HTTP/9.9 200 OK\r\n\r\n')],
    ['a status that is no number', socket => socket.write('HTTP/1.1 abc OK\r\n\r\n')],
    ['a length that is no number', socket => socket.write('HTTP/1.1 200 OK\r\nContent-Length: five\r\n\r\nfive!')],
    [
      'a length and chunks',
      socket =>
        socket.write(`HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n`)
    ],
    ['a header with NUL', socket => socket.write('HTTP/1.1 200 OK\r\nX-A: a\0b\r\nContent-Length: 2\r\n\r\nok')],
    ['an answer in the clear of TLS', socket => socket.write(Buffer.from([0x15, 0x03, 0x01, 0x00, 0x02, 0x02, 0x46]))]
  ] as readonly [string, Answering][]) {
    it(`X8: answers 502 to a POST that gets ${what}, asks once and keeps no connection`, async () => {
      const replica = await broken(answer)
      plane.route(replica.port)
      const { status, headers } = await plane.call({ method: 'POST', body: 'work' })
      expect([status, headers['x-openfaas-internal'], replica.requests]).to.deep.equal([502, 'proxy', 1])
      expect(headers['x-docker-faas-reason']).to.be.oneOf(['ConnectionLost', 'InvalidAnswer'])
      await eventually(() => replica.open === 0)
    })
  }

  for (const [what, head] of [
    ['a length', 'Content-Length: 100'],
    ['chunks', 'Transfer-Encoding: chunked']
  ]) {
    it(`X8: cuts the client off when a body with ${what} is reset, and keeps no connection`, async () => {
      const replica = await broken(socket => {
        socket.write(`HTTP/1.1 200 OK\r\n${head}\r\n\r\n5\r\nshort\r\n`)
        setTimeout(() => socket.resetAndDestroy(), 20)
      })
      plane.route(replica.port)
      const code = await plane.call().then(
        () => 'whole',
        (err: NodeJS.ErrnoException) => err.code
      )
      expect([code, replica.requests]).to.deep.equal(['ECONNRESET', 1])
      await eventually(() => replica.open === 0)
      expect(plane.finished.map(f => f.code)).to.deep.equal([502])
    })
  }

  it('X8: throws a connection away on which something comes behind the answer, and gives that to nobody', async () => {
    const replica = await broken((socket, nth) => {
      socket.write(OK)
      if (nth === 1) setTimeout(() => socket.write('HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nsecret'), 20)
    })
    plane.route(replica.port)
    expect((await plane.call()).body).to.equal('ok')
    await eventually(() => replica.open === 0)
    expect((await plane.call()).body).to.equal('ok')
    expect(replica.connections).to.equal(2)
  })

  it('X8: passes no more than the length, and throws the connection away with the rest', async () => {
    const replica = await broken(socket => socket.write(`${OK} and more`))
    plane.route(replica.port)
    expect((await plane.call()).body).to.equal('ok')
    await eventually(() => replica.open === 0)
  })

  describe('X9: kept connections that went stale', () => {
    /** Answers the first request of a connection and resets at the second, as one that closed it at that moment. */
    const staleAfterOne = () => {
      const counts = new WeakMap<net.Socket, number>()
      return broken(socket => {
        const count = (counts.get(socket) ?? 0) + 1
        counts.set(socket, count)
        if (count === 1) socket.write(OK)
        else socket.resetAndDestroy()
      })
    }

    it('X9: sends a POST once, whatever becomes of it', async () => {
      const replica = await staleAfterOne()
      plane.route(replica.port)
      const statuses: number[] = []
      for (let n = 0; n < 20; n++) statuses.push((await plane.call({ method: 'POST', body: 'work' })).status)
      expect(replica.requests).to.equal(20)
      expect(statuses.filter(status => status !== 200 && status !== 502)).to.deep.equal([])
      expect(plane.retried).to.equal(0)
    })

    it('X9: sends a GET again over a new connection, though those to the other replicas are stale as well', async () => {
      const replicas = [await staleAfterOne(), await staleAfterOne()]
      const [one, other] = replicas.map(({ port }) => port) as [number, number]
      for (const port of [one, other]) {
        plane.route(port, await closedPort())
        expect((await plane.call()).body).to.equal('ok')
        // Both connections stay: a pool goes with its endpoint only.
        plane.table.put({ key: 'ns/fn', uid: 'uid-1', replicas: 2, endpoints: [one, other].map(endpointOf) })
      }
      plane.route(one, other)
      for (let n = 0; n < 4; n++) expect((await plane.call()).body).to.equal('ok')
    })
  })

  it('X10: sends a GET elsewhere when its replica dies under it, and a POST not', async () => {
    const held: net.Socket[] = []
    const dying = await broken(socket => held.push(socket))
    const live = await broken(socket => socket.write(OK))
    plane.route(dying.port, live.port)
    // By random() = 0 the first endpoint comes first, and the one with fewer calls after that.
    const get = plane.call()
    await eventually(() => held.length === 1)
    plane.table.put({ key: 'ns/fn', uid: 'uid-1', replicas: 2, endpoints: [endpointOf(dying.port)] })
    const post = plane.call({ method: 'POST', body: 'work' })
    await eventually(() => held.length === 2)
    plane.route(dying.port, live.port)
    for (const socket of held) socket.resetAndDestroy()
    expect((await get).body).to.equal('ok')
    const refused = await post
    expect([refused.status, refused.headers['x-docker-faas-reason']]).to.deep.equal([502, 'ConnectionLost'])
    expect(live.requests).to.equal(1)
  })

  it('X6: frees a call whose client left while its replica was connecting', async () => {
    plane.table.put({
      key: 'ns/fn',
      uid: 'uid-1',
      replicas: 1,
      endpoints: [{ containerId: 'void', host: '192.0.2.1', port: 80 }]
    })
    plane.table.markComplete()
    const socket = net.connect(plane.port, '127.0.0.1')
    socket.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n')
    await eventually(() => plane.started.length === 1)
    socket.destroy()
    await once(socket, 'close')
    await eventually(() => plane.inflight.total() === 0)
  })
})
