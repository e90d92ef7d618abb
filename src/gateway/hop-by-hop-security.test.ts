import type net from 'node:net'
import { expect } from 'chai'
import { DataPlane } from '../../test/helpers/data-plane.ts'
import { type StrictFunction, strictFunction, talk } from '../../test/helpers/raw-http.ts'

const CLOSE = 'Host: public.example\r\nConnection: close\r\n'

describe('headers of one connection', () => {
  let plane: DataPlane
  let fn: StrictFunction
  beforeEach(async () => {
    plane = await new DataPlane({ isTrusted: req => req.headers['x-test-trusted'] === 'yes' }).start()
    fn = strictFunction()
    plane.route(await plane.rawReplica(fn.onSocket))
  })
  afterEach(() => plane.stop())

  /** The values that the function got of each header, when the client sent these lines. */
  async function seen(lines: string, body = '', method = 'GET'): Promise<Map<string, string[]>> {
    const { statuses } = await talk(plane.port, `${method} / HTTP/1.1\r\n${lines}\r\n${body}`)
    expect(statuses).to.deep.equal([200])
    expect([fn.requests.length, fn.refused]).to.deep.equal([1, []])
    const values = new Map<string, string[]>()
    for (const [name, value] of fn.requests[0]?.headers ?? []) values.set(name, [...(values.get(name) ?? []), value])
    return values
  }

  it('S36: a function cannot have a browser put its script before the pages of the gateway', async () => {
    plane.route(await plane.replica((_req, res) => void res.setHeader('Service-Worker-Allowed', '/').end('self.x')))
    const { said } = await talk(plane.port, `GET / HTTP/1.1\r\n${CLOSE}\r\n`)
    expect(said)
      .to.match(/HTTP\/1\.1 200 /)
      .and.contain('self.x')
    expect(said).not.to.match(/service-worker/i)
  })

  const LISTED = ['X-Secret', 'x-secret', ' X-SECRET ', 'a,,X-Secret', 'close\t,\tX-Secret']
  for (const listed of LISTED) {
    it(`X4, S34: are dropped when Connection lists them as ${JSON.stringify(listed)}`, async () => {
      const got = await seen(`Host: a\r\nConnection: close, ${listed}\r\nX-Secret: 1\r\nX-Other: 2\r\n`)
      expect([got.get('x-secret'), got.get('x-other')]).to.deep.equal([undefined, ['2']])
    })
  }

  it('X4, S34: are dropped when the second of two Connection lines lists them', async () => {
    const got = await seen('Host: a\r\nConnection: close\r\nConnection: X-Secret\r\nX-Secret: 1\r\n')
    expect(got.has('x-secret')).to.equal(false)
  })

  for (const name of [
    'Keep-Alive',
    'Proxy-Connection',
    'Proxy-Authorization',
    'Proxy-Authenticate',
    'TE',
    'Trailer',
    'Upgrade',
    'Expect',
    'Proxy',
    'X-OpenFaaS-Internal',
    'keep_alive',
    'Transfer_Encoding',
    'Content_Length',
    'X_OpenFaaS-Internal'
  ]) {
    it(`X4, S34: do not reach the function: ${name}`, async () => {
      const value = name === 'Expect' ? '100-continue' : 'a'
      const { said } = await talk(plane.port, `GET / HTTP/1.1\r\n${CLOSE}${name}: ${value}\r\n\r\n`)
      expect(said).to.match(/HTTP\/1\.1 200 /)
      expect(fn.requests[0]?.headers.map(([header]) => header)).not.to.include(name.toLowerCase())
    })
  }

  it("X4, S34: cannot take away what is the gateway's own, nor the framing", async () => {
    const ours = 'host, content-length, transfer-encoding, x-forwarded-for, x-forwarded-host, x-forwarded-proto'
    const lines = `Host: public.example\r\nConnection: close, ${ours}, x-call-id, x-start-time\r\nContent-Length: 4\r\n`
    const got = await seen(`${lines}X-Call-Id: mine\r\n`, 'four', 'POST')
    expect(fn.requests[0]?.body).to.equal('four')
    expect(got.get('content-length')).to.deep.equal(['4'])
    expect(got.get('x-forwarded-for')).to.deep.equal(['127.0.0.1'])
    expect(got.get('x-forwarded-host')).to.deep.equal(['public.example'])
    expect(got.get('x-forwarded-proto')).to.deep.equal(['http'])
    expect(got.get('x-call-id')).to.deep.equal(['mine'])
    expect(got.get('x-start-time')).to.have.length(1)
    expect(got.get('host')?.[0]).to.match(/^127\.0\.0\.1:\d+$/)
  })

  for (const name of [
    'X-Forwarded-For',
    'x_forwarded_for',
    'X-Forwarded_For',
    'X-Forwarded-Host',
    'X-Forwarded-Proto',
    'X-Start-Time',
    'X_Start_Time'
  ]) {
    it(`S34: cannot forge ${name}`, async () => {
      const got = await seen(`${CLOSE}${name}: 6.6.6.6\r\n`)
      expect([...got.values()].flat()).not.to.include('6.6.6.6')
      const canonical = name.toLowerCase().replaceAll('_', '-')
      expect([...got.keys()].filter(key => key.replaceAll('_', '-') === canonical)).to.deep.equal([canonical])
      expect(got.get(canonical)).to.have.length(1)
    })
  }

  it('S34: say nothing of a client behind a proxy that nobody named', async () => {
    const lies = ['Forwarded: for=6.6.6.6', 'X-Real-IP: 6.6.6.6', 'X-Forwarded-Port: 6', 'X-Forwarded-User: root']
    const got = await seen(`${CLOSE}${[...lies, 'X_Real_IP: 6.6.6.6', 'True-Client-IP: 6.6.6.6'].join('\r\n')}\r\n`)
    for (const line of lies) expect(got.has(line.split(':')[0]?.toLowerCase() ?? ''), line).to.equal(false)
    expect(got.has('x_real_ip')).to.equal(false)
    expect(got.has('true-client-ip')).to.equal(false)
  })

  it('S34: say what a trusted proxy said of its client, and then the proxy', async () => {
    const told = ['X-Forwarded-For: 192.0.2.1', 'X-Forwarded-Host: shop.example', 'X-Forwarded-Proto: https']
    const got = await seen(`${CLOSE}X-Test-Trusted: yes\r\n${told.join('\r\n')}\r\nX-Real-IP: 192.0.2.1\r\n`)
    expect(got.get('x-forwarded-for')).to.deep.equal(['192.0.2.1, 127.0.0.1'])
    expect(got.get('x-forwarded-host')).to.deep.equal(['shop.example'])
    expect(got.get('x-forwarded-proto')).to.deep.equal(['https'])
    expect(got.get('x-real-ip')).to.deep.equal(['192.0.2.1'])
  })
})

