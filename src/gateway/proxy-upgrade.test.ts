import type http from 'node:http'
import { expect } from 'chai'
import { DataPlane, eventually, PATIENT } from '../../test/helpers/data-plane.ts'
import { closeAtEnd, frame, OPCODE, OPENED, opening, RawSide } from '../../test/helpers/websocket.ts'

const { text, ping, close } = OPCODE
const MIB = 1024 * 1024

describe('upgraded connections', () => {
  let plane: DataPlane
  let replicas: RawSide[]
  let clients: RawSide[]

  const start = async (overrides: ConstructorParameters<typeof DataPlane>[0] = {}) => {
    plane = await new DataPlane(overrides).start()
    replicas = []
    clients = []
  }
  beforeEach(() => start())
  afterEach(async () => {
    for (const { socket } of clients) socket.destroy()
    await plane.stop()
  })

  /** A replica that answers the first bytes that come with these. */
  const replica = async (answer: string) => {
    const port = await plane.rawReplica(socket => {
      socket.allowHalfOpen = true
      replicas.push(new RawSide(socket))
      socket.once('data', () => socket.write(answer, 'latin1'))
    })
    plane.route(port)
    return port
  }
  const send = async (bytes: string | Buffer) => {
    const client = await RawSide.connect(plane.port)
    clients.push(client)
    client.socket.write(bytes)
    return client
  }
  /** A session that is open on both sides. */
  const open = async (request: string | Buffer = opening(), answer = OPENED) => {
    const port = await replica(answer)
    const client = await send(request)
    await client.has('\r\n\r\n')
    const [side] = replicas
    if (side === undefined) throw new Error(client.text)
    return { client, side, port, containerId: `c${port}` }
  }

  it('X16: passes the request, the answer and every byte of both directions on, those that came early, too', async () => {
    const early = frame(text, 'early', true)
    const first = frame(text, 'welcome')
    const request = opening('/chat//a%2Fb;x?q=%20&', ['Origin: https://page.example', 'Sec-WebSocket-Protocol: a, b'])
    const { client, side } = await open(
      Buffer.concat([Buffer.from(request), early]),
      `${OPENED.slice(0, -2)}X-Mine: caf\xe9\r\n\r\n${first.toString('latin1')}`
    )
    const every = Buffer.from(Array.from({ length: 256 }, (_, i) => i))
    client.socket.write(frame(OPCODE.binary, every, true))
    side.socket.write(frame(OPCODE.binary, every))
    await eventually(() => client.after.length === first.length + 256 + 4)
    await eventually(() => side.after.length === early.length + 256 + 8)
    expect(side.head).to.match(/^GET \/chat\/\/a%2Fb;x\?q=%20& HTTP\/1\.1\r\n/)
    expect(side.head)
      .to.match(/\r\nconnection: upgrade\r\n/i)
      .and.match(/\r\nupgrade: websocket\r\n/i)
    for (const line of ['Origin: https://page.example', 'Sec-WebSocket-Protocol: a, b', 'Sec-WebSocket-Version: 13']) {
      expect(side.head).to.include(`\r\n${line}\r\n`)
    }
    expect(side.head)
      .to.match(/\r\nX-Forwarded-For: 127\.0\.0\.1\r\n/)
      .and.match(/\r\nX-Call-Id: /)
    expect(side.after.equals(Buffer.concat([early, frame(OPCODE.binary, every, true)]))).to.equal(true)
    expect(client.head).to.match(/^HTTP\/1\.1 101 Switching Protocols\r\n/)
    expect(client.head).to.match(/\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n/)
    expect(client.head)
      .to.include('\r\nX-Mine: caf\xe9\r\n')
      .and.not.match(/transfer-encoding|content-length|close/i)
    expect(client.head).to.include('\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n')
    expect(client.after.equals(Buffer.concat([first, frame(OPCODE.binary, every)]))).to.equal(true)
  })

  it('counts a session as in flight and in metrics until it ends', async () => {
    const { client, side } = await open()
    expect([plane.inflight.total(), plane.started, plane.finished]).to.deep.equal([1, ['ns/fn'], []])
    client.socket.end(frame(close, Buffer.from([3, 232]), true))
    await side.isEnded()
    expect(plane.inflight.total()).to.equal(1)
    side.socket.end(frame(close, Buffer.from([3, 232])))
    await eventually(() => plane.inflight.total() === 0)
    expect(plane.finished).to.deep.equal([{ key: 'ns/fn', code: 101 }])
    await client.isEnded()
    expect(closeAtEnd(client.bytes)).to.deep.equal({ code: 1000, reason: '' })
    expect(plane.warnings).to.deep.equal([])
  })

  it('X16: ends each direction by itself, where another protocol than WebSocket is spoken', async () => {
    const request = 'GET / HTTP/1.1\r\nHost: a\r\nConnection: keep-alive, upgrade\r\nUpgrade: raw/2, h2c\r\n\r\n'
    const { client, side } = await open(
      request,
      'HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: raw/2\r\n\r\n'
    )
    expect(side.head).to.match(/\r\nupgrade: raw\/2\r\n/i)
    client.socket.end('that is all')
    await side.isEnded()
    expect(side.after.toString()).to.equal('that is all')
    expect(client.ended).to.equal(false)
    side.socket.write('and ')
    await client.has('and ')
    side.socket.end('goodbye')
    await client.isEnded()
    expect(client.after.toString()).to.equal('and goodbye')
    await eventually(() => plane.inflight.total() === 0)
    expect(plane.finished).to.deep.equal([{ key: 'ns/fn', code: 101 }])
  })

  for (const answer of [
    'HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nhere',
    'HTTP/1.1 403 Forbidden\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhere\r\n0\r\n\r\n',
    'HTTP/1.1 426 Upgrade Required\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nContent-Length: 4\r\n\r\nhere'
  ]) {
    const status = answer.slice(9, 12)
    it(`X16: passes the answer ${status} of a function that declines whole, and ends the connection`, async () => {
      await replica(answer)
      const client = await send(opening())
      await client.isEnded()
      expect(client.text)
        .to.match(new RegExp(`^HTTP/1\\.1 ${status} `))
        .and.include('here')
      expect(client.head).to.match(/\r\nConnection: close\r\n/)
      if (status === '403') expect(client.head).to.include('\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\n')
      if (status === '426') expect(client.head).to.include('\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n')
      await eventually(() => plane.inflight.total() === 0)
      expect(plane.finished).to.deep.equal([{ key: 'ns/fn', code: Number(status) }])
    })
  }

  it('passes a large answer of a function that declines at the speed of its client', async () => {
    const size = 8 * MIB
    plane.route(await plane.replica((_req, res) => res.end(Buffer.alloc(size, 'x'))))
    const client = await send(opening())
    client.socket.pause()
    await eventually(() => plane.inflight.total() === 1)
    client.socket.resume()
    await client.isEnded()
    expect(client.after.length).to.be.greaterThanOrEqual(size)
  })

  it('answers as any call when there is no function, no replica in time, or too many wait, and ends the connection', async () => {
    plane.route()
    plane.table.remove('ns/fn')
    const unknown = await send(opening())
    await unknown.isEnded()
    expect(unknown.head)
      .to.match(/^HTTP\/1\.1 404 /)
      .and.match(/\r\nX-Docker-Faas-Reason: FunctionNotFound\r\n/)
    expect(unknown.head)
      .to.match(/\r\nConnection: close\r\n/)
      .and.match(/\r\nX-Call-Id: /)
    await plane.stop()
    await start({ timeouts: { ...PATIENT, waitMs: 500 }, waitMax: 1 })
    plane.table.put({ key: 'ns/fn', uid: 'uid-1', replicas: 1, endpoints: [] })
    const late = await send(opening())
    await eventually(() => plane.held === 1)
    const crowded = await send(opening())
    await Promise.all([late.isEnded(), crowded.isEnded()])
    expect(crowded.head)
      .to.match(/^HTTP\/1\.1 503 /)
      .and.match(/\r\nRetry-After: 1\r\n/)
    expect(late.head).to.match(/^HTTP\/1\.1 50[34] /)
  })

  it('waits for a replica like any other call, and keeps what came meanwhile', async () => {
    plane.table.put({ key: 'ns/fn', uid: 'uid-1', replicas: 1, endpoints: [] })
    const client = await send(opening())
    await eventually(() => plane.held === 1)
    const early = frame(text, 'early', true)
    client.socket.write(early)
    await replica(OPENED)
    await client.has('101 Switching')
    await eventually(() => replicas[0]?.after.equals(early) === true)
  })

  it('X6: gives up when the client leaves before it was answered, and ends the session when it leaves later', async () => {
    plane.table.put({ key: 'ns/fn', uid: 'uid-1', replicas: 1, endpoints: [] })
    const waiting = await send(opening())
    await eventually(() => plane.held === 1)
    waiting.socket.end()
    await eventually(() => plane.held === 0)
    await replica('')
    const silent = await send(opening())
    await eventually(() => replicas[0]?.text.endsWith('\r\n\r\n') === true)
    silent.socket.destroy()
    await replicas[0]?.isEnded()
    await eventually(() => plane.inflight.total() === 0)
    expect(plane.finished.map(({ code }) => code)).to.deep.equal([499, 499])
    const { client } = await open()
    const side = replicas.at(-1)
    client.socket.resetAndDestroy()
    await side?.isEnded()
    await eventually(() => plane.inflight.total() === 0)
    expect(plane.finished.at(-1)?.code).to.equal(101)
  })

  it('holds either side back while the other does not read', async () => {
    const { client, side } = await open()
    for (const [from, to] of [
      [client, side],
      [side, client]
    ] as const) {
      to.socket.pause()
      const piece = frame(OPCODE.binary, Buffer.alloc(MIB, 'x'), from === client)
      let sent = 0
      const pour = () => {
        while (sent < 64) {
          sent++
          if (!from.socket.write(piece)) {
            from.socket.once('drain', pour)
            return
          }
        }
      }
      pour()
      let before = -1
      // It stands still when the buffers of the sockets are full.
      for (let same = 0; same < 10; same = before === sent ? same + 1 : 0) {
        before = sent
        await new Promise(resolve => setTimeout(resolve, 10))
      }
      expect(sent, 'MiB sent to who does not read').to.be.lessThan(40)
      const had = to.count
      to.socket.resume()
      await eventually(() => to.count > had && to.count >= 64 * piece.length)
    }
  })

  describe('that stay silent', () => {
    beforeEach(async () => {
      await plane.stop()
      await start({ timeouts: { ...PATIENT, execMs: 200 } })
    })

    it('X5: are closed with 1001 after the time without a byte', async () => {
      const { client, side } = await open()
      await client.isEnded()
      expect(closeAtEnd(client.after)?.code).to.equal(1001)
      await side.isEnded()
      side.socket.end()
      client.socket.end()
      await eventually(() => plane.inflight.total() === 0)
    })

    it('X5: live as long as pings come', async () => {
      const { client, side } = await open()
      for (let n = 0; n < 40; n++) {
        side.socket.write(frame(ping, String(n)))
        await new Promise(resolve => setTimeout(resolve, 10))
      }
      expect([client.ended, plane.inflight.total()]).to.deep.equal([false, 1])
    })
  })

  describe('whose replica goes', () => {
    it('X5: survive that it leaves the table, and are closed with 1012 when it is stopped', async () => {
      const { client, side, containerId } = await open()
      plane.table.put({ key: 'ns/fn', uid: 'uid-1', replicas: 1, endpoints: [] })
      side.socket.write(frame(text, 'still here'))
      await client.has('still here')
      plane.table.end('another', 'stopped')
      plane.table.end(containerId, 'stopped')
      await client.isEnded()
      expect(client.after.subarray(0, 12).equals(frame(text, 'still here'))).to.equal(true)
      expect(closeAtEnd(client.after)?.code).to.equal(1012)
      await side.isEnded()
      // To the function it is the client that closes.
      expect(side.after[0]).to.equal(0x80 | close)
      expect((side.after[1] ?? 0) & 0x80).to.equal(0x80)
      side.socket.end()
      client.socket.end()
      await eventually(() => plane.inflight.total() === 0)
      expect(plane.finished).to.deep.equal([{ key: 'ns/fn', code: 101 }])
    })

    it('X5: are closed at the end of the frame that is under way, and without a Close frame when it never ends', async () => {
      const { client, side, containerId } = await open()
      const long = frame(text, 'x'.repeat(70_000))
      side.socket.write(long.subarray(0, 1000))
      await eventually(() => client.after.length === 1000)
      plane.table.end(containerId, 'stopped')
      expect(client.ended).to.equal(false)
      side.socket.write(Buffer.concat([long.subarray(1000), frame(text, 'too late')]))
      await client.isEnded()
      expect(client.after.subarray(0, long.length).equals(long)).to.equal(true)
      expect(closeAtEnd(client.after.subarray(long.length))?.code).to.equal(1012)
      replicas.length = 0
      const other = await open()
      other.side.socket.write(long.subarray(0, 1000))
      await eventually(() => other.client.after.length === 1000)
      plane.table.end(other.containerId, 'stopped')
      await other.client.isEnded()
      expect(other.client.after.length).to.equal(1000)
    })

    it('X5: are closed with 1011 when it dies, by its connection or by what the engine says', async () => {
      const { client, side } = await open()
      side.socket.destroy()
      await client.isEnded()
      expect(closeAtEnd(client.after)?.code).to.equal(1011)
      expect(plane.finished).to.deep.equal([])
      client.socket.end()
      await eventually(() => plane.inflight.total() === 0)
      expect(plane.finished).to.deep.equal([{ key: 'ns/fn', code: 502 }])
      expect(plane.warnings.map(({ message }) => message)).to.deep.equal(['Closed a session whose replica went away'])
      replicas.length = 0
      const other = await open()
      plane.table.drop('ns/fn', other.containerId)
      await other.client.isEnded()
      expect(closeAtEnd(other.client.after)?.code).to.equal(1011)
    })

    it('X5: get a reset where no WebSocket is spoken', async () => {
      const { client, containerId } = await open(
        'GET / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: raw\r\n\r\n',
        'HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: raw\r\n\r\n'
      )
      plane.table.end(containerId, 'stopped')
      await eventually(() => client.closed)
      expect(client.error).to.equal('ECONNRESET')
    })
  })

  it('X5: are closed with 1001 when the gateway drains, after the last call; no other is opened meanwhile', async () => {
    const { client } = await open()
    const held: http.ServerResponse[] = []
    plane.route(await plane.replica((_req, res) => held.push(res)))
    const running = plane.call()
    await eventually(() => held.length === 1)
    const closed = plane.proxy.close(60_000)
    const late = await send(opening())
    await late.isEnded()
    expect(late.head)
      .to.match(/^HTTP\/1\.1 503 /)
      .and.match(/\r\nX-Docker-Faas-Reason: ShuttingDown\r\n/)
    expect(client.ended).to.equal(false)
    held[0]?.end('whole')
    expect((await running).body).to.equal('whole')
    await closed
    await client.isEnded()
    expect(closeAtEnd(client.after)?.code).to.equal(1001)
  })

  describe('that are not wanted', () => {
    const cases: [what: string, request: string][] = [
      [
        'an offer of h2c',
        'GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade, HTTP2-Settings, close\r\nUpgrade: h2c\r\nHTTP2-Settings: x\r\n\r\n'
      ],
      ['an offer of TLS', 'GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade, close\r\nUpgrade: TLS/1.2\r\n\r\n'],
      [
        'an upgrade that Connection does not name',
        'GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nUpgrade: websocket\r\n\r\n'
      ],
      ['an upgrade of HTTP/1.0', 'GET / HTTP/1.0\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n'],
      [
        'one with a body',
        'POST / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade, close\r\nUpgrade: raw\r\nContent-Length: 4\r\n\r\nbody'
      ]
    ]
    for (const [what, request] of cases) {
      it(`X16: passes over ${what} and serves plain HTTP`, async () => {
        let seen: string[] = []
        plane.route(
          await plane.replica((req, res) => {
            seen = req.rawHeaders
            req.pipe(res)
          })
        )
        const client = await send(request)
        await client.isEnded()
        expect(client.text).to.match(/^HTTP\/1\.1 200 OK\r\n/)
        expect(seen.map(name => name.toLowerCase())).to.not.include('upgrade')
        if (what === 'one with a body') expect(client.text).to.include('body')
      })
    }

    it('X16: passes over an upgrade behind a request that is still being answered', async () => {
      const held: http.ServerResponse[] = []
      plane.route(
        await plane.replica((req, res) => (req.url === '/hold' ? held.push(res) : res.end(String(req.headers.upgrade))))
      )
      const client = await send(`GET /hold HTTP/1.1\r\nHost: a\r\n\r\n${opening()}`)
      await eventually(() => held.length === 1)
      held[0]?.end('first')
      await client.has('undefined')
      expect(client.text.match(/HTTP\/1\.1 200 OK/g)).to.have.length(2)
    })

    it('X8: answers 502 to a function that switches unasked, or says with what in a way that is no HTTP', async () => {
      await replica('HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n')
      expect((await plane.call()).status).to.equal(502)
      await replica('HTTP/1.1 101 Switching Protocols\r\n\r\n')
      const client = await send(opening())
      await client.isEnded()
      expect(client.head).to.match(/^HTTP\/1\.1 502 /)
      await eventually(() => plane.inflight.total() === 0)
    })
  })
})
