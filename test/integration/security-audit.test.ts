import { expect } from 'chai'
import type { AuditEntry } from '../../api/audit.ts'
import { type ApiServer, PASSWORD, startApi, USER } from '../helpers/api-server.ts'
import { eventually } from '../helpers/eventually.ts'

const FN = { metadata: { name: 'a' }, spec: { image: 'registry.example/a:1' } }
const OTHER = { metadata: { name: 'a' }, spec: { image: 'registry.example/a:2' } }
const WIRE = { service: 'a', image: 'registry.example/a:3' }

interface Example {
  readonly body?: unknown
  /** In place of the path, where a parameter is in it. */
  readonly path?: string
  readonly row: Partial<AuditEntry>
}

/** A request for each route that changes something, and what its row must say beside the route and the status. */
const EXAMPLES: Readonly<Record<string, Example>> = {
  'POST /v1/functions': { body: FN, row: { kind: 'function', namespace: 'openfaas-fn', name: 'a' } },
  'PUT /v1/functions/{name}': { body: OTHER, row: { kind: 'function', name: 'a', outcome: 'changed' } },
  'PATCH /v1/functions/{name}': { body: { spec: { envProcess: 'x' } }, row: { name: 'a', outcome: 'changed' } },
  'DELETE /v1/functions/{name}': { row: { name: 'a', outcome: 'deleted' } },
  'POST /v1/functions/{name}/restart': { row: { name: 'a', outcome: 'changed' } },
  'POST /v1/functions/{name}/scale': { body: { replicas: 3 }, row: { name: 'a', outcome: 'changed' } },
  'POST /v1/functions/{name}/rollback': { row: { name: 'a' } },
  'PUT /v1/secrets/{name}': {
    body: { value: 'canary-of-audit' },
    row: { kind: 'secret', namespace: 'openfaas-fn', name: 'a', outcome: 'changed' }
  },
  'DELETE /v1/secrets/{name}': { row: { kind: 'secret', name: 'a', outcome: 'deleted' } },
  'POST /v1/secret-keys/rotate': { row: { kind: 'secret', outcome: 'done' } },
  'POST /system/secrets': {
    body: { name: 'b', value: 'canary-of-audit' },
    row: { kind: 'secret', name: 'b', outcome: 'created' }
  },
  'PUT /system/secrets': { body: { name: 'a', value: 'canary-of-audit' }, row: { name: 'a', outcome: 'changed' } },
  'DELETE /system/secrets': { body: { name: 'a' }, row: { kind: 'secret', name: 'a', outcome: 'deleted' } },
  'POST /v1/reconcile': { row: { kind: 'gateway', outcome: 'done' } },
  'POST /v1/adopt': { body: { action: 'adopt' }, row: { kind: 'adoption', outcome: 'done' } },
  'POST /system/functions': {
    body: { ...WIRE, service: 'b' },
    row: { kind: 'function', name: 'b', outcome: 'created' }
  },
  'PUT /system/functions': { body: WIRE, row: { name: 'a', outcome: 'changed' } },
  'DELETE /system/functions': { body: { functionName: 'a' }, row: { name: 'a', outcome: 'deleted' } },
  'POST /v1/tokens': {
    body: { name: 'ci', scopes: ['read'] },
    row: { kind: 'token', name: 'ci', outcome: 'created' }
  },
  'DELETE /v1/tokens/{name}': { path: '/v1/tokens/ci', row: { kind: 'token', name: 'ci', outcome: 'deleted' } },
  'POST /auth/login': {
    body: { username: USER, password: PASSWORD },
    row: { kind: 'session', name: USER, outcome: 'created' }
  },
  'POST /auth/logout': { row: { kind: 'session', outcome: 'done' } },
  'POST /system/scale-function/{name}': { body: { replicas: 3 }, row: { name: 'a', outcome: 'changed' } }
}

const ADMIN = { actor: 'admin', actorKind: 'admin' }
const NOBODY = { actor: '', actorKind: 'anonymous' }

