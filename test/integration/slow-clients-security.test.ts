import { once } from 'node:events'
import http from 'node:http'
import net from 'node:net'
import { Readable } from 'node:stream'
import { expect } from 'chai'
import { type ApiServer, AUTHORIZATION, startApi } from '../helpers/api-server.ts'
import { DataPlane, eventually } from '../helpers/data-plane.ts'
import { TestGateway } from '../helpers/gateway.ts'
import { type StrictFunction, strictFunction, talk } from '../helpers/raw-http.ts'

const HOST = 'Host: x\r\n'
const AUTH = `${HOST}Authorization: ${AUTHORIZATION}\r\n`

describe('clients that are slow on purpose', () => {
  it('X1: are cut off when they send a byte of their head now and then', async () => {
    await using api = await startApi({}, { headersTimeoutMs: 300 })
    const socket = net.connect(api.port, '127.0.0.1').on('error', () => undefined)
    let said = ''
    socket.on('data', chunk => {
      said += chunk
    })
    socket.write('GET /healthz HTTP/1.1\r\nHost: x\r\nA: ')
    const dribble = setInterval(() => socket.write('a'), 20)
    await once(socket, 'close')
    clearInterval(dribble)
    expect(said).to.match(/^HTTP\/1\.1 408 [\s\S]*HEAD_TIMEOUT/)
  })

  it('X1: are cut off when they connect and say nothing', async () => {
    await using api = await startApi({}, { headersTimeoutMs: 200 })
    expect((await talk(api.port, '')).closed).to.equal(true)
  })

  it('X1: are cut off when they send a body of the API byte by byte', async () => {
    await using api = await startApi({ readTimeoutMs: 300 })
    const socket = net.connect(api.port, '127.0.0.1').on('error', () => undefined)
    let said = ''
    socket.on('data', chunk => {
      said += chunk
    })
    socket.write(`POST /v1/functions HTTP/1.1\r\n${AUTH}Content-Length: 1000\r\n\r\n{`)
    const dribble = setInterval(() => socket.write(' '), 20)
    await once(socket, 'close')
    clearInterval(dribble)
    expect(said).to.match(/^HTTP\/1\.1 408 [\s\S]*BODY_TIMEOUT/)
  })

  it('X1: are cut off when they do not read an answer of the API, and a watch that waits is not', async () => {
    const answered: net.Socket[] = []
    await using api = await startApi(
      {},
      {
        writeTimeoutMs: 200,
        api: (req, res) => {
          answered.push(req.socket)
          if (req.url === '/watch') res.flushHeaders()
          else Readable.from(endless()).pipe(res)
        }
      }
    )
    const watch = net.connect(api.port, '127.0.0.1')
    watch.write(`GET /watch HTTP/1.1\r\n${HOST}\r\n`)
    await eventually(() => answered.length === 1)
    const slow = net.connect(api.port, '127.0.0.1').on('error', () => undefined)
    slow.write(`GET /much HTTP/1.1\r\n${HOST}\r\n`)
    await eventually(() => answered.length === 2 && answered[1]?.destroyed === true)
    expect(answered[0]?.destroyed).to.equal(false)
    watch.destroy()
    slow.destroy()
  })
})

