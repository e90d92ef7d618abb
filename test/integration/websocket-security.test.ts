import { mkdtemp, readFile, rm } from 'node:fs/promises'
import net from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import tls from 'node:tls'
import { expect } from 'chai'
import type { GatewayServerDeps } from '../../src/http/server.ts'
import { type ApiServer, AUTHORIZATION, startApi } from '../helpers/api-server.ts'
import { makeCertificate } from '../helpers/certificates.ts'
import { DataPlane, endpointOf } from '../helpers/data-plane.ts'
import { eventually } from '../helpers/eventually.ts'
import { talk } from '../helpers/raw-http.ts'
import { closeAtEnd, frame, OPCODE, OPENED, opening, RawSide } from '../helpers/websocket.ts'

const FN = '/function/fn.team-a/socket?x=1'
const KEY = 'team-a/fn'
const PAGE = 'https://page.example'
const AUTH = `Authorization: ${AUTHORIZATION}`

describe('WebSockets through the server of the gateway', () => {
  let api: ApiServer
  let plane: DataPlane
  let replicas: RawSide[]

  /** A gateway and a function that takes every WebSocket. */
  async function start(overrides: Partial<GatewayServerDeps> = {}): Promise<void> {
    replicas = []
    plane = await new DataPlane().start()
    const port = await plane.rawReplica(socket => {
      replicas.push(new RawSide(socket))
      socket.once('data', () => socket.write(OPENED))
    })
    plane.table.put({ key: KEY, uid: 'uid-1', replicas: 1, endpoints: [endpointOf(port)] })
    plane.table.markComplete()
    api = await startApi({}, { proxy: plane.proxy, ...overrides })
    api.identity.index.onEnd(id => plane.proxy.endToken(id))
  }
  afterEach(async () => {
    await plane.stop()
    await api[Symbol.asyncDispose]()
  })

  /** The status that a request to open one gets, and what the function saw of it. */
  async function asked(headers: readonly string[], path = FN): Promise<{ status: number; head: string; seen: string }> {
    const client = await RawSide.connect(api.port)
    const before = replicas.length
    client.socket.write(opening(path, headers))
    await client.has('\r\n\r\n')
    const status = Number(client.head.slice(9, 12))
    if (status !== 101) await client.isEnded()
    const { head } = client
    client.socket.destroy()
    return {
      status,
      head,
      seen: replicas
        .slice(before)
        .map(side => side.head)
        .join()
    }
  }

  it('S34: open with credentials, which do not reach the function', async () => {
    await start()
    const { status, seen } = await asked([AUTH])
    expect(status).to.equal(101)
    expect(seen)
      .to.match(/^GET \/socket\?x=1 HTTP\/1\.1\r\n/)
      .and.not.include('Authorization')
  })

  it('S38: do not open without credentials, or with those that are not for it, and the connection ends', async () => {
    await start()
    const none = await asked([])
    expect(none.status).to.equal(401)
    expect(none.head)
      .to.include('\r\nWWW-Authenticate: Basic realm="Restricted"\r\n')
      .and.match(/\r\nConnection: close\r\n/)
    const token = async (input: object) => {
      const made = { name: 't', scopes: ['invoke'], namespaces: ['team-a'], ...input }
      return [`Authorization: Bearer ${(await api.identity.tokens.create(made as never, 'test')).token}`]
    }
    expect((await asked(await token({ name: 'a' }))).status).to.equal(101)
    expect((await asked(await token({ name: 'b', scopes: ['read'] }))).status).to.equal(403)
    expect((await asked(await token({ name: 'c', namespaces: ['team-b'] }))).status).to.equal(404)
    expect((await asked(['Authorization: Basic d3Jvbmc6d3Jvbmc='])).status).to.equal(401)
    expect(replicas).to.have.length(1)
  })

  it('S21: end with the token by which they were opened, and no others', async () => {
    await start()
    const open = async (authorization: string) => {
      const client = await RawSide.connect(api.port)
      client.socket.write(opening(FN, [`Authorization: ${authorization}`]))
      await client.has('101')
      return client
    }
    const token = (name: string) => api.identity.tokens.create({ name, scopes: ['invoke'] } as never, 'test')
    const [first, second] = [await token('first'), await token('second')]
    const ended = await open(`Bearer ${first.token}`)
    const others = [await open(`Bearer ${second.token}`), await open(AUTHORIZATION)]
    await api.identity.tokens.revoke(first.id)
    await ended.isEnded()
    expect(closeAtEnd(ended.bytes)).to.deep.equal({ code: 1008, reason: 'the token is no longer good' })
    await eventually(() => expect(replicas[0]?.ended).to.equal(true))
    for (const [n, other] of others.entries()) {
      replicas[n + 1]?.socket.write(frame(OPCODE.text, 'still here'))
      await other.has('still here')
      other.socket.destroy()
    }
  })

  it('S38: do not open for a page of another origin with what the browser keeps of the user', async () => {
    await start({ allowedOrigins: ['https://named.example'] })
    for (const headers of [[`Origin: ${PAGE}`], ['Origin: null'], [`Origin: ${PAGE}`, 'Sec-Fetch-Site: cross-site']]) {
      expect((await asked([AUTH, ...headers])).status, headers.join()).to.equal(403)
    }
    expect(replicas).to.have.length(0)
    expect((await asked([AUTH, 'Origin: http://fn.example'])).status, 'a page of this gateway').to.equal(101)
    expect((await asked([AUTH, 'Origin: https://named.example'])).status, 'a page that is named').to.equal(101)
    expect((await asked([AUTH])).status, 'no browser').to.equal(101)
  })

  it('S38: with *, open for any page that brings a token, and for none with a password', async () => {
    await start({ allowedOrigins: ['*'] })
    const made = await api.identity.tokens.create({ name: 't', scopes: ['invoke'] } as never, 'test')
    expect((await asked([`Authorization: Bearer ${made.token}`, `Origin: ${PAGE}`])).status).to.equal(101)
    expect((await asked([AUTH, `Origin: ${PAGE}`])).status).to.equal(403)
  })

  it('S9: do not open for functions that may not call', async () => {
    await start({ isBarred: () => true })
    expect((await asked([AUTH])).status).to.equal(403)
    expect(replicas).to.have.length(0)
  })

  it('X3, S33: do not open by a head that two parsers may read in two ways, or a path that is none', async () => {
    await start({ requireAuthForFunctions: false })
    expect((await asked(['Host: other'])).status).to.equal(400)
    expect((await asked([], '/function/fn.team-a/../x')).status).to.equal(400)
    expect((await asked([], '/function/none')).status).to.equal(404)
    expect(replicas).to.have.length(0)
  })

  it('X3, S33: are no way to the API, which answers as if nothing had been asked', async () => {
    await start()
    const { said, statuses } = await talk(api.port, opening('/v1/functions', [AUTH, 'Connection: close']))
    expect(statuses).to.deep.equal([200])
    expect(said).to.include('"items":[]')
  })

  it('X1: live on beyond the time that a head has, and that of a connection that is kept', async () => {
    await start({ requireAuthForFunctions: false, headersTimeoutMs: 100, keepAliveTimeoutMs: 100 })
    const client = await RawSide.connect(api.port)
    client.socket.write('GET /livez HTTP/1.1\r\nHost: a\r\n\r\n')
    await client.has('HTTP/1.1 200 OK')
    client.socket.write(opening(FN))
    await client.has('101')
    // Both are looked for at least each 100 ms.
    for (let n = 0; n < 8; n++) {
      replicas[0]?.socket.write(frame(OPCODE.ping, `ping ${n}`))
      await client.has(`ping ${n}`)
      await new Promise(resolve => setTimeout(resolve, 100))
    }
    expect([client.ended, client.closed]).to.deep.equal([false, false])
    client.socket.destroy()
  })

  it('X1: count as connections that have work', async () => {
    let cut = 0
    const onCut = (count: number) => {
      cut += count
    }
    await start({ requireAuthForFunctions: false, connections: { max: 3, onCut } })
    const sessions = []
    for (let n = 0; n < 3; n++) {
      const client = await RawSide.connect(api.port)
      client.socket.write(opening(FN))
      await client.has('101')
      sessions.push(client)
    }
    const late = await RawSide.connect(api.port)
    await late.isEnded()
    expect(cut).to.equal(1)
    expect(sessions.some(({ ended, closed }) => ended || closed)).to.equal(false)
    sessions[0]?.socket.destroy()
    await eventually(() => expect(plane.inflight.total()).to.equal(2))
    const next = await RawSide.connect(api.port)
    next.socket.write(opening(FN))
    await next.has('101')
    for (const { socket } of [...sessions, next, late]) socket.destroy()
  })

  async function aCertificate(): Promise<GatewayServerDeps['certificate']> {
    const folder = await mkdtemp(join(tmpdir(), 'docker-faas-ws-'))
    const { certFile, keyFile } = makeCertificate(folder, 'wss')
    const [cert, key] = [await readFile(certFile, 'utf8'), await readFile(keyFile, 'utf8')]
    await rm(folder, { recursive: true })
    return { cert, key } as never
  }

  it('S42, X8: an answer that breaks off over TLS, too, cannot be taken for a whole one, by HTTP/1.0 neither', async () => {
    await start({ certificate: await aCertificate(), requireAuthForFunctions: false })
    const port = await plane.rawReplica(socket =>
      socket.once('data', () => {
        socket.write('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\npart\r\n')
        setTimeout(() => socket.destroy(), 20)
      })
    )
    plane.table.put({ key: KEY, uid: 'uid-1', replicas: 1, endpoints: [endpointOf(port)] })
    const socket = tls.connect({ port: api.port, host: '127.0.0.1', rejectUnauthorized: false })
    const client = new RawSide(socket)
    socket.write('GET /function/fn.team-a HTTP/1.0\r\n\r\n')
    await client.has('part')
    await client.isEnded()
    await eventually(() => expect(plane.inflight.total()).to.equal(0))
    expect(plane.finished.map(({ code }) => code)).to.deep.equal([502])
    socket.destroy()
  })

  it('S42: open over TLS, and end by a Close frame when the gateway drains', async () => {
    await start({ certificate: await aCertificate() })
    const socket = tls.connect({ port: api.port, host: '127.0.0.1', rejectUnauthorized: false })
    const client = new RawSide(socket)
    socket.write(opening(FN, [AUTH]))
    await client.has('101')
    socket.write(frame(OPCODE.text, 'up', true))
    await eventually(() => expect(replicas[0]?.after.equals(frame(OPCODE.text, 'up', true))).to.equal(true))
    replicas[0]?.socket.write(frame(OPCODE.text, 'down'))
    await client.has('down')
    expect(replicas[0]?.head).to.include('X-Forwarded-Proto: https')
    await plane.proxy.close(10_000)
    await client.isEnded()
    expect(closeAtEnd(client.after)?.code).to.equal(1001)
    socket.destroy()
    expect(socket).to.be.instanceOf(net.Socket)
  })
})
