import { expect } from 'chai'
import { type ApiServer, AUTHORIZATION, startApi } from '../helpers/api-server.ts'
import { DataPlane, endpointOf } from '../helpers/data-plane.ts'
import { PythonFunction } from '../helpers/python-function.ts'
import { strictFunction, type Talk, talk } from '../helpers/raw-http.ts'
import { ATTACKS, type Attack, SMUGGLED } from '../helpers/smuggling.ts'

const FN = '/function/fn'
const HOST = 'Host: x\r\n'
const CLOSE = `${HOST}Connection: close\r\n`
const AUTH = `${HOST}Authorization: ${AUTHORIZATION}\r\n`

/** The server of the gateway and its data plane, with one function; calls need no credentials unless told. */
async function startGateway(port: (plane: DataPlane) => number | Promise<number>, requireAuthForFunctions = false) {
  const plane = await new DataPlane().start()
  for (const key of ['openfaas-fn/fn', 'openfaas-fn/other']) {
    plane.table.put({ key, uid: key, replicas: 1, endpoints: [endpointOf(await port(plane))] })
  }
  plane.table.markComplete()
  const api = await startApi({}, { proxy: plane.proxy, requireAuthForFunctions })
  const stop = async () => {
    await api[Symbol.asyncDispose]()
    await plane.stop()
  }
  return { api, stop }
}

function expectRefused({ said, statuses, closed }: Talk, what: string): void {
  expect(statuses, `${what}: ${said}`).to.have.length(1)
  expect(statuses[0], `${what}: ${said}`).to.be.oneOf([400, 431, 501, 505])
  expect(closed, `${what} keeps its connection`).to.equal(true)
  expect(said).to.match(/\r\nConnection: close\r\n/i)
  expect(said).not.to.match(/at \/|Error:/)
}