describe('calls with bodies that do not come, or do not end', () => {
  let plane: DataPlane
  afterEach(async () => {
    expect(plane.inflight.total(), 'in flight after the test').to.equal(0)
    await plane.stop()
  })

  async function planeWith(overrides: ConstructorParameters<typeof DataPlane>[0]): Promise<StrictFunction> {
    plane = await new DataPlane(overrides).start()
    const fn = strictFunction()
    plane.route(await plane.rawReplica(fn.onSocket))
    return fn
  }

  /** Sends the head, then the piece over and over until the server ends the connection. */
  async function dribble(head: string, piece: string): Promise<string> {
    const socket = net.connect(plane.port, '127.0.0.1').on('error', () => undefined)
    let said = ''
    socket.on('data', chunk => {
      said += chunk
    })
    socket.write(`POST / HTTP/1.1\r\n${HOST}${head}\r\n\r\n`)
    const timer = setInterval(() => socket.write(piece), 20)
    await once(socket, 'close')
    clearInterval(timer)
    return said
  }

  const timeouts = { execMs: 60_000, connectMs: 500, waitMs: 1000, readMs: 400 }
  for (const [what, head, piece] of [
    ['small', 'Content-Length: 60000', 'x'],
    ['large', 'Content-Length: 600000', 'x'],
    ['chunked', 'Transfer-Encoding: chunked', '1\r\nx\r\n']
  ] as const) {
    it(`X1: end with 408 when a ${what} body comes byte by byte, though each byte is in time`, async () => {
      const fn = await planeWith({ timeouts })
      expect(await dribble(head, piece)).to.match(/^HTTP\/1\.1 408 [\s\S]*X-Docker-Faas-Reason: BodyTimeout/)
      expect(fn.requests).to.deep.equal([])
    })
  }

  it('X1: go on when the body comes slowly and steadily', async () => {
    const fn = await planeWith({ timeouts: { ...timeouts, readMs: 100 } })
    const head = 'Connection: close\r\nContent-Length: 66000'
    expect(await dribble(head, 'x'.repeat(1000))).to.match(/^HTTP\/1\.1 200 /)
    expect(fn.requests[0]?.body).to.have.length(66_000)
  })

  it('X1: go on when the function has begun to answer', async () => {
    plane = await new DataPlane({ timeouts: { ...timeouts, readMs: 50 } }).start()
    plane.route(
      await plane.replica((req, res) => {
        res.write('begun ')
        let bytes = 0
        req.on('data', (chunk: Buffer) => {
          bytes += chunk.length
          if (bytes >= 20) res.end(`and ${bytes}`)
        })
      })
    )
    const said = await dribble('Connection: close\r\nTransfer-Encoding: chunked', '1\r\nx\r\n')
    expect(said).to.match(/^HTTP\/1\.1 200 [\s\S]*begun [\s\S]*and 20/)
  })

  it('X2: end with 413 when the length is beyond the limit, before a byte of it is read', async () => {
    const fn = await planeWith({ maxBodyBytes: 100_000 })
    const said = await plane.raw(`POST / HTTP/1.1\r\n${HOST}Content-Length: 100001\r\n\r\n`)
    expect(said).to.match(/^HTTP\/1\.1 413 [\s\S]*BodyTooLarge[\s\S]*Connection: close/)
    expect(fn.requests).to.deep.equal([])
  })

  it('X2: end with 413 when a body in chunks goes beyond the limit, and not at it', async () => {
    const fn = await planeWith({ maxBodyBytes: 100_000 })
    const chunks = (bytes: number) => `${bytes.toString(16)}\r\n${'x'.repeat(bytes)}\r\n0\r\n\r\n`
    const head = `POST / HTTP/1.1\r\n${HOST}Connection: close\r\nTransfer-Encoding: chunked\r\n\r\n`
    expect(await plane.raw(`${head}${chunks(100_000)}`)).to.match(/^HTTP\/1\.1 200 /)
    expect(await plane.raw(`${head}${chunks(100_001)}`)).to.match(/HTTP\/1\.1 413 /)
    expect(fn.requests).to.have.length(1)
  })

  it('X2: end with 413 though the client never ends its chunks', async () => {
    await planeWith({ maxBodyBytes: 1_000_000 })
    const said = await dribble('Transfer-Encoding: chunked', `10000\r\n${'x'.repeat(65_536)}\r\n`)
    expect(said).to.match(/^HTTP\/1\.1 413 /)
  })
})

