import { request as rawRequest } from 'node:http'
import { expect } from 'chai'
import { type ApiServer, AUTHORIZATION, startApi } from '../helpers/api-server.ts'
import { eventually } from '../helpers/eventually.ts'
import { createNamespaces } from '../helpers/namespaces.ts'

const x = (length: number) => 'x'.repeat(length)
const entries = (count: number, value = 'v') =>
  Object.fromEntries(Array.from({ length: count }, (_, n) => [`k${n}`, value]))
const list = (count: number) => Array.from({ length: count }, (_, n) => `s${n}`)

interface Function {
  readonly metadata?: object
  readonly spec?: object
}

/** What has a limit, the largest that is allowed, and a function that has so much of it. */
const LIMITS: readonly [what: string, max: number, of: (amount: number) => Function][] = [
  ['characters of a name', 63, n => ({ metadata: { name: x(n) } })],
  ['characters of a namespace', 63, n => ({ metadata: { name: 'fn', namespace: x(n) } })],
  ['labels', 64, n => ({ metadata: { name: 'fn', labels: entries(n) } })],
  ['characters of the key of a label', 253, n => ({ metadata: { name: 'fn', labels: { [x(n)]: 'v' } } })],
  ['characters of a label', 1024, n => ({ metadata: { name: 'fn', labels: { k: x(n) } } })],
  ['annotations', 64, n => ({ metadata: { name: 'fn', annotations: entries(n) } })],
  ['characters of an annotation', 16_384, n => ({ metadata: { name: 'fn', annotations: { k: x(n) } } })],
  ['characters of an image', 128, n => ({ spec: { image: `a:${x(n)}` } })],
  ['replicas', 10, n => ({ spec: { replicas: n } })],
  ['characters of the process', 4096, n => ({ spec: { envProcess: x(n) } })],
  ['characters of the name of a variable', 256, n => ({ spec: { env: { [x(n)]: 'v' } } })],
  ['bytes of the environment', 256 * 1024, n => ({ spec: { env: { a: x(n - 4), b: 'é' } } })],
  ['secrets', 64, n => ({ spec: { secrets: list(n) } })],
  ['characters of the name of a secret', 253, n => ({ spec: { secrets: [x(n)] } })],
  ['constraints', 64, n => ({ spec: { constraints: list(n) } })],
  ['characters of a constraint', 1024, n => ({ spec: { constraints: [x(n)] } })],
  ['characters of a network', 255, n => ({ spec: { network: x(n) } })],
  ['characters of a probe', 1024, n => ({ spec: { probes: { ready: { path: `/${x(n - 1)}` } } } })]
]