describe('requests that two parsers may read in two ways', () => {
  const fn = strictFunction()
  let gateway: Awaited<ReturnType<typeof startGateway>>
  let api: ApiServer
  before(async () => {
    gateway = await startGateway(plane => plane.rawReplica(fn.onSocket))
    api = gateway.api
  })
  after(() => gateway.stop())
  beforeEach(() => {
    fn.requests.length = 0
    fn.refused.length = 0
  })

  async function attackFunction({ outcome, bytes, body, what }: Attack, method: string): Promise<void> {
    const before = fn.requests.length
    const spoken = await talk(api.port, bytes(`${method} ${FN}`, outcome === 'one' ? CLOSE : HOST))
    const came = fn.requests.slice(before)
    if (outcome === 'refused') {
      expectRefused(spoken, `${method} with ${what}`)
      expect(came, `${method} with ${what}`).to.deep.equal([])
    } else {
      expect(spoken.answers, spoken.said).to.equal(1)
      expect(came.length).to.be.at.most(1)
      if (body !== undefined && came[0] !== undefined) expect(came[0].body).to.equal(body)
    }
  }

  for (const attack of ATTACKS) {
    it(`X3, S33: gives the function of ${attack.what} ${attack.outcome === 'one' ? 'one request or none' : 'nothing'}`, async () => {
      for (const method of ['POST', 'GET', 'DELETE', 'OPTIONS']) await attackFunction(attack, method)
      // Nobody's answer is another's, and the function was told nothing that is not HTTP.
      const next = await talk(api.port, `GET ${FN}/next HTTP/1.1\r\n${CLOSE}\r\n`)
      expect(next.said).to.match(/^HTTP\/1\.1 200 [\s\S]*\r\n\r\nGET \/next HTTP\/1\.1 $/)
      expect(fn.refused).to.deep.equal([])
      expect(fn.requests.map(({ line }) => line).join()).not.to.contain('smuggled')
    })
  }

  for (const attack of ATTACKS.filter(({ outcome }) => outcome === 'refused')) {
    it(`X3: answers once, and closes, when the API gets ${attack.what}`, async () => {
      expectRefused(await talk(api.port, attack.bytes('POST /v1/functions', AUTH)), attack.what)
      // Of a GET the answer may be out before its body is looked at; then there is no second one.
      const { statuses, closed, said } = await talk(api.port, attack.bytes('GET /v1/functions', AUTH))
      expect(statuses, said).to.have.length(1)
      expect(statuses[0]).to.be.oneOf([200, 400, 431, 501, 505])
      expect(closed).to.equal(true)
      expect(fn.requests).to.deep.equal([])
    })
  }

  it('X3, S33: does not look at what comes behind a request that it refused', async () => {
    const bad = `POST ${FN} HTTP/1.1\r\n${HOST}Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n`
    expectRefused(await talk(api.port, `${bad}${SMUGGLED}`), 'refused')
    expect(fn.requests).to.deep.equal([])
  })

  it('X3, S33: answers requests that come one behind the other in their order, and then what is none', async () => {
    const good = (nth: number) => `POST ${FN}/${nth} HTTP/1.1\r\n${HOST}Content-Length: 1\r\n\r\n${nth}`
    const { said, statuses, closed } = await talk(api.port, `${good(1)}${good(2)}${good(3)}NONSENSE\r\n\r\n`)
    expect(statuses).to.deep.equal([200, 200, 200])
    expect([...said.matchAll(/POST \/(\d) HTTP\/1\.1 (\d)/g)].map(([, a, b]) => `${a}${b}`)).to.deep.equal([
      '11',
      '22',
      '33'
    ])
    expect(closed).to.equal(true)
  })

  it('X3, S33: reads the same however the bytes are cut', async () => {
    const bytes = `POST ${FN} HTTP/1.1\r\n${CLOSE}Transfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n\r\n`
    const { said } = await talk(api.port, [...bytes])
    expect(said).to.match(/\r\n\r\nPOST \/ HTTP\/1\.1 ab$/)
    const bad = `POST ${FN} HTTP/1.1\r\n${HOST}Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`
    expectRefused(await talk(api.port, [...bad]), 'in pieces')
  })

  it('X3, S33: sends nothing to the function of a request with an expectation that is none', async () => {
    const lines = `${CLOSE}Expect: 100-continuee\r\nContent-Length: 4\r\n`
    const { statuses } = await talk(api.port, `POST ${FN} HTTP/1.1\r\n${lines}\r\n${SMUGGLED}`)
    expect(statuses).to.deep.equal([417])
    expect(fn.requests).to.deep.equal([])
  })

  it('X3, S33: turns no connection over to a function that does not take it, and reads no more of one that was to be', async () => {
    for (const upgrade of ['websocket', 'x']) {
      const lines = `${HOST}Connection: Upgrade\r\nUpgrade: ${upgrade}\r\n`
      const { statuses, closed } = await talk(api.port, `GET ${FN} HTTP/1.1\r\n${lines}\r\n${SMUGGLED}`)
      expect([statuses, closed], upgrade).to.deep.equal([[200], true])
    }
    expect(fn.requests.map(({ line, body }) => `${line}${body}`)).to.deep.equal(Array(2).fill('GET / HTTP/1.1'))
    fn.requests.length = 0
    for (const upgrade of ['h2c', 'TLS/1.0']) {
      const lines = `${CLOSE}Connection: Upgrade\r\nUpgrade: ${upgrade}\r\n`
      expect((await talk(api.port, `GET ${FN} HTTP/1.1\r\n${lines}\r\n`)).statuses, upgrade).to.deep.equal([200])
    }
    const { closed } = await talk(api.port, `CONNECT 127.0.0.1:22 HTTP/1.1\r\n${HOST}\r\n`)
    expect(closed).to.equal(true)
    expect(fn.requests.flatMap(({ headers }) => headers.map(([name]) => name))).not.to.include('upgrade')
  })

  it('X3: lets nobody in by an attack when calls need credentials', async () => {
    const closed = await startGateway(plane => plane.rawReplica(fn.onSocket), true)
    try {
      for (const { bytes } of ATTACKS) {
        const { statuses } = await talk(closed.api.port, bytes(`POST ${FN}`, CLOSE))
        expect(statuses[0]).to.be.at.least(400)
      }
      expect(fn.requests).to.deep.equal([])
    } finally {
      await closed.stop()
    }
  })
})

describe('requests that two parsers may read in two ways, before a function in Python', () => {
  it('S33: reach it as one or not at all', async () => {
    await using python = await PythonFunction.start()
    const { api, stop } = await startGateway(() => python.port)
    try {
      for (const { bytes, outcome, what } of ATTACKS) {
        const before = python.requests.length
        await talk(api.port, bytes(`POST ${FN}`, outcome === 'one' ? CLOSE : HOST))
        const next = await talk(api.port, `POST ${FN}/next HTTP/1.1\r\n${CLOSE}Content-Length: 1\r\n\r\nx`)
        expect(next.statuses, what).to.deep.equal([200])
        const lines = python.requests.slice(before).map(({ line }) => line)
        expect(lines.at(-1), what).to.equal('POST /next HTTP/1.1')
        expect(lines.length, what).to.be.at.most(outcome === 'one' ? 2 : 1)
      }
      expect(python.requests.map(({ line }) => line).join()).not.to.contain('smuggled')
    } finally {
      await stop()
    }
  })
})
