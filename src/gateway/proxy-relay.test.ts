import { once } from 'node:events'
import http from 'node:http'
import { expect } from 'chai'
import { DataPlane, eventually, textOf } from '../../test/helpers/data-plane.ts'

describe('relaying of a call', () => {
  let plane: DataPlane
  beforeEach(async () => {
    plane = await new DataPlane().start()
  })
  afterEach(() => plane.stop())

  const seenBy = async (headers: string[], method = 'GET') => {
    let seen: string[] = []
    plane.route(
      await plane.replica((req, res) => {
        seen = req.rawHeaders
        res.end()
      })
    )
    const answer = await plane.call({ method, headers })
    const pairs: [string, string][] = []
    for (let i = 0; i < seen.length; i += 2) pairs.push([seen[i] ?? '', seen[i + 1] ?? ''])
    return {
      answer,
      pairs,
      names: pairs.map(([name]) => name.toLowerCase()),
      get: (n: string) => pairs.find(([k]) => k === n)?.[1]
    }
  }

  describe('request headers', () => {
    it('keeps case, order and duplicates of what the client sent', async () => {
      const { pairs } = await seenBy(['Host', 'a.b', 'X-mIxEd', '1', 'Cookie', 'a=1', 'x-dup', 'a', 'x-dup', 'b'])
      expect(pairs.slice(2, 6)).to.deep.equal([
        ['X-mIxEd', '1'],
        ['Cookie', 'a=1'],
        ['x-dup', 'a'],
        ['x-dup', 'b']
      ])
    })

    it('drops what belongs to the connection and what Connection names, and keeps Authorization that it does not name', async () => {
      const { names } = await seenBy([
        'Host',
        'a',
        'Connection',
        'close, X-Secret',
        'X-Secret',
        '1',
        'Keep-Alive',
        'timeout=5',
        'Proxy-Authorization',
        'x',
        'Proxy-Connection',
        'x',
        'TE',
        'gzip',
        'Upgrade',
        'h2c',
        'Authorization',
        'Bearer t'
      ])
      expect(names).to.not.include.members(['x-secret'])
      for (const name of ['keep-alive', 'proxy-authorization', 'proxy-connection', 'te', 'upgrade'])
        expect(names).to.not.include(name)
      expect(names).to.include('authorization')
    })

    it('lets Connection take away neither framing nor what the gateway adds', async () => {
      let text = ''
      let headers: http.IncomingHttpHeaders = {}
      plane.route(
        await plane.replica(async (req, res) => {
          headers = req.headers
          text = await textOf(req)
          res.end()
        })
      )
      const listed = 'close, content-length, host, x-forwarded-for, x-call-id, authorization'
      await plane.call({
        method: 'POST',
        body: 'four',
        headers: ['Host', 'a', 'Connection', listed, 'Content-Length', '4', 'X-Call-Id', 'id-1', 'Authorization', 'x']
      })
      expect(text).to.equal('four')
      expect([
        headers['content-length'],
        headers['x-call-id'],
        headers['x-forwarded-for'],
        headers.authorization
      ]).to.deep.equal(['4', 'id-1', '127.0.0.1', undefined])
    })

    it('sets X-Forwarded-For, -Host and -Proto whatever the client says, and gives the replica as Host', async () => {
      const { pairs, get, names } = await seenBy([
        'Host',
        'fn.example',
        'X-Forwarded-For',
        '10.0.0.1',
        'X-Forwarded-Proto',
        'gopher',
        'X-Forwarded-Host',
        'evil'
      ])
      expect(get('X-Forwarded-For')).to.equal('127.0.0.1')
      expect(get('X-Forwarded-Host')).to.equal('fn.example')
      expect(get('X-Forwarded-Proto')).to.equal('http')
      expect(pairs[0]?.[1]).to.match(/^127\.0\.0\.1:\d+$/)
      expect(names.filter(n => n.startsWith('x-forwarded-'))).to.have.length(3)
    })

    it('removes X-OpenFaaS-Internal and sets X-Start-Time in Unix nanoseconds', async () => {
      const before = BigInt(Date.now()) * 1_000_000n
      const { names, get, answer } = await seenBy(['Host', 'a', 'X-OpenFaaS-Internal', 'x', 'X-Start-Time', '1'])
      expect(names).to.not.include('x-openfaas-internal')
      const start = BigInt(get('X-Start-Time') ?? 0)
      expect(start >= before && start <= BigInt(Date.now()) * 1_000_000n).to.equal(true)
      expect(answer.headers['x-start-time']).to.equal(String(start))
      expect(answer.headers['x-served-by']).to.equal('docker-faas')
    })

    it('keeps a sane call id and does not give it back', async () => {
      const { get, answer } = await seenBy(['Host', 'a', 'X-Call-Id', 'abc_1.2-3'])
      expect(get('X-Call-Id')).to.equal('abc_1.2-3')
      expect(answer.headers).to.not.have.property('x-call-id')
    })

    for (const bad of ['a b', 'x'.repeat(129), '{"a":1}', '']) {
      it(`makes a UUID in place of the call id ${JSON.stringify(bad.slice(0, 10))} and gives it back`, async () => {
        const { get, answer } = await seenBy(['Host', 'a', 'X-Call-Id', bad])
        expect(get('X-Call-Id')).to.match(/^[0-9a-f]{8}-[0-9a-f]{4}-4/)
        expect(answer.headers['x-call-id']).to.equal(get('X-Call-Id'))
      })
    }

    it('passes TE: trailers on', async () => {
      const { get } = await seenBy(['Host', 'a', 'Connection', 'TE, close', 'TE', 'trailers'])
      expect(get('TE')).to.equal('trailers')
    })
  })

  describe('response', () => {
    const answerTo = async (bytes: string, options: Parameters<DataPlane['call']>[0] = {}) => {
      plane.route(await plane.rawReplica(socket => socket.once('data', () => socket.end(bytes, 'latin1'))))
      return await plane.call(options)
    }

    it('keeps case, order, duplicates and the reason, and drops hop-by-hop headers and those Connection names', async () => {
      const answer = await answerTo(
        'HTTP/1.1 299 Fine By Me\r\nX-CaSe: 1\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\nConnection: close, X-Hop\r\nX-Hop: 1\r\nKeep-Alive: timeout=9\r\n' +
          'X-OpenFaaS-Internal: spoof\r\nX-Start-Time: 1\r\nX-Served-By: me\r\nContent-Length: 2\r\n\r\nok'
      )
      expect([answer.status, answer.statusMessage, answer.body]).to.deep.equal([299, 'Fine By Me', 'ok'])
      expect(answer.rawHeaders.slice(0, 6)).to.deep.equal(['X-CaSe', '1', 'Set-Cookie', 'a=1', 'Set-Cookie', 'b=2'])
      expect(answer.headers).to.not.have.any.keys('x-hop', 'x-openfaas-internal')
      expect(answer.headers['x-served-by']).to.equal('docker-faas')
      expect(answer.rawHeaders.join()).to.not.include('timeout=9')
    })

    it('does not follow redirects', async () => {
      const answer = await answerTo('HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n')
      expect([answer.status, answer.headers.location]).to.deep.equal([302, 'http://127.0.0.1:1/'])
    })

    it('passes bytes beyond ASCII in headers as they are', async () => {
      const answer = await answerTo('HTTP/1.1 200 OK\r\nX-Name: caf\xc3\xa9\r\nContent-Length: 0\r\n\r\n')
      expect(Buffer.from(String(answer.headers['x-name']), 'latin1').toString()).to.equal('café')
    })

    it('answers HEAD with the headers of the body and without the body, and the connection stays usable', async () => {
      const agent = new http.Agent({ keepAlive: true, maxSockets: 1 })
      plane.route(
        await plane.replica((req, res) =>
          res.writeHead(200, { 'Content-Length': 5 }).end(req.method === 'HEAD' ? undefined : 'hello')
        )
      )
      const head = await plane.call({ method: 'HEAD', agent })
      expect([head.status, head.headers['content-length'], head.body]).to.deep.equal([200, '5', ''])
      expect((await plane.call({ agent })).body).to.equal('hello')
      agent.destroy()
    })

    for (const status of [204, 304]) {
      it(`answers ${status} without body and chunks, and the connection stays usable`, async () => {
        const agent = new http.Agent({ keepAlive: true, maxSockets: 1 })
        plane.route(await plane.replica((_req, res) => res.writeHead(status, { ETag: '"x"' }).end()))
        for (let n = 0; n < 2; n++) {
          const answer = await plane.call({ agent })
          expect([answer.status, answer.headers.etag, answer.body]).to.deep.equal([status, '"x"', ''])
          expect(answer.headers).to.not.have.property('transfer-encoding')
        }
        agent.destroy()
      })
    }

    it('drops a Content-Length of 204', async () => {
      const answer = await answerTo('HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n')
      expect(answer.headers).to.not.have.property('content-length')
    })

    it('passes trailers, and without those that would change what came before', async () => {
      const answer = await answerTo(
        'HTTP/1.1 200 OK\r\nTrailer: X-Sum\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nX-Sum: 42\r\nContent-Type: text/html\r\nSet-Cookie: a=1\r\n\r\n'
      )
      expect(answer.body).to.equal('ok')
      expect(answer.headers.trailer).to.equal('X-Sum')
      expect(answer.rawTrailers).to.deep.equal(['X-Sum', '42'])
    })

    it('gives HTTP/1.0 clients no chunks and no trailers, and ends with the connection', async () => {
      plane.route(
        await plane.replica((_req, res) => {
          res.writeHead(200, { Trailer: 'X-Sum' })
          res.write('one ')
          res.addTrailers({ 'X-Sum': '1' })
          res.end('two')
        })
      )
      const text = await plane.raw('GET / HTTP/1.0\r\n\r\n')
      expect(text).to.match(/^HTTP\/1\.1 200 OK\r\n/)
      expect(text.toLowerCase()).to.not.include('transfer-encoding').and.not.include('x-sum')
      expect(text.split('\r\n\r\n')[1]).to.equal('one two')
    })

    it('passes an answer that ends with the connection of the replica', async () => {
      expect((await answerTo('HTTP/1.0 200 OK\r\n\r\nall of it')).body).to.equal('all of it')
    })

    it('passes early hints on and no other interim answer', async () => {
      plane.route(
        await plane.rawReplica(socket =>
          socket.once('data', () => {
            socket.write(
              'HTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\n\r\n'
            )
            socket.end('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok')
          })
        )
      )
      const text = await plane.raw('GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n')
      expect(text).to.match(/HTTP\/1\.1 103 Early Hints\r\nLink: <\/a\.css>; rel=preload\r\n\r\nHTTP\/1\.1 200 OK\r\n/)
    })

    it('leaves early hints out that node:http does not send', async () => {
      plane.route(
        await plane.replica((_req, res) => {
          for (const link of ['whatever', '</a.css>; rel="a b"']) {
            res.socket?.write(`HTTP/1.1 103 Early Hints\r\nLink: ${link}\r\n\r\n`)
          }
          res.end('fine')
        })
      )
      const text = await plane.raw('GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n')
      expect(text).to.match(/^HTTP\/1\.1 200 OK\r\n.*\r\n\r\nfine$/s)
    })

    it('begins to answer before the request has ended', async () => {
      plane.route(await plane.replica((req, res) => req.pipe(res)))
      const req = http.request({ port: plane.port, host: '127.0.0.1', method: 'POST', agent: false })
      req.write('ping')
      const [res] = await once(req, 'response')
      expect(String((await once(res, 'data'))[0])).to.equal('ping')
      const ended = once(res, 'end')
      req.end('pong')
      await ended
    })

    it('passes the head on before there is a body', async () => {
      const held: http.ServerResponse[] = []
      plane.route(
        await plane.replica((_req, res) => {
          res.writeHead(200, { 'Content-Type': 'text/event-stream' }).flushHeaders()
          held.push(res)
        })
      )
      const [res] = (await once(http.get({ port: plane.port, host: '127.0.0.1', agent: false }), 'response')) as [
        http.IncomingMessage
      ]
      expect(res.headers['content-type']).to.equal('text/event-stream')
      held[0]?.end('data: 1')
      expect(await textOf(res)).to.equal('data: 1')
    })
  })

  describe('request framing', () => {
    let seen: { text: string; headers: http.IncomingHttpHeaders }[]
    beforeEach(async () => {
      seen = []
      plane.route(
        await plane.replica(async (req, res) => {
          seen.push({ text: await textOf(req), headers: req.headers })
          res.end('done')
        })
      )
    })

    it('passes a chunked body in chunks', async () => {
      await plane.call({ method: 'POST', headers: { 'transfer-encoding': 'chunked' }, body: 'abc' })
      expect(seen[0]?.text).to.equal('abc')
      expect(seen[0]?.headers).to.include({ 'transfer-encoding': 'chunked' }).and.not.have.property('content-length')
    })

    for (const method of ['GET', 'DELETE', 'OPTIONS', 'PATCH']) {
      it(`passes the body of ${method}, small and in chunks`, async () => {
        await plane.call({ method, headers: { 'content-length': 3 }, body: 'abc' })
        await plane.call({ method, headers: { 'transfer-encoding': 'chunked' }, body: 'def' })
        expect(seen.map(s => s.text)).to.deep.equal(['abc', 'def'])
      })
    }

    it('answers Expect: 100-continue itself, and only when it wants the body', async () => {
      plane.table.put({ key: 'ns/fn', uid: 'uid-1', replicas: 1, endpoints: [] })
      const port = await plane.replica(async (req, res) => res.end(`${req.headers.expect} ${await textOf(req)}`))
      const req = http.request({
        port: plane.port,
        host: '127.0.0.1',
        method: 'POST',
        agent: false,
        headers: { Expect: '100-continue', 'Content-Length': 3 }
      })
      let wasContinued = false
      req.on('continue', () => {
        wasContinued = true
        req.end('abc')
      })
      req.flushHeaders()
      await eventually(() => plane.held === 1)
      expect(wasContinued).to.equal(false)
      plane.route(port)
      const [res] = await once(req, 'response')
      expect([wasContinued, await textOf(res)]).to.deep.equal([true, 'undefined abc'])
    })

    it('refuses without 100 Continue when there is no such function, and closes the connection', async () => {
      plane.table.remove('ns/fn')
      const text = await plane.raw('POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n')
      expect(text)
        .to.match(/^HTTP\/1\.1 404 /)
        .and.match(/Connection: close/)
    })

    it('answers 400 to a path without a slash first', async () => {
      const text = await plane.raw('GET http://evil/x HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n')
      expect(text).to.match(/^HTTP\/1\.1 400 /)
    })
  })
})
