import { once } from 'node:events'
import { connect } from 'node:net'
import { expect } from 'chai'
import { type ApiServer, AUTHORIZATION, anIdentity, startApi } from '../helpers/api-server.ts'
import { eventually } from '../helpers/eventually.ts'

const AUTH = `Authorization: ${AUTHORIZATION}`

/** Everything the server says to these bytes until it closes or has said `until`. */
async function talk(api: ApiServer, lines: readonly string[], body = '', until?: string): Promise<string> {
  const socket = connect(api.port, '127.0.0.1')
  let said = ''
  socket.setEncoding('latin1')
  socket.on('data', chunk => {
    said += chunk
    if (until !== undefined && said.includes(until)) socket.destroy()
  })
  socket.on('error', () => undefined) // a reset is an end like another here
  socket.write(`${lines.join('\r\n')}\r\n\r\n${body}`, 'latin1')
  await once(socket, 'close')
  return said
}

const HOST = ['Host: x', 'Connection: close']

describe('the server of the gateway', () => {
  let api: ApiServer
  beforeEach(async () => {
    api = await startApi()
  })
  afterEach(() => api[Symbol.asyncDispose]())

  describe('calls of functions', () => {
    it('go to the data plane with namespace, name and path', async () => {
      expect((await api.request('POST', '/function/hello.team-a/x/y?q=1', 'body')).text).to.equal('called')
      expect(api.calls[0]).to.include({ namespace: 'team-a', name: 'hello', path: '/x/y?q=1', owesContinue: false })
      await api.request('GET', '/function/hello')
      expect(api.calls[1]).to.include({ namespace: 'openfaas-fn', name: 'hello', path: '/' })
    })

    it('need credentials, and say how to do without', async () => {
      const answer = await fetch(`${api.url}/function/hello`)
      expect(answer.status).to.equal(401)
      expect(answer.headers.get('www-authenticate')).to.equal('Basic realm="Restricted"')
      expect(await answer.text())
        .to.contain('REQUIRE_AUTH_FOR_FUNCTIONS=false')
        .and.to.contain('faas-cli')
      expect(api.calls).to.deep.equal([])
    })

    it('S34: never carry our own credentials on', async () => {
      await api.request('GET', '/function/hello')
      expect(api.calls[0]?.authorization).to.equal(undefined)
      expect(api.calls[0]?.rawHeaders.map(text => text.toLowerCase())).not.to.include('authorization')
      expect(api.calls[0]?.rawHeaders.join()).not.to.contain(AUTHORIZATION)
    })

    it('S34: never carry a second copy of them on either', async () => {
      await talk(api, [
        'GET /function/hello HTTP/1.1',
        ...HOST,
        AUTH,
        'authorization: Bearer other',
        `AUTHORIZATION: ${AUTHORIZATION}`
      ])
      expect(api.calls[0]?.rawHeaders.join()).not.to.contain(AUTHORIZATION)
      expect(api.calls[0]?.authorization).to.equal('Bearer other')
    })

    describe('when REQUIRE_AUTH_FOR_FUNCTIONS=false', () => {
      let open: ApiServer
      beforeEach(async () => {
        open = await startApi({}, { requireAuthForFunctions: false })
      })
      afterEach(() => open[Symbol.asyncDispose]())

      it('need none, pass any other Authorization on, and ours still not', async () => {
        expect((await fetch(`${open.url}/function/hello`)).status).to.equal(200)
        await open.request('GET', '/function/hello', undefined, { authorization: 'Bearer users-own' })
        await open.request('GET', '/function/hello')
        expect(open.calls.map(({ authorization }) => authorization)).to.deep.equal([
          undefined,
          'Bearer users-own',
          undefined
        ])
        await talk(open, ['GET /function/hello HTTP/1.1', ...HOST, 'Authorization: Bearer a', AUTH])
        expect(open.calls[3]?.rawHeaders.join()).not.to.contain(AUTHORIZATION)
      })

      it('leave the API closed', async () => {
        expect((await fetch(`${open.url}/system/functions`)).status).to.equal(401)
      })
    })

    it('pass any Authorization on when AUTH_ENABLED=false', async () => {
      const { authenticator } = await anIdentity(api.store, { enabled: false })
      await using off = await startApi({ authenticator }, { authenticator })
      await off.request('GET', '/function/hello', undefined, { authorization: 'Bearer users-own' })
      expect(off.calls[0]?.authorization).to.equal('Bearer users-own')
      expect((await fetch(`${off.url}/system/functions`)).status).to.equal(200)
    })

    for (const path of [
      '/function',
      '/function/',
      '/function//x',
      '/function/../system/functions',
      '/function/hello/../other',
      '/function/hello/%2e%2e/other',
      '/function/hello%2fother',
      '/function/hello%00',
      '/function/h%C3%A9',
      '/function/hello.'
    ]) {
      it(`X15: are refused for ${path}`, async () => {
        const said = await talk(api, [`GET ${path} HTTP/1.1`, ...HOST, AUTH])
        expect(said).to.match(/^HTTP\/1\.1 40[04] /)
        expect(api.calls).to.deep.equal([])
      })
    }
  })

  describe('Expect: 100-continue', () => {
    const expecting = (path: string, ...headers: string[]) => [
      `POST ${path} HTTP/1.1`,
      ...HOST,
      'Expect: 100-continue',
      'Content-Length: 2',
      ...headers
    ]

    it('reaches the API, which asks for the body', async () => {
      const said = await talk(api, expecting('/v1/functions', AUTH), '{}')
      expect(said).to.match(/^HTTP\/1\.1 100 Continue\r\n\r\nHTTP\/1\.1 400 /)
    })

    it('reaches the data plane, which is told', async () => {
      const said = await talk(api, expecting('/function/hello', AUTH), 'xx')
      expect(said).to.match(/^HTTP\/1\.1 100 Continue\r\n\r\nHTTP\/1\.1 200 OK/)
      expect(api.calls[0]?.owesContinue).to.equal(true)
    })

    it('is not answered with 100 without credentials', async () => {
      for (const path of ['/function/hello', '/v1/functions']) {
        expect(await talk(api, expecting(path))).to.match(/^HTTP\/1\.1 401 /)
      }
    })
  })

  describe('malformed requests', () => {
    const bad: [what: string, lines: string[], status: string][] = [
      ['no HTTP', ['hello'], '400'],
      ['no Host', ['GET /healthz HTTP/1.1'], '400'],
      ['two lengths', ['POST /v1/functions HTTP/1.1', 'Host: x', 'Content-Length: 1', 'Content-Length: 2'], '400'],
      [
        'a length and chunks',
        ['POST /v1/functions HTTP/1.1', 'Host: x', 'Content-Length: 1', 'Transfer-Encoding: chunked'],
        '400'
      ],
      ['a NUL in a header', ['GET /healthz HTTP/1.1', 'Host: x', 'A: \0'], '400'],
      ['headers beyond 32 KiB', ['GET /healthz HTTP/1.1', 'Host: x', `A: ${'x'.repeat(33 * 1024)}`], '431']
    ]
    for (const [what, lines, status] of bad) {
      it(`X3: answers ${status} and closes for ${what}`, async () => {
        const said = await talk(api, lines)
        expect(said).to.contain(`HTTP/1.1 ${status} `)
        expect(said.toLowerCase()).to.contain('connection: close')
        expect(said).not.to.match(/at \/|Error/)
      })
    }

    it('X2: takes headers of up to 32 KiB', async () => {
      const said = await talk(api, ['GET /healthz HTTP/1.1', ...HOST, `A: ${'x'.repeat(31 * 1024)}`])
      expect(said).to.contain('HTTP/1.1 200 OK')
    })
  })

  it('X1: ends a connection that does not finish its headers', async () => {
    await using slow = await startApi({}, { headersTimeoutMs: 200 })
    const socket = connect(slow.port, '127.0.0.1')
    let said = ''
    socket.on('data', chunk => {
      said += chunk
    })
    socket.write('GET /healthz HTTP/1.1\r\nHost: x\r\nA: ')
    await once(socket, 'close')
    expect(said).to.contain('HTTP/1.1 408 ')
  })

  it('X1: answers 408 to a body of the API that does not come', async () => {
    await using slow = await startApi({ readTimeoutMs: 100 })
    const said = await talk(slow, ['POST /v1/functions HTTP/1.1', 'Host: x', AUTH, 'Content-Length: 10'], '{"a"')
    expect(said).to.contain('HTTP/1.1 408 ')
    expect(said).to.contain('BODY_TIMEOUT')
  })

  it('X1: ends a connection whose body goes on after it was answered', async () => {
    await using slow = await startApi({}, { lingerMs: 50 })
    for (const path of ['/function/hello', '/healthz', '/v1/functions']) {
      const said = await talk(slow, [`POST ${path} HTTP/1.1`, 'Host: x', 'Content-Length: 10'], 'x')
      expect(said).to.match(/^HTTP\/1\.1 40[15] /)
    }
  })

  it('answers the next request on the same connection after an error', async () => {
    const first = ['POST /v1/functions HTTP/1.1', 'Host: x', AUTH, 'Content-Length: 2', '', '{}'].join('\r\n')
    const said = await talk(api, [`${first}GET /livez HTTP/1.1`, ...HOST])
    expect(said).to.match(/^HTTP\/1\.1 400 [\s\S]*HTTP\/1\.1 200 OK/)
  })

  it('lets go of a client that leaves in the middle of its body, without an error in the log', async () => {
    const socket = connect(api.port, '127.0.0.1')
    socket.write(['POST /v1/functions HTTP/1.1', 'Host: x', AUTH, 'Content-Length: 10', '', '{"a"'].join('\r\n'))
    await once(socket, 'ready')
    await api.request('GET', '/livez')
    socket.destroy()
    await eventually(() => expect(api.observed.map(({ method }) => method)).to.include('POST'))
    expect(api.logged).to.deep.equal([])
  })
})
