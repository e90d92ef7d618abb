import net, { type AddressInfo, type Socket } from 'node:net'
import { expect } from 'chai'
import type { Dispatcher } from 'undici'
import { eventually } from '../../../test/helpers/eventually.ts'
import { READ_BYTES } from './connection.ts'
import { Connections } from './connections.ts'

const OK = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'

/** What an exchange told. */
interface Told {
  head?: string
  body: string
  trailers: readonly string[]
  end?: 'whole' | Error
}

describe('connections to a replica', () => {
  const sockets = new Set<Socket>()
  let server: net.Server
  let connections: Connections
  let opened: number
  let answer: (socket: Socket, request: string) => void

  beforeEach(async () => {
    opened = 0
    answer = socket => socket.write(OK)
    server = net.createServer(socket => {
      opened++
      sockets.add(socket.on('close', () => sockets.delete(socket)).on('error', () => undefined))
      socket.on('data', data => answer(socket, data.toString('latin1')))
    })
    await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
    connections = connectionsOf(3000)
  })

  afterEach(async () => {
    connections.destroy()
    for (const socket of sockets) socket.destroy()
    await new Promise(resolve => server.close(resolve))
  })

  function connectionsOf(keepAliveMs: number): Connections {
    const { port } = server.address() as AddressInfo
    const shared = Buffer.allocUnsafeSlow(READ_BYTES)
    return new Connections({
      endpoint: { containerId: 'c', host: '127.0.0.1', port },
      ...{ connectMs: 1000, keepAliveMs, shared }
    })
  }

  /** After the function's connections did what was written or ended before, and those here were told. */
  const turn = () => new Promise(setImmediate)

  function send(options: Partial<Dispatcher.DispatchOptions> = {}): Promise<Told> {
    const { promise, resolve } = Promise.withResolvers<Told>()
    const told: Told = { body: '', trailers: [] }
    const over = (end: 'whole' | Error) => resolve({ ...told, end })
    connections.dispatch(
      { path: '/', method: 'GET', headers: [], body: null, ...options },
      {
        onRequestStart: () => undefined,
        onResponseStart: ({ rawHeaders }, status) => {
          told.head = `${status} ${rawHeaders}`
        },
        onResponseData: (_controller, chunk) => {
          told.body += chunk.toString('latin1')
        },
        onResponseEnd: ({ rawTrailers }) => {
          told.trailers = rawTrailers as string[]
          over('whole')
        },
        onResponseError: (_controller, error) => over(error)
      }
    )
    return promise
  }

  it('are used again, and no longer than they are kept', async () => {
    for (let n = 0; n < 3; n++) {
      expect((await send()).body).to.equal('ok')
      await turn()
    }
    expect(opened).to.equal(1)
    connections.destroy()
    connections = connectionsOf(0)
    for (let n = 0; n < 3; n++) expect((await send()).body).to.equal('ok')
    expect(opened).to.equal(4)
  })

  it('are closed when they were free for too long', async () => {
    connections = connectionsOf(1)
    await send()
    await eventually(() => {
      connections.closeStale()
      expect(sockets.size).to.equal(0)
    })
  })

  it('are not used again when the function keeps them for no time', async () => {
    answer = socket => socket.write('HTTP/1.1 200 OK\r\nKeep-Alive: timeout=1\r\nContent-Length: 2\r\n\r\nok')
    for (let n = 0; n < 2; n++) {
      await send()
      await turn()
    }
    expect(opened).to.equal(2)
  })

  it('carry answers whatever pieces they come in', async () => {
    const whole = 'HTTP/1.1 200 OK\r\nX-A: 1\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nX-T: t\r\n\r\n'
    answer = async socket => {
      for (const byte of whole) {
        socket.write(byte)
        await new Promise(setImmediate)
      }
    }
    for (let n = 0; n < 2; n++) {
      expect(await send()).to.deep.equal({
        head: '200 X-A,1,Transfer-Encoding,chunked',
        ...{ body: 'abc', trailers: ['X-T', 't'], end: 'whole' }
      })
      await turn()
    }
    expect(opened).to.equal(1)
  })

  it('give long answers whole while others are read into the same memory', async () => {
    const long = Array.from({ length: 40_000 }, (_, n) => String(n).padStart(10)).join('')
    answer = (socket, request) => {
      const body = request.startsWith('GET /long') ? long : 'short'
      socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n\r\n${body}`)
    }
    const told = await Promise.all(Array.from({ length: 20 }, (_, n) => send({ path: n % 2 === 0 ? '/long' : '/' })))
    expect(told.map(({ body }) => body === long || body)).to.deep.equal(
      told.map((_, n) => (n % 2 === 0 ? true : 'short'))
    )
  })

  it('say that an empty POST is empty, and send a body, short or long, behind its head', async () => {
    let request = ''
    const whole = (length: number) => {
      answer = (socket, text) => {
        request += text
        if (request.length - request.indexOf('\r\n\r\n') - 4 === length) socket.write(OK)
      }
    }
    whole(0)
    await send({ method: 'POST', path: '/a?b=c', headers: ['X-A', 'b'] })
    expect(request).to.match(
      /^POST \/a\?b=c HTTP\/1\.1\r\nHost: 127\.0\.0\.1:\d+\r\nConnection: keep-alive\r\nX-A: b\r\n/
    )
    expect(request).to.contain('\r\nContent-Length: 0\r\n')
    for (const length of [3, 60_000]) {
      request = ''
      whole(length)
      const body = Buffer.alloc(length, '\xff\x00\n', 'latin1')
      await send({ method: 'PUT', headers: ['Content-Length', String(length)], body })
      expect(request.split('\r\n\r\n')[1]).to.equal(body.toString('latin1'))
      expect(request.match(/content-length/gi)).to.have.length(1)
    }
  })

  for (const [what, bytes, code] of [
    ['bytes that are no HTTP', 'SSH-2.0', 'BAD_ANSWER'],
    ['a head without end', `HTTP/1.1 200 OK\r\nX: ${'a'.repeat(40_000)}`, 'BAD_ANSWER'],
    ['an upgrade that nobody asked for', 'HTTP/1.1 101 Switching Protocols\r\n\r\n', 'BAD_ANSWER']
  ] as const) {
    it(`X8: fail at ${what}, and are closed`, async () => {
      answer = socket => socket.write(bytes)
      expect((await send()).end).to.include({ code })
      await eventually(() => expect(sockets.size).to.equal(0))
    })
  }

  it('X8: are closed when something comes that nobody asked for', async () => {
    answer = socket => {
      socket.write(OK)
      setImmediate(() => socket.write(OK))
    }
    await send()
    await eventually(() => expect(sockets.size).to.equal(0))
    expect((await send()).body).to.equal('ok')
    expect(opened).to.equal(2)
  })

  it('X8: are not used again after HEAD, whose body may come after all', async () => {
    answer = (socket, request) => {
      const isHead = request.startsWith('HEAD')
      if (!isHead) setTimeout(() => socket.write(OK), 20)
      else socket.write('HTTP/1.1 200 OK\r\nContent-Length: 44\r\n\r\n')
      if (isHead) setTimeout(() => socket.write('HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison'), 5)
    }
    expect(await send({ method: 'HEAD' })).to.include({ body: '', end: 'whole' })
    await turn()
    expect((await send()).body).to.equal('ok')
    expect(opened).to.equal(2)
  })

  for (const [what, end] of [
    ['ended', (socket: Socket) => socket.end()],
    ['said something that nobody asked for', (socket: Socket) => socket.write(OK)]
  ] as const) {
    it(`X9: are not used again in the turn in which the function ${what}`, async () => {
      await send()
      await turn()
      for (const socket of sockets) end(socket)
      await turn()
      expect(await send({ method: 'POST' })).to.include({ body: 'ok', end: 'whole' })
      expect(opened).to.equal(2)
    })
  }

  it('X9: are not used again when the function ends them after each answer and does not say so', async () => {
    answer = socket => socket.end(OK)
    for (let n = 0; n < 20; n++) expect(await send({ method: 'POST' })).to.include({ body: 'ok', end: 'whole' })
    await eventually(() => expect(sockets.size).to.equal(0))
  })

  it('are not kept when they are closed in the turn in which the answer ended', async () => {
    await send()
    connections.close()
    await eventually(() => expect(sockets.size).to.equal(0))
  })

  it('send nothing whose path would end its line', async () => {
    expect((await send({ path: '/a b' })).end).to.include({ code: 'UND_ERR_INVALID_ARG' })
    expect((await send({ path: '/a\r\nX: y' })).end).to.include({ code: 'UND_ERR_INVALID_ARG' })
  })

  it('end with their exchanges when they are destroyed, and when they are free when they are closed', async () => {
    answer = () => undefined
    const running = send()
    await eventually(() => expect(sockets.size).to.equal(1))
    connections.close()
    connections.destroy()
    expect((await running).end).to.include({ code: 'UND_ERR_DESTROYED' })
  })
})