describe('limits of the API', () => {
  let api: ApiServer
  const servers: ApiServer[] = []
  async function start(...args: Parameters<typeof startApi>): Promise<ApiServer> {
    const server = await startApi(...args)
    servers.push(server)
    return server
  }
  before(async () => {
    api = await start()
    await createNamespaces(api.store, [x(62), x(63)])
  })
  after(async () => {
    for (const server of servers) await server[Symbol.asyncDispose]()
  })

  const apply = (server: ApiServer, { metadata, spec }: Function) =>
    server.request('POST', '/v1/functions', { metadata: { name: 'fn', ...metadata }, spec: { image: 'a', ...spec } })

  for (const [what, max, of] of LIMITS) {
    it(`S40: ${what}: ${max - 1} and ${max} pass, ${max + 1} does not`, async () => {
      const statusOf = async (amount: number) => (await apply(api, of(amount))).status
      expect(
        [await statusOf(max - 1), await statusOf(max)].map(status => (status < 300 ? 'passes' : status))
      ).to.deep.equal(['passes', 'passes'])
      expect(await statusOf(max + 1)).to.equal(400)
    })
  }

  it('S40: bytes of a secret: 262143 and 262144 pass, 262145 does not', async () => {
    const statusOf = async (length: number) => (await api.request('PUT', '/v1/secrets/s', { value: x(length) })).status
    expect([await statusOf(256 * 1024 - 1), await statusOf(256 * 1024)]).to.deep.equal([201, 200])
    expect(await statusOf(256 * 1024 + 1)).to.equal(400)
  })

  it('S40: levels of a body: 31 and 32 pass, 33 do not', async () => {
    const nested = (levels: number) => `{"replicas":1,"serviceName":${'['.repeat(levels - 1)}${']'.repeat(levels - 1)}}`
    const answerOf = async (levels: number) =>
      (await api.request('POST', '/system/scale-function/fn', nested(levels))).text
    for (const levels of [31, 32]) expect(await answerOf(levels)).not.to.contain('levels deep')
    expect(await answerOf(33)).to.contain('levels deep')
  })

  it('S40: bytes of a head: what fits into 32 KiB passes, what does not is 431', async () => {
    const statusOf = (length: number) =>
      new Promise<number | undefined>((resolve, reject) => {
        const headers = { authorization: AUTHORIZATION, 'x-long': x(length) }
        const req = rawRequest(`${api.url}/system/info`, { headers }, res => {
          res.resume()
          resolve(res.statusCode)
        })
        req.on('error', reject)
        req.end()
      })
    expect(await statusOf(32_000)).to.equal(200)
    expect(await statusOf(32 * 1024)).to.equal(431)
  })

  it('S40: functions of a namespace: as many as FUNCTIONS_PER_NAMESPACE_MAX, also when all come at once', async () => {
    const server = await start({ functionsPerNamespace: 3 })
    await createNamespaces(server.store, ['other'])
    const answers = await Promise.all(['a', 'b', 'c', 'd', 'e'].map(name => apply(server, { metadata: { name } })))
    expect(answers.map(({ status }) => status).sort()).to.deep.equal([201, 201, 201, 403, 403])
    const refused = answers.find(({ status }) => status === 403)
    expect(refused?.json).to.include({ code: 'TOO_MANY_FUNCTIONS' })
    expect(refused?.json.detail).to.include('FUNCTIONS_PER_NAMESPACE_MAX')
    expect((await apply(server, { metadata: { name: 'a', namespace: 'other' } })).status).to.equal(201)
    const [kept] = await server.store.functions.list({ namespaces: new Set(['openfaas-fn']) })
    const change = await apply(server, { metadata: { name: kept?.metadata.name }, spec: { replicas: 2 } })
    expect(change.status, 'a change of one that is there').to.equal(200)
    const wire = await server.request('POST', '/system/functions', { service: 'f', image: 'a' })
    expect(wire.status).to.equal(403)
    await server.request('DELETE', `/v1/functions/${kept?.metadata.name}`)
    await server.store.functions.remove(`openfaas-fn/${kept?.metadata.name}`, kept?.metadata.uid ?? '')
    expect((await apply(server, { metadata: { name: 'f' } })).status).to.equal(201)
  })

  it('S40: requests in a window: as many as API_RATE_LIMIT, then 429 with the time to wait, and calls go on', async () => {
    const windowMs = 2000
    let limited = 0
    const metrics = {
      ...{ observeRequest: () => undefined, auditLost: () => undefined, rateLimited: () => void limited++ },
      expose: async () => ({ contentType: 'text/plain', text: '' })
    }
    const server = await start({ rate: { limit: 5, windowMs }, metrics })
    const statuses: number[] = []
    for (let n = 0; n < 5; n++) statuses.push((await server.request('GET', '/system/info')).status)
    expect(statuses).to.deep.equal([200, 200, 200, 200, 200])
    const refused = await server.request('GET', '/v1/functions')
    expect(refused.status).to.equal(429)
    expect(refused.json).to.include({ code: 'TOO_MANY_REQUESTS' })
    expect(Number(refused.headers.get('retry-after'))).to.be.within(1, 2)
    expect((await server.request('POST', '/function/a', 'x')).status, 'a call').to.equal(200)
    expect((await fetch(`${server.url}/livez`)).status, 'health').to.equal(200)
    expect((await fetch(`${server.url}/v1/functions`)).status, 'somebody else').to.equal(401)
    expect(limited).to.equal(1)
    await eventually(async () => expect((await server.request('GET', '/system/info')).status).to.equal(200), {
      timeoutMs: 3 * windowMs
    })
  })
})
