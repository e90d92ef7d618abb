import { METHODS } from 'node:http'
import { expect } from 'chai'
import { type ApiServer, startApi } from '../helpers/api-server.ts'
import { closedPort, DataPlane, endpointOf } from '../helpers/data-plane.ts'
import { eventually } from '../helpers/eventually.ts'
import { type ReadRequest, takeRequest } from '../helpers/raw-http.ts'
import { RawSide } from '../helpers/websocket.ts'

const CALL_ID = 'X-Call-Id: id-1\r\n'
const OK = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'

/** What every answer carries, with what differs from call to call made the same. */
const MARKS = 'X-Start-Time: #\r\nX-Served-By: docker-faas\r\n'
const plain = (text: string) => text.replace(/^(X-Start-Time|Date): .*$/gm, '$1: #')

describe('X16: HTTP between a client and a function, byte for byte', () => {
  let plane: DataPlane
  let api: ApiServer
  let fn: { port: number; sides: RawSide[]; answer: (request: ReadRequest) => string; log: string }
  const clients: RawSide[] = []

  before(async () => {
    plane = await new DataPlane().start()
    const sides: RawSide[] = []
    const port = await plane.rawReplica(socket => {
      const side = new RawSide(socket)
      sides.push(side)
      let at = 0
      socket.on('data', chunk => {
        fn.log += chunk.toString('latin1')
        for (
          let taken = takeRequest(side.text.slice(at));
          taken !== undefined;
          taken = takeRequest(side.text.slice(at))
        ) {
          at = side.count - Buffer.byteLength(taken.rest, 'latin1')
          socket.write(fn.answer(taken.request), 'latin1')
        }
      })
    })
    fn = { port, sides, answer: () => OK, log: '' }
    for (const key of ['openfaas-fn/fn', 'team-a/fn', 'team-b/fn']) {
      plane.table.put({ key, uid: key, replicas: 1, endpoints: [endpointOf(port)] })
    }
    plane.table.markComplete()
    api = await startApi({}, { proxy: plane.proxy, requireAuthForFunctions: false })
  })
  after(async () => {
    await api[Symbol.asyncDispose]()
    await plane.stop()
  })
  beforeEach(() => {
    fn.answer = () => OK
  })
  afterEach(() => {
    for (const { socket } of clients.splice(0)) socket.destroy()
  })

  const send = async (bytes: string) => {
    const client = await RawSide.connect(api.port)
    clients.push(client)
    client.socket.write(bytes, 'latin1')
    return client
  }
  /** All that functions got so far, in the order in which it came. */
  const seen = () => fn.log

  /** What the function gets of a request, and what the client gets of an answer until the connection ends. */
  async function exchange(
    request: string,
    answer: string | (() => string) = OK
  ): Promise<{ up: string; down: string }> {
    fn.answer = typeof answer === 'string' ? () => answer : answer
    const before = seen().length
    const client = await send(request)
    await client.isEnded()
    return { up: seen().slice(before), down: plain(client.text) }
  }
  const get = (headers = '', version = '1.1') =>
    `GET /function/fn HTTP/${version}\r\nHost: a.example\r\n${CALL_ID}${headers}Connection: close\r\n\r\n`
  const post = (headers: string, body: string) =>
    `POST /function/fn HTTP/1.1\r\nHost: a.example\r\n${CALL_ID}Connection: close\r\n${headers}\r\n${body}`

  describe('requests', () => {
    it('X16: has the whole head as the client wrote it, but for what belongs to the connection', async () => {
      const { up, down } = await exchange(
        get('x-LOWER: 1\r\nAccept: */*\r\nX-Dup: b\r\nX-Dup: a\r\nX-Empty:\r\nX-Obs: caf\xe9\r\n')
      )
      const host = `127.0.0.1:${fn.port}`
      expect(plain(up)).to.match(/^GET \/ HTTP\/1\.1\r\n/)
      const lines = up.split('\r\n')
      expect(lines.filter(line => /^x-lower|^accept|^x-dup|^x-empty|^x-obs/i.test(line))).to.deep.equal([
        'x-LOWER: 1',
        'Accept: */*',
        'X-Dup: b',
        'X-Dup: a',
        'X-Empty: ',
        'X-Obs: caf\xe9'
      ])
      expect(lines.filter(line => /^host:/i.test(line)).map(line => line.toLowerCase())).to.deep.equal([
        `host: ${host}`
      ])
      expect(down).to.equal(`HTTP/1.1 200 OK\r\nContent-Length: 2\r\n${MARKS}Date: #\r\nConnection: close\r\n\r\nok`)
    })

    for (const [target, path] of [
      ['/function/fn', '/'],
      ['/function/fn/', '/'],
      ['/function/fn?', '/?'],
      ['/function/fn?x=1', '/?x=1'],
      ['/function/fn.team-a/any/path?x=1&x=2&&=', '/any/path?x=1&x=2&&='],
      ['/function/fn//a///b//', '//a///b//'],
      ['/function/fn/a;b=1/c;?;', '/a;b=1/c;?;'],
      ['/function/fn/%2Fa%2fb%41%7e%ZZ%', '/%2Fa%2fb%41%7e%ZZ%'],
      ['/function/fn/a?b?c#'.slice(0, -1), '/a?b?c'],
      ['/function/fn/!$&\'()*+,:@|^`{}[]"<>\\', '/!$&\'()*+,:@|^`{}[]"<>\\'],
      ['/function/fn/./a/.b/c.', '/./a/.b/c.'],
      ['/function/fn/a+b%20c?q=+%2B', '/a+b%20c?q=+%2B'],
      ['http://a.example/function/fn.team-b/x?y', '/x?y']
    ] as const) {
      it(`X16: ${target} is ${path} for the function`, async () => {
        const { up, down } = await exchange(`GET ${target} HTTP/1.1\r\nHost: a.example\r\nConnection: close\r\n\r\n`)
        expect(down).to.match(/^HTTP\/1\.1 200 OK\r\n/)
        expect(up.split('\r\n')[0]).to.equal(`GET ${path} HTTP/1.1`)
      })
    }

    it('X16: passes every method but CONNECT', async () => {
      for (const method of METHODS.filter(name => name !== 'CONNECT')) {
        const { up, down } = await exchange(
          `${method} /function/fn/x HTTP/1.1\r\nHost: a.example\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`
        )
        expect(up.split('\r\n')[0], down).to.equal(`${method} /x HTTP/1.1`)
        expect(down, method).to.match(/^HTTP\/1\.1 200 OK\r\n/)
      }
    })

    it('X16: makes the chunks of a body anew, without their extensions', async () => {
      const body = '3;name=value\r\nabc\r\n00004;x="y"\r\ndefg\r\n0;last\r\n\r\n'
      const { up } = await exchange(post('Transfer-Encoding: chunked\r\n', body))
      const request = takeRequest(up)?.request
      expect(request?.body).to.equal('abcdefg')
      expect(up).not.to.match(/name|last|x="y"/)
      expect(up).not.to.match(/content-length/i)
    })

    it('X16: passes a chunked body that is empty, and one whose length nobody knows before its end', async () => {
      const { up } = await exchange(post('Transfer-Encoding: chunked\r\n', '0\r\n\r\n'))
      expect(takeRequest(up)?.request.body).to.equal('')
      const before = seen().length
      const client = await send(post('Transfer-Encoding: chunked\r\n', '1\r\na\r\n'))
      await eventually(() => expect(seen().slice(before)).to.include('1\r\na'))
      client.socket.write('2\r\nbc\r\n0\r\n\r\n')
      await client.isEnded()
      expect(takeRequest(seen().slice(before))?.request.body).to.equal('abc')
    })

    describe('with trailers', () => {
      const trailed = (announced: string, trailers: string, headers = '') =>
        post(
          `Trailer: ${announced}\r\nTransfer-Encoding: chunked\r\n${headers}`,
          `3\r\nabc\r\n2\r\nde\r\n0\r\n${trailers}\r\n`
        )

      it('X16: has those that were announced, as the client wrote them', async () => {
        const { up, down } = await exchange(
          trailed('X-Sum, x-other', 'X-Sum: 42\r\nX-OTHER: caf\xe9\r\nX-Unasked: 1\r\n')
        )
        const request = takeRequest(up)?.request
        expect(request?.line).to.equal('POST / HTTP/1.1')
        expect([request?.body, request?.trailers]).to.deep.equal(['abcde', 'X-Sum: 42\r\nX-OTHER: caf\xe9'])
        expect(request?.headers.filter(([name]) => name === 'trailer')).to.deep.equal([['trailer', 'x-sum, x-other']])
        expect(request?.headers.filter(([name]) => name === 'host')).to.deep.equal([['host', `127.0.0.1:${fn.port}`]])
        expect(request?.headers.filter(([name]) => name === 'x-call-id')).to.deep.equal([['x-call-id', 'id-1']])
        expect(down).to.equal(`HTTP/1.1 200 OK\r\nContent-Length: 2\r\n${MARKS}Date: #\r\nConnection: close\r\n\r\nok`)
      })

      it('X16: has none that say who asks, or where it goes', async () => {
        const names = 'Authorization, Host, X-Forwarded-For, X-Call-Id, X_Call_Id, Cookie, Connection'
        const { up } = await exchange(trailed(names, names.replaceAll(/([^,]+)(?:, |$)/g, '$1: 1\r\n')))
        expect(takeRequest(up)?.request).to.include({ body: 'abcde', trailers: '' })
        expect(up).not.to.match(/^trailer:/im)
      })

      it('X16: passes its answer with interim ones, trailers and all, and one that comes before the body has ended', async () => {
        const answer =
          'HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\nHTTP/1.1 200 OK\r\nTrailer: X-Back\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nX-Back: 1\r\n\r\n'
        const { down } = await exchange(trailed('X-Sum', 'X-Sum: 1\r\n'), answer)
        expect(down)
          .to.include('103 Early Hints')
          .and.match(/2\r\nok\r\n0\r\nX-Back: 1\r\n\r\n$/)
        const client = await send(post('Trailer: X-Sum\r\nTransfer-Encoding: chunked\r\n', '3\r\nabc\r\n'))
        await eventually(() => expect(fn.log).to.match(/3\r\nabc\r\n$/))
        fn.sides.at(-1)?.socket.write('HTTP/1.1 413 Content Too Large\r\nContent-Length: 2\r\n\r\nno')
        await client.has('no')
        expect(client.text).to.match(/^HTTP\/1\.1 413 Content Too Large\r\n/)
        await eventually(() => expect(plane.inflight.total()).to.equal(0))
      })

      it('X16, X10: fails as any other when the function goes away, or cannot be reached', async () => {
        const client = await send(post('Trailer: X-Sum\r\nTransfer-Encoding: chunked\r\n', '3\r\nabd\r\n'))
        await eventually(() => expect(fn.log).to.match(/3\r\nabd\r\n$/))
        fn.sides.at(-1)?.socket.destroy()
        await client.isEnded()
        expect(client.text)
          .to.match(/^HTTP\/1\.1 502 /)
          .and.include('X-Docker-Faas-Reason: ConnectionLost')
        const leaving = await send(post('Trailer: X-Sum\r\nTransfer-Encoding: chunked\r\n', '3\r\nabe\r\n'))
        await eventually(() => expect(fn.log).to.match(/3\r\nabe\r\n$/))
        leaving.socket.destroy()
        await fn.sides.at(-1)?.isEnded()
        await eventually(() => expect(plane.inflight.total()).to.equal(0))
        const key = 'openfaas-fn/away'
        plane.table.put({ key, uid: key, replicas: 1, endpoints: [endpointOf(await closedPort())] })
        const unreachable = await send(trailed('X-Sum', '').replace('/function/fn', '/function/away'))
        await eventually(() => expect(plane.unreachable).to.have.length(1))
        unreachable.socket.destroy()
      })
    })

    it('X16: asks for a body that the client holds back, and not for one that is refused', async () => {
      const expecting = (path: string) =>
        `POST ${path} HTTP/1.1\r\nHost: a.example\r\n${CALL_ID}Expect: 100-continue\r\nContent-Length: 4\r\n\r\n`
      const client = await send(expecting('/function/fn'))
      await client.has('HTTP/1.1 100 Continue\r\n\r\n')
      client.socket.write('body')
      await client.has('ok')
      expect(plain(client.text)).to.match(/^HTTP\/1\.1 100 Continue\r\n\r\nHTTP\/1\.1 200 OK\r\n/)
      for (const [path, status] of [
        ['/function/none', 404],
        ['/function/fn/../x', 400]
      ] as const) {
        const refused = await send(expecting(path))
        await refused.isEnded()
        expect(refused.text, path)
          .to.match(new RegExp(`^HTTP/1\\.1 ${status} `))
          .and.not.include('100 Continue')
      }
      expect(seen()).not.to.match(/expect:/i)
    })

    it('X16: refuses a head of 1 MiB with 431, in one line, in many, or in its target', async () => {
      const before = seen().length
      const mib = 'x'.repeat(1024 * 1024)
      for (const head of [
        `GET /function/fn HTTP/1.1\r\nHost: a\r\nX-Long: ${mib}\r\n\r\n`,
        `GET /function/fn HTTP/1.1\r\nHost: a\r\n${'X-Many: 1\r\n'.repeat(100_000)}\r\n`,
        `GET /function/fn?${mib} HTTP/1.1\r\nHost: a\r\n\r\n`
      ]) {
        const client = await send(head)
        await client.isEnded()
        expect(client.text).to.match(/^HTTP\/1\.1 431 /)
      }
      expect(seen().length).to.equal(before)
    })
  })

  describe('answers', () => {
    it('X16: has the whole head as the function wrote it, but for what belongs to the connection', async () => {
      const head =
        'HTTP/1.1 299 Quite Fine\r\nServer: x\r\nSet-Cookie: a=1\r\nX-Obs: caf\xe9\r\nset-cookie: b=2\r\nSet-Cookie: a=3\r\nX-Empty:\r\nKeep-Alive: timeout=1\r\n' +
        'Date: Thu, 01 Jan 1970 00:00:00 GMT\r\nContent-Length: 3\r\n\r\n\x00\xff\n'
      const { down } = await exchange(get(), head)
      expect(down).to.equal(
        'HTTP/1.1 299 Quite Fine\r\nServer: x\r\nSet-Cookie: a=1\r\nX-Obs: caf\xe9\r\nset-cookie: b=2\r\nSet-Cookie: a=3\r\nX-Empty: \r\n' +
          `Date: #\r\nContent-Length: 3\r\n${MARKS}Connection: close\r\n\r\n\x00\xff\n`
      )
    })

    it('X16: keeps bytes beyond ASCII also in a head that goes out before its body', async () => {
      fn.answer = () =>
        'HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nX-Obs: caf\xe9\r\nTransfer-Encoding: chunked\r\n\r\n'
      const client = await send(get())
      await client.has('\r\n\r\n')
      expect(client.text).to.include('\r\nX-Obs: caf\xe9\r\n')
      fn.sides.at(-1)?.socket.write('8\r\ndata: 1\n\r\n0\r\n\r\n')
      await client.isEnded()
      expect(client.after.toString()).to.equal('8\r\ndata: 1\n\r\n0\r\n\r\n')
    })

    it('X16: passes trailers, and none to who cannot take them', async () => {
      const answer =
        'HTTP/1.1 200 OK\r\nTrailer: X-Sum\r\nTransfer-Encoding: chunked\r\n\r\n2;ext=1\r\nok\r\n0\r\nX-Sum: 42\r\nSet-Cookie: a=1\r\n\r\n'
      const { down } = await exchange(get('TE: trailers\r\n'), answer)
      expect(down).to.equal(
        `HTTP/1.1 200 OK\r\nTrailer: X-Sum\r\n${MARKS}Date: #\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nX-Sum: 42\r\n\r\n`
      )
      const old = await exchange(get('', '1.0'), answer)
      expect(old.down)
        .to.match(/\r\n\r\nok$/)
        .and.not.match(/x-sum|chunked/i)
    })

    it('X16: answers HEAD with every header of the body, and nothing behind the head', async () => {
      for (const headers of ['Content-Length: 5\r\n', 'Transfer-Encoding: chunked\r\n', '']) {
        const { up, down } = await exchange(
          get().replace('GET', 'HEAD'),
          `HTTP/1.1 200 OK\r\nETag: "x"\r\n${headers}\r\n`
        )
        expect(up).to.match(/^HEAD \/ HTTP\/1\.1\r\n/)
        const length = headers.startsWith('Content') ? headers : ''
        expect(down).to.equal(`HTTP/1.1 200 OK\r\nETag: "x"\r\n${length}${MARKS}Date: #\r\nConnection: close\r\n\r\n`)
      }
    })

    for (const [status, reason, headers, kept] of [
      [204, 'No Content', '', ''],
      [204, 'No Content', 'Content-Length: 0\r\n', ''],
      [304, 'Not Modified', '', ''],
      [304, 'Not Modified', 'Content-Length: 42\r\n', 'Content-Length: 42\r\n'],
      [304, 'Not Modified', 'Transfer-Encoding: chunked\r\n', '']
    ] as const) {
      it(`X16: ${status} ${headers.trim() || 'without a header of a body'} has no body, and the connection goes on`, async () => {
        const head = `HTTP/1.1 ${status} ${reason}\r\nETag: "x"\r\n${headers}\r\n`
        fn.answer = ({ line }) => (line.includes('/first') ? head : OK)
        const client = await send(`GET /function/fn/first HTTP/1.1\r\nHost: a\r\n${CALL_ID}\r\n${get()}`)
        await client.isEnded()
        const [first = '', second = ''] = plain(client.text).split(/(?=HTTP\/1\.1 200)/)
        expect(first).to.equal(
          `HTTP/1.1 ${status} ${reason}\r\nETag: "x"\r\n${kept}${MARKS}Date: #\r\nConnection: keep-alive\r\nKeep-Alive: timeout=65\r\n\r\n`
        )
        expect(second).to.match(/\r\n\r\nok$/)
      })
    }

    it('X16: passes 102 and 103 before the answer, with their links, and keeps them from HTTP/1.0', async () => {
      const answer =
        'HTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\nLink: </b.js>; rel=preload\r\n\r\n' +
        OK
      const { down } = await exchange(get(), answer)
      expect(down).to.match(
        /^HTTP\/1\.1 102 Processing\r\n\r\nHTTP\/1\.1 103 Early Hints\r\nLink: <\/a\.css>; rel=preload, <\/b\.js>; rel=preload\r\n\r\nHTTP\/1\.1 200 OK\r\n/
      )
      expect((await exchange(get('', '1.0'), answer)).down).to.match(/^HTTP\/1\.1 200 OK\r\n/)
    })

    it('X16: answers 502 to a head of 1 MiB', async () => {
      const { down } = await exchange(
        get(),
        `HTTP/1.1 200 OK\r\nX-Long: ${'x'.repeat(1024 * 1024)}\r\nContent-Length: 0\r\n\r\n`
      )
      expect(down)
        .to.match(/^HTTP\/1\.1 502 /)
        .and.include('X-Docker-Faas-Reason: InvalidAnswer')
    })
  })

  describe('clients of HTTP/1.0', () => {
    const old = (connection: string) => `GET /function/fn HTTP/1.0\r\n${CALL_ID}${connection}\r\n`

    it('X16: get an answer of known length, and the connection ends unless they ask to keep it', async () => {
      const { down } = await exchange(old(''))
      expect(down).to.equal(`HTTP/1.1 200 OK\r\nContent-Length: 2\r\n${MARKS}Date: #\r\nConnection: close\r\n\r\nok`)
      const client = await send(old('Connection: keep-alive\r\n'))
      await client.has('ok')
      client.socket.write(old(''))
      await client.isEnded()
      expect(client.text.match(/HTTP\/1\.1 200 OK/g)).to.have.length(2)
      expect(client.text).to.match(/\r\nConnection: keep-alive\r\n/)
    })

    it('X16: get an answer of unknown length up to the end of the connection, also when they ask to keep it', async () => {
      const chunks = 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n1\r\n!\r\n0\r\n\r\n'
      for (const connection of ['', 'Connection: keep-alive\r\n']) {
        const { down } = await exchange(old(connection), chunks)
        expect(down).to.equal(`HTTP/1.1 200 OK\r\n${MARKS}Date: #\r\nConnection: close\r\n\r\nok!`)
      }
    })

    it('X16: are asked for HTTP/1.1 by nobody, and may send a body with a length', async () => {
      const { up, down } = await exchange(`POST /function/fn HTTP/1.0\r\nContent-Length: 4\r\n\r\nbody`)
      expect(takeRequest(up)?.request.body).to.equal('body')
      expect(down).to.match(/ok$/)
    })
  })
})