describe('more connections than there may be', () => {
  const MAX = 40
  let api: ApiServer
  let cut = 0
  const held: http.ServerResponse[] = []
  const open = new Set<net.Socket>()
  beforeEach(async () => {
    cut = 0
    const onCut = (count: number) => {
      cut += count
    }
    const connections = { max: MAX, onCut }
    const proxy = { handle: (_req: http.IncomingMessage, res: http.ServerResponse) => void held.push(res) }
    api = await startApi({}, { connections, proxy, requireAuthForFunctions: false })
  })
  afterEach(async () => {
    for (const socket of open) socket.destroy()
    await api[Symbol.asyncDispose]()
  })

  /** Connections from this address that each say so much and then nothing. */
  async function hold(count: number, bytes: string, localAddress: string): Promise<void> {
    for (let i = 0; i < count; i++) {
      const socket = net.connect({ port: api.port, host: '127.0.0.1', localAddress }).on('error', () => undefined)
      open.add(socket)
      socket.once('close', () => open.delete(socket)).resume()
      await once(socket, 'connect')
      socket.write(bytes)
    }
  }

  async function isAlive(localAddress: string): Promise<boolean> {
    const req = http.request({ port: api.port, host: '127.0.0.1', localAddress, path: '/livez', agent: false })
    const [res] = (await once(req.end(), 'response')) as [http.IncomingMessage]
    res.resume()
    return res.statusCode === 200
  }

  for (const [what, bytes] of [
    ['say nothing', ''],
    ['do not end their heads', `GET / HTTP/1.1\r\nHost: x\r\nA: ${'x'.repeat(30_000)}`],
    ['do not send their bodies', `POST /v1/functions HTTP/1.1\r\n${AUTH}Content-Length: 9\r\n\r\n`],
    ['are kept open after an answer', `GET /livez HTTP/1.1\r\nHost: x\r\n\r\n`]
  ] as const) {
    it(`X1: do not keep others away when they ${what}`, async () => {
      await hold(5 * MAX, bytes, '127.0.0.2')
      for (let i = 0; i < 10; i++) expect(await isAlive('127.0.0.3')).to.equal(true)
      expect(await isAlive('127.0.0.2')).to.equal(true)
      await eventually(() => open.size <= MAX)
      expect(cut).to.be.at.least(4 * MAX)
    })
  }

  it('X1: cost neither a call that runs nor the connections of another address', async () => {
    await hold(3, 'GET / HTTP/1.1\r\n', '127.0.0.4')
    const quiet = [...open]
    const req = http.request({ port: api.port, host: '127.0.0.1', localAddress: '127.0.0.2', path: '/function/fn' })
    const answer = once(req.end(), 'response')
    await eventually(() => held.length === 1)
    await hold(3 * MAX, 'GET / HTTP/1.1\r\n', '127.0.0.2')
    held.pop()?.end('worked')
    const [res] = (await answer) as [http.IncomingMessage]
    expect(res.statusCode).to.equal(200)
    res.resume()
    expect(quiet.every(socket => open.has(socket))).to.equal(true)
  })

  it('X1: are refused when all there are have work', async () => {
    await hold(MAX, 'GET /function/fn HTTP/1.1\r\nHost: x\r\n\r\n', '127.0.0.2')
    await eventually(() => held.length === MAX)
    expect((await talk(api.port, 'GET /livez HTTP/1.1\r\nHost: x\r\n\r\n')).said).to.equal('')
    for (const res of held.splice(0)) res.end()
    await eventually(() => held.length === 0)
    expect(await isAlive('127.0.0.3')).to.equal(true)
  })
})

describe('a gateway with more connections than MAX_CONNECTIONS', () => {
  it('X1: answers on the port of metrics, too, however many connect to it', async () => {
    const gateway = await TestGateway.start()
    const sockets: net.Socket[] = []
    try {
      for (let i = 0; i < 100; i++) {
        const socket = net.connect(gateway.metricsPort, '127.0.0.1').on('error', () => undefined)
        sockets.push(socket)
        await once(socket, 'connect')
        socket.write('GET /metrics HTTP/1.1\r\nHost: x\r\nA: ')
      }
      await eventually(() => sockets.filter(socket => socket.destroyed || socket.readableEnded).length >= 36)
      expect((await fetch(`http://127.0.0.1:${gateway.metricsPort}/metrics`)).status).to.equal(200)
    } finally {
      for (const socket of sockets) socket.destroy()
      await gateway.close()
    }
  })

  it('X1: counts those that it cut off, says so in its log, and answers', async () => {
    const gateway = await TestGateway.start({ MAX_CONNECTIONS: '16' })
    const sockets: net.Socket[] = []
    try {
      for (let i = 0; i < 40; i++) {
        const socket = net.connect(gateway.port, '127.0.0.1').on('error', () => undefined)
        sockets.push(socket)
        await once(socket, 'connect')
      }
      expect((await fetch(`http://127.0.0.1:${gateway.port}/livez`)).status).to.equal(200)
      const metrics = await (await fetch(`http://127.0.0.1:${gateway.metricsPort}/metrics`)).text()
      expect(Number(/^faas_connections_cut_total (\d+)$/m.exec(metrics)?.[1])).to.be.at.least(24)
      await eventually(() => gateway.log.some(line => line.includes('Cut off connections for others')))
    } finally {
      for (const socket of sockets) socket.destroy()
      await gateway.close()
    }
  })
})

function* endless(): Generator<Buffer> {
  for (;;) yield Buffer.alloc(65_536)
}