describe('audit log of the API', () => {
  let api: ApiServer
  beforeEach(async () => {
    api = await startApi()
  })
  afterEach(() => api[Symbol.asyncDispose]())

  const rows = () => api.store.audit.list({ limit: 1000 })

  /** What the request added, the oldest first. */
  async function added(work: () => Promise<unknown>): Promise<AuditEntry[]> {
    const before = (await api.store.audit.head())?.id ?? 0
    await work()
    return (await rows()).filter(({ id }) => id > before).reverse()
  }

  /** Method and path of every route that may change something, as the document of the API has them; a call of a function changes nothing. */
  async function changingRoutes(): Promise<string[]> {
    const { paths } = (await api.request('GET', '/openapi.json')).json as { paths: Record<string, object> }
    return Object.entries(paths)
      .filter(([path]) => !path.startsWith('/function'))
      .flatMap(([path, methods]) => Object.keys(methods).map(method => `${method.toUpperCase()} ${path}`))
      .filter(route => !/^GET |^POST \/async-function/.test(route))
  }

  it('S39: every route that changes something writes exactly one row, whether it does or refuses', async function () {
    // Some three hundred requests, each of which is written to the disk.
    this.timeout(120_000)
    const routes = await changingRoutes()
    expect(routes).to.include.members(Object.keys(EXAMPLES))
    for (const route of routes) {
      const [method = '', template = ''] = route.split(' ')
      const path = EXAMPLES[route]?.path ?? template.replace('{name}', 'a').replaceAll(/\{\w+\}/g, 'x')
      await api.request('PUT', '/v1/secrets/a', { value: 'old' })
      await api.request('POST', '/v1/functions', FN)
      await api.request('PUT', '/v1/functions/a', { ...OTHER, spec: { image: 'registry.example/a:9' } })
      const verb = `${method} ${template.replaceAll(/\{(\w+)\}/g, ':$1')}`
      const { body, row } = EXAMPLES[route] ?? { row: {} }
      let status = 0
      const one = async (sent: unknown) => {
        const [entry, ...others] = await added(async () => {
          status = (await api.request(method, path, sent, { 'User-Agent': 'test\u009b2J/1' })).status
        })
        expect(others, route).to.deep.equal([])
        expect(entry, route).to.include({
          verb,
          status,
          count: 1,
          // A login that fails before anybody looked at the password is nobody's.
          ...(route === 'POST /auth/login' && status >= 400 ? NOBODY : ADMIN),
          address: '127.0.0.1'
        })
        expect(entry?.userAgent, 'nothing that drives a terminal').to.equal('test\uFFFD2J/1')
        return entry
      }
      if (EXAMPLES[route] !== undefined) {
        const entry = await one(body)
        expect(status, route).to.be.below(300)
        expect(entry).to.include(row)
      }
      const refused = await one('{"bogus": ')
      if (status >= 400) expect(refused, route).to.include({ outcome: 'refused' })
    }
  })

  it('S39: rows of a secret tell its values apart, and hold nothing that they could be guessed from', async () => {
    const put = (value: string) => api.request('PUT', '/v1/secrets/a', { value })
    const [created, same, changed, back] = await added(async () => {
      for (const value of ['one', 'one', 'two', 'one']) await put(value)
    })
    expect([created, same, changed].map(row => row?.outcome)).to.deep.equal(['created', 'unchanged', 'changed'])
    expect(same).to.include({ before: created?.after, after: created?.after })
    expect(changed?.before).to.equal(created?.after)
    expect(back?.after, 'the same value has another digest each time').not.to.equal(created?.after)
  })

  it('S39: a row has the digest of what was written down before and after', async () => {
    const [created, same, changed, deleted] = await added(async () => {
      await api.request('POST', '/v1/functions', FN)
      await api.request('POST', '/v1/functions', FN)
      await api.request('PUT', '/v1/functions/a', OTHER)
      await api.request('DELETE', '/v1/functions/a')
    })
    expect(created).to.include({ outcome: 'created', status: 201 }).and.not.have.property('before')
    expect(created?.after).to.match(/^[0-9a-f]{64}$/)
    expect(same).to.include({ outcome: 'unchanged', before: created?.after, after: created?.after })
    expect(changed).to.include({ outcome: 'changed', before: created?.after })
    expect(changed?.after).not.to.equal(created?.after)
    expect(deleted)
      .to.include({ outcome: 'deleted', status: 202, before: changed?.after })
      .and.not.have.property('after')
  })

  it('S39: refusals say why: by a rule, a conflict, an unknown function, the body', async () => {
    await api.request('POST', '/v1/functions', FN)
    const found = await added(async () => {
      await api.request('PUT', '/v1/functions/a', OTHER, { 'If-Match': '999' })
      await api.request('POST', '/v1/functions/none/restart')
      await api.request('POST', '/system/functions', { ...WIRE, image: 'other' })
      await api.request('POST', '/v1/functions', 'x'.repeat(1_100_000))
      await api.request('PUT', '/v1/profiles/p', 'x'.repeat(1_100_000))
      await api.request('POST', '/v1/profiles', 'no JSON')
      await api.request('POST', '/system/alert', 'no JSON')
    })
    expect(found.map(({ status, code, kind, name }) => [status, code, kind, name])).to.deep.equal([
      [409, 'CONFLICT', 'function', 'a'],
      [404, 'NOT_FOUND', 'function', 'none'],
      [409, 'ALREADY_EXISTS', 'function', 'a'],
      [413, 'BODY_TOO_LARGE', 'function', ''],
      [413, 'BODY_TOO_LARGE', 'profile', 'p'],
      [400, 'INVALID', 'profile', ''],
      [400, 'INVALID', 'alert', '']
    ])
  })

  it('S39: reads, dry runs and calls of functions are no changes', async () => {
    await api.request('POST', '/v1/functions', FN)
    const found = await added(async () => {
      await api.request('GET', '/v1/functions')
      await api.request('GET', '/v1/functions/none')
      await api.request('POST', '/v1/functions?dryRun=true', OTHER)
      await api.request('DELETE', '/v1/functions/a?dryRun')
      await api.request('POST', '/function/a', 'x')
      await api.request('POST', '/no/such/route', {})
    })
    expect(found).to.deep.equal([])
    expect(
      await added(() => api.request('POST', '/v1/reconcile?dryRun=true')),
      'a route without dry runs'
    ).to.have.length(1)
  })

  it('S39: what is refused before anybody asked who sends it has its route and its object', async () => {
    const page = { origin: 'https://page.example' }
    const found = await added(async () => {
      await api.request('DELETE', '/v1/functions/a', undefined, page)
      await api.request('PUT', '/v1/secrets/b?namespace=other', { value: 'x' }, { 'sec-fetch-site': 'same-site' })
      await api.request('DELETE', '/no/such/route', undefined, { authorization: 'Basic bm8=' })
    })
    expect(found.map(({ verb, kind, namespace, name, code }) => [verb, kind, namespace, name, code])).to.deep.equal([
      ['DELETE /v1/functions/:name', 'function', 'openfaas-fn', 'a', 'FOREIGN_ORIGIN'],
      ['DELETE (unrouted)', 'gateway', '', '', 'UNAUTHORIZED']
    ])
    api.shutDown()
    await eventually(async () => {
      expect((await rows())[0], 'the second page is summed up with the first').to.include({ status: 403, count: 1 })
    })
  })

  it('S39: a flood of wrong credentials is summed up, and hides nothing of what others do', async () => {
    await api.request('GET', '/v1/functions')
    const guess = (method: string, n: number) =>
      api.request(method, '/system/functions', undefined, { authorization: `Basic ${btoa(`admin:${n}`)}` })
    const [first, ...others] = await added(async () => {
      for (let n = 0; n < 300; n++) await guess(n % 2 === 0 ? 'GET' : 'POST', n)
    })
    expect(first).to.include({ outcome: 'refused', status: 401, code: 'UNAUTHORIZED', actor: '', address: '127.0.0.1' })
    expect(others).to.have.length.below(3)
    expect(await added(() => api.request('POST', '/v1/functions', FN))).to.have.length(1)
    api.shutDown()
    await eventually(async () => {
      const sum = (await rows()).filter(({ actor }) => actor === '').reduce((sum, { count }) => sum + count, 0)
      expect(sum).to.equal(300)
    })
    const silent = await fetch(`${api.url}/v1/functions`)
    expect(silent.status, 'who brings no credentials at all guesses none').to.equal(401)
  })

  it('S39: GET /v1/audit pages, and finds by time, actor and object', async () => {
    for (const name of ['a', 'b', 'c']) await api.request('POST', '/v1/functions', { ...FN, metadata: { name } })
    await api.request('POST', '/v1/functions', { ...FN, metadata: { name: 'a', namespace: 'other' } })
    const find = async (query: string) => {
      const { status, json } = await api.request('GET', `/v1/audit?${query}`)
      expect(status, query).to.equal(200)
      return json as { items: AuditEntry[]; continue?: number }
    }
    const names = async (query: string) =>
      (await find(query)).items.map(({ namespace, name }) => `${namespace}/${name}`)
    expect(await names('namespace=other')).to.deep.equal(['other/a'])
    expect(await names('name=a')).to.deep.equal(['other/a', 'openfaas-fn/a'])
    expect(await names('kind=secret')).to.deep.equal([])
    expect(await names('actor=admin&kind=function')).to.have.length(4)
    expect(await names('actor=nobody')).to.deep.equal([])
    const [newest] = (await find('limit=1')).items
    expect(await names(`since=${encodeURIComponent(newest?.at ?? '')}&limit=1`)).to.deep.equal(['other/a'])
    expect(await names(`until=2020-01-01T00:00:00%2B02:00`)).to.deep.equal([])
    const first = await find('limit=3')
    const second = await find(`limit=3&before=${first.continue}`)
    expect([...first.items, ...second.items].map(({ id }) => id)).to.deep.equal([4, 3, 2, 1])
    expect(second).not.to.have.property('continue')
    for (const query of ['since=yesterday', 'limit=0', 'before=x']) {
      expect((await api.request('GET', `/v1/audit?${query}`)).status, query).to.equal(400)
    }
  })

  it('S39: the row and the answer have the id of the request, also one that a proxy gave it', async () => {
    const [entry] = await added(async () => {
      const answer = await api.request('POST', '/v1/functions', FN, { 'X-Request-Id': 'proxy-1' })
      expect(answer.headers.get('x-request-id')).to.equal('proxy-1')
    })
    expect(entry?.requestId).to.equal('proxy-1')
    const other = await api.request('GET', '/v1/functions', undefined, { 'X-Request-Id': 'a b' })
    expect(other.headers.get('x-request-id')).to.match(/^[0-9a-f-]{36}$/)
  })
})
