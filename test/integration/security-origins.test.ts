import { expect } from 'chai'
import { type ApiServer, AUTHORIZATION, startApi } from '../helpers/api-server.ts'

const PAGE = 'https://page.example'
const FUNCTION = { metadata: { name: 'a' }, spec: { image: 'x' } }

describe('pages of other origins', () => {
  const servers: ApiServer[] = []
  async function start(...allowedOrigins: string[]): Promise<ApiServer> {
    const api = await startApi({ allowedOrigins }, { allowedOrigins })
    servers.push(api)
    return api
  }
  afterEach(async () => {
    for (const api of servers.splice(0)) await api[Symbol.asyncDispose]()
  })

  /** What a browser asks before it sends a request that no form could send; without credentials, as it does. */
  function preflight(api: ApiServer, origin: string, path = '/v1/functions') {
    const asked = { 'Access-Control-Request-Method': 'PUT', 'Access-Control-Request-Headers': 'authorization,if-match' }
    return fetch(`${api.url}${path}`, { method: 'OPTIONS', headers: { origin, ...asked } })
  }

  function corsHeaders({ headers }: { headers: Headers }): Record<string, string> {
    return Object.fromEntries([...headers].filter(([name]) => name.startsWith('access-control-')))
  }

  it('S38: nobody is allowed by default, and a page changes nothing', async () => {
    const api = await start()
    const asked = await preflight(api, PAGE)
    expect([asked.status, corsHeaders(asked)]).to.deep.equal([401, {}])
    const read = await api.request('GET', '/v1/functions', undefined, { origin: PAGE })
    expect([read.status, corsHeaders(read)]).to.deep.equal([200, {}])
    for (const headers of [{ origin: PAGE }, { origin: 'null' }, { 'sec-fetch-site': 'cross-site' }]) {
      const write = await api.request('POST', '/v1/functions', FUNCTION, headers as Record<string, string>)
      expect([write.status, write.json.code]).to.deep.equal([403, 'FOREIGN_ORIGIN'])
      expect(write.json.detail).to.include('CORS_ALLOWED_ORIGINS')
    }
    const plain = await api.request('POST', '/system/functions', { service: 'a', image: 'x' }, { origin: PAGE })
    expect(plain.status).to.equal(403)
    expect(await api.store.functions.list()).to.deep.equal([])
    expect((await api.request('POST', '/v1/functions', FUNCTION)).status, 'no browser').to.equal(201)
  })

  it('S38: a page that is named may do what its user may, and no other', async () => {
    const api = await start(PAGE)
    const asked = await preflight(api, PAGE)
    expect(asked.status).to.equal(204)
    expect(corsHeaders(asked)).to.deep.equal({
      'access-control-allow-origin': PAGE,
      'access-control-allow-credentials': 'true',
      'access-control-allow-methods': 'GET,HEAD,POST,PUT,PATCH,DELETE',
      'access-control-allow-headers': 'authorization,if-match',
      'access-control-max-age': '600'
    })
    const write = await api.request('POST', '/v1/functions', FUNCTION, { origin: PAGE })
    expect(write.status).to.equal(201)
    expect(write.headers.get('vary')).to.equal('Origin')
    expect(corsHeaders(write)).to.deep.equal({
      'access-control-allow-origin': PAGE,
      'access-control-allow-credentials': 'true',
      'access-control-expose-headers': 'ETag,Location,Retry-After,Allow,X-Call-Id'
    })
    const refused = await fetch(`${api.url}/v1/functions`, { headers: { origin: PAGE } })
    expect([refused.status, refused.headers.get('access-control-allow-origin')], 'an error').to.deep.equal([401, PAGE])
    for (const other of ['https://other.example', `${PAGE}.evil`, 'http://page.example', 'null']) {
      expect(corsHeaders(await preflight(api, other)), other).to.deep.equal({})
      expect((await api.request('PUT', '/v1/functions/a', FUNCTION, { origin: other })).status).to.equal(403)
    }
  })

  it('S38: with *, any page may read with credentials that it brings itself, and none with those of the browser', async () => {
    const api = await start('*')
    const asked = await preflight(api, PAGE)
    expect(asked.headers.get('access-control-allow-origin')).to.equal('*')
    expect(asked.headers.get('access-control-allow-credentials')).to.equal(null)
    const write = await api.request('POST', '/v1/functions', FUNCTION, { origin: PAGE })
    expect([write.status, write.json.code]).to.deep.equal([403, 'FOREIGN_ORIGIN'])
  })

  it('S38: calls of functions are held to the same where they need credentials, and their answers are their own', async () => {
    const api = await start(PAGE)
    const call = (method: string, origin: string) =>
      fetch(`${api.url}/function/a`, { method, headers: { origin, authorization: AUTHORIZATION } })
    expect((await call('POST', 'https://other.example')).status).to.equal(403)
    expect((await call('GET', 'https://other.example')).status, 'a link').to.equal(200)
    const named = await call('POST', PAGE)
    expect([named.status, corsHeaders(named)]).to.deep.equal([200, {}])
    expect((await preflight(api, PAGE, '/function/a')).status, 'no credentials').to.equal(401)
    expect(api.calls.length).to.equal(2)
    const open = await startApi({}, { requireAuthForFunctions: false })
    servers.push(open)
    expect((await preflight(open, PAGE, '/function/a')).status).to.equal(200)
    expect((await fetch(`${open.url}/function/a`, { method: 'POST', headers: { origin: PAGE } })).status).to.equal(200)
    expect(
      open.calls.map(({ path }) => path),
      'the function answers by itself'
    ).to.have.length(2)
  })
})