describe('headers of the connection to a function', () => {
  let plane: DataPlane
  beforeEach(async () => {
    plane = await new DataPlane().start()
  })
  afterEach(() => plane.stop())

  /** All that a client gets when the function answers with these bytes, whatever is asked. */
  async function answered(bytes: string): Promise<string> {
    plane.route(
      await plane.rawReplica((socket: net.Socket) => socket.once('data', () => socket.write(bytes, 'latin1')))
    )
    return (await talk(plane.port, `GET / HTTP/1.1\r\n${CLOSE}\r\n`)).said
  }

  it('X4, S34: end at the gateway, with those that Connection lists', async () => {
    const hop = [
      'Keep-Alive: timeout=5',
      'Proxy-Authenticate: Basic',
      'Proxy-Connection: close',
      'Upgrade: h2c',
      'TE: a'
    ]
    const said = await answered(
      `HTTP/1.1 200 OK\r\nConnection: X-Secret, keep-alive\r\n${hop.join('\r\n')}\r\nX-Secret: 1\r\nX-Open: 2\r\nContent-Length: 2\r\n\r\nok`
    )
    expect(said).to.match(/^HTTP\/1\.1 200 OK\r\n[\s\S]*\r\n\r\nok$/)
    for (const name of ['keep-alive:', 'proxy-', 'upgrade', 'te:', 'x-secret']) {
      expect(said.toLowerCase()).not.to.contain(`\r\n${name}`)
    }
    expect(said).to.contain('\r\nX-Open: 2\r\n')
    expect(said.match(/\r\nConnection: /gi)).to.have.length(1)
  })

  it("S34: cannot forge or remove the gateway's own", async () => {
    const said = await answered(
      'HTTP/1.1 200 OK\r\nConnection: X-Served-By, X-Start-Time, X-Call-Id, Content-Length\r\nX-Served-By: evil\r\n' +
        'X-Start-Time: 6\r\nX-OpenFaaS-Internal: proxy\r\nX-Docker-Faas-Reason: evil\r\nContent-Length: 2\r\n\r\nok'
    )
    expect(said)
      .to.match(/\r\nX-Served-By: docker-faas\r\n/)
      .and.to.match(/\r\nX-Start-Time: \d{19}\r\n/)
    expect(said).to.match(/\r\nX-Call-Id: [-0-9a-f]{36}\r\n/)
    expect(said).to.match(/\r\nContent-Length: 2\r\n/i)
    expect(said).not.to.match(/evil|X-OpenFaaS-Internal|X-Docker-Faas-Reason/i)
  })

  for (const [what, bytes] of [
    ['two different lengths', 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nabc'],
    ['a folded header', 'HTTP/1.1 200 OK\r\nX-A: b\r\n c\r\nContent-Length: 2\r\n\r\nok'],
    ['a space before a colon', 'HTTP/1.1 200 OK\r\nContent-Length : 2\r\n\r\nok'],
    ['a carriage return in a header', 'HTTP/1.1 200 OK\r\nX-A: b\rSet-Cookie: c\r\nContent-Length: 2\r\n\r\nok'],
    ['a line feed alone', 'HTTP/1.1 200 OK\r\nX-A: b\nSet-Cookie: c\r\nContent-Length: 2\r\n\r\nok'],
    ['64 KiB of headers', `HTTP/1.1 200 OK\r\nX-A: ${'x'.repeat(65_536)}\r\nContent-Length: 2\r\n\r\nok`],
    ['another protocol, unasked', 'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\nbytes']
  ] as const) {
    it(`X8, S34: reach no client when the function answers with ${what}`, async () => {
      const said = await answered(bytes)
      expect(said.match(/HTTP\/1\.1 /g)).to.have.length(1)
      expect(said).to.match(/^HTTP\/1\.1 502 /)
      expect(said).not.to.match(/Set-Cookie|Upgrade:|X-A/)
    })
  }

  it('S34: and interim answers without end, do not pile up for a client', async () => {
    const hints = 'HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n'.repeat(2000)
    const said = await answered(`${hints}HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok`)
    expect(said.match(/HTTP\/1\.1 103 /g)?.length).to.be.within(1, 16)
    expect(said).to.match(/HTTP\/1\.1 200 OK[\s\S]*ok$/)
  })
})
