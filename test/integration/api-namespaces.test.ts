import { expect } from 'chai'
import type { Scope } from '../../api/scope.ts'
import { type Answer, type ApiServer, startApi } from '../helpers/api-server.ts'
import { createNamespaces } from '../helpers/namespaces.ts'

const OPENFAAS = { openfaas: '1' }
const REPLICAS = 'com.docker-faas.quota.replicas'
const MEMORY = 'com.docker-faas.quota.memory'
const FUNCTIONS = 'com.docker-faas.quota.functions'

describe('namespaces over the API', () => {
  let api: ApiServer
  beforeEach(async () => {
    api = await startApi()
  })
  afterEach(() => api[Symbol.asyncDispose]())

  const deploy = (name: string, namespace: string, more: object = {}) =>
    api.request('POST', '/system/functions', { service: name, image: 'a:1', namespace, ...more })
  const statusOf = async (answer: Promise<Answer>) => (await answer).status
  const namespaces = async () => (await api.request('GET', '/system/namespaces')).json
  async function aToken(scopes: Scope[], bound?: string[]): Promise<{ authorization: string }> {
    const input = { name: 't', scopes, ...(bound === undefined ? {} : { namespaces: bound }) }
    return { authorization: `Bearer ${(await api.identity.tokens.create(input, 'test')).token}` }
  }

  for (const path of ['/system/namespace', '/system/namespace/', '/system/namespaces', '/system/namespaces/']) {
    it(`does on ${path} what faas-cli asks for: create, list, get, update, remove`, async () => {
      const sent = { name: 'team-a', labels: { ...OPENFAAS, Owner: 'Anna B.' }, annotations: { ...OPENFAAS, x: ' y ' } }
      const at = `${path.replace(/\/$/, '')}/team-a`
      const created = await api.request('POST', path, sent)
      expect([created.status, created.text]).to.deep.equal([201, ''])
      expect(await statusOf(api.request('POST', path, sent))).to.equal(409)
      expect(await namespaces()).to.deep.equal(['openfaas-fn', 'team-a'])
      expect((await api.request('GET', at)).json).to.deep.equal(sent)
      const updated = await api.request('PUT', at, { name: 'team-a', labels: null, annotations: { note: 'n' } })
      expect([updated.status, updated.text]).to.deep.equal([200, ''])
      expect((await api.request('GET', at)).json).to.deep.equal({
        ...{ name: 'team-a', labels: {}, annotations: { note: 'n' } }
      })
      expect(await statusOf(api.request('PUT', at, { name: 'team-b' }))).to.equal(400)
      expect(await statusOf(api.request('DELETE', at, { name: 'team-b' }))).to.equal(400)
      const removed = await api.request('DELETE', at, { name: 'team-a', labels: OPENFAAS })
      expect([removed.status, removed.text]).to.deep.equal([200, ''])
      for (const method of ['GET', 'PUT', 'DELETE']) {
        expect(await statusOf(api.request(method, at, method === 'GET' ? undefined : { name: 'team-a' }))).to.equal(404)
      }
      expect(await namespaces()).to.deep.equal(['openfaas-fn'])
    })
  }

  it('refuses names that none can have, labels of ours, and quotas that cannot be read, by name', async () => {
    const post = async (body: object) => (await api.request('POST', '/system/namespace/', body)).text
    expect(await post({ name: 'Team_A' })).to.include('name: must be a DNS label')
    expect(await post({ labels: {} })).to.include('name: is required')
    const reserved = { 'com.docker-faas.instance': 'x' }
    expect(await post({ name: 'a', labels: reserved })).to.include('com.docker-faas.instance: is reserved')
    const misspelt = 'com.docker-faas.quota.replica'
    const annotations = { [FUNCTIONS]: 'many', [REPLICAS]: '-1', [MEMORY]: 'some', other: 'many', [misspelt]: '1' }
    const said = await post({ name: 'a', annotations })
    for (const name of [FUNCTIONS, REPLICAS, MEMORY]) expect(said).to.include(`annotations: ${name} must be a`)
    expect(said).to.include(`annotations: ${misspelt} is no quota: there are ${FUNCTIONS}, ${REPLICAS}, ${MEMORY}`)
    expect(said).not.to.include('other')
    const native = await api.request('POST', '/v1/namespaces', { metadata: { name: 'a', annotations } })
    expect(native.json.errors).to.have.length(4)
    expect(await namespaces()).to.deep.equal(['openfaas-fn'])
  })

  it('tries a write on /v1 and writes nothing with ?dryRun=true, not even into the audit log', async () => {
    const metadata = { name: 'a', labels: { team: 'x' } }
    const at = '/v1/namespaces/a?dryRun=true'
    const tried = await api.request('POST', '/v1/namespaces?dryRun=true', { metadata })
    expect([tried.status, tried.json.outcome, tried.json.object.metadata.labels]).to.deep.equal([
      ...[200, 'created', metadata.labels]
    ])
    expect(await statusOf(api.request('PUT', at, { metadata }))).to.equal(404)
    expect(await namespaces()).to.deep.equal(['openfaas-fn'])
    const created = await api.request('POST', '/v1/namespaces?dryRun=false', { metadata })
    expect(created.status).to.equal(201)
    const audited = (await api.store.audit.list({ limit: 100 })).length
    const outcomes = [
      await api.request('POST', '/v1/namespaces?dryRun', { metadata }),
      await api.request('PUT', at, { metadata: {} }),
      await api.request('PATCH', at, { metadata: { labels: { tier: 'web' } } }),
      await api.request('DELETE', at)
    ].map(({ status, json }) => [status, json.outcome])
    expect(outcomes).to.deep.equal([
      ...[
        [200, 'unchanged'],
        [200, 'changed'],
        [200, 'changed']
      ],
      [200, 'deleted']
    ])
    expect(await statusOf(api.request('DELETE', at, undefined, { 'if-match': '"9999"' }))).to.equal(409)
    expect(await statusOf(api.request('DELETE', '/v1/namespaces/openfaas-fn?dryRun=true'))).to.equal(409)
    const { json } = await api.request('GET', '/v1/namespaces/a')
    expect(json.metadata).to.deep.equal(created.json.metadata)
    // The two that were refused are there, as refusals are.
    expect(await api.store.audit.list({ limit: 100 })).to.have.length(audited + 2)
    await deploy('f', 'a')
    expect((await api.request('DELETE', at)).json.code).to.equal('NAMESPACE_NOT_EMPTY')
  })

  it('shows on /v1 the quota and what is used of it, with an ETag that writes may be bound to', async () => {
    const metadata = { name: 'a', labels: { team: 'x' }, annotations: { [REPLICAS]: '4', [MEMORY]: '1Gi' } }
    const created = await api.request('POST', '/v1/namespaces', { metadata })
    expect([created.status, created.headers.get('location')]).to.deep.equal([201, '/v1/namespaces/a'])
    expect(await statusOf(api.request('POST', '/v1/namespaces', created.json))).to.equal(200)
    await deploy('f', 'a', { limits: { memory: '128Mi' }, labels: { 'com.openfaas.scale.min': '2' } })
    const { json, headers } = await api.request('GET', '/v1/namespaces/a')
    expect(json).to.deep.equal({
      ...{ apiVersion: 'v1', kind: 'Namespace', metadata: { ...created.json.metadata, ...metadata } },
      status: {
        quota: { replicas: 4, memoryBytes: 2 ** 30 },
        used: { functions: 1, replicas: 2, memoryBytes: 2 ** 28, withoutMemoryLimit: 0 },
        defaults: { replicas: 1 }
      }
    })
    const etag = headers.get('etag') ?? ''
    expect(etag).to.equal(created.headers.get('etag'))
    const patch = { metadata: { labels: { team: null, tier: 'web' } } }
    const patched = await api.request('PATCH', '/v1/namespaces/a', patch, { 'if-match': etag })
    expect(patched.json.metadata).to.deep.include({ labels: { tier: 'web' }, annotations: metadata.annotations })
    expect(await statusOf(api.request('PATCH', '/v1/namespaces/a', patch, { 'if-match': etag }))).to.equal(409)
    expect(await statusOf(api.request('PUT', '/v1/namespaces/a', { metadata: { name: 'b' } }))).to.equal(400)
    const replaced = await api.request('PUT', '/v1/namespaces/a', { metadata: { labels: { a: 'b' } } })
    expect(replaced.json.metadata).to.deep.include({ labels: { a: 'b' }, annotations: {} })
    const listed = await api.request('GET', '/v1/namespaces?labelSelector=a')
    expect(listed.json.items).to.deep.equal([replaced.json])
    expect(await statusOf(api.request('DELETE', '/v1/namespaces/a', undefined, { 'if-match': etag }))).to.equal(409)
    for (const method of ['PUT', 'PATCH', 'DELETE', 'GET']) {
      const body = method === 'PUT' || method === 'PATCH' ? {} : undefined
      expect(await statusOf(api.request(method, '/v1/namespaces/none', body)), method).to.equal(404)
    }
  })

  it('takes nothing into a namespace that is not there, and says what helps, beside all else that is wrong', async () => {
    const remedy = 'there is no namespace none; create it first, with faas-cli namespace create none'
    const wire = await deploy('f', 'none')
    expect([wire.status, wire.text.startsWith(`namespace: ${remedy}`)]).to.deep.equal([400, true])
    const inQuery = await api.request('POST', '/system/functions?namespace=none', {
      service: 'f',
      image: 'a',
      limits: 7
    })
    expect(inQuery.text).to.include(`namespace: ${remedy}`).and.to.include('limits')
    const metadata = { name: 'F', namespace: 'none' }
    const native = await api.request('POST', '/v1/functions', { metadata, spec: { image: 'a' } })
    expect(native.json.errors.map(({ field }: { field: string }) => field)).to.have.members([
      ...['metadata.name', 'metadata.namespace']
    ])
    for (const secret of [
      await api.request('POST', '/system/secrets', { name: 's', namespace: 'none', value: 'v' }),
      await api.request('PUT', '/v1/secrets/s?namespace=none', { value: 'v' })
    ]) {
      expect(secret.status).to.equal(400)
      expect(secret.text).to.include(remedy)
    }
    const token = await api.request('POST', '/v1/tokens', { name: 't', scopes: ['read'], namespaces: ['none'] })
    expect([token.status, token.json.errors[0].field]).to.deep.equal([400, 'namespaces.0'])
    expect(await namespaces()).to.deep.equal(['openfaas-fn'])
    expect(
      await statusOf(api.request('PUT', '/system/functions', { service: 'f', image: 'a', namespace: 'none' }))
    ).to.equal(404)
    for (const path of ['/system/functions', '/system/secrets']) {
      const listed = await api.request('GET', `${path}?namespace=none`)
      expect([listed.status, listed.text.includes(remedy)], path).to.deep.equal([400, true])
    }
  })

  it('is deleted only when it is empty, and takes dead letters with it; the default one stays', async () => {
    await createNamespaces(api.store, ['a'])
    await deploy('f', 'a')
    const full = await api.request('DELETE', '/v1/namespaces/a')
    expect(full.json).to.include({ status: 409, code: 'NAMESPACE_NOT_EMPTY' })
    await api.request('DELETE', '/system/functions', { functionName: 'f', namespace: 'a' })
    const going = await api.request('DELETE', '/system/namespace/a', { name: 'a' })
    expect([going.status, going.text]).to.deep.equal([
      409,
      'namespace a is not empty: it has 1 function still being deleted; delete them first, or wait for them to end\n'
    ])
    const draft = { id: 'd', namespace: 'a', name: 'f', method: 'POST', path: '/', headers: [], body: Buffer.from('x') }
    await api.store.invocations.accept({ ...draft, now: 0 })
    const [dying] = await api.store.functions.list()
    await api.store.functions.remove('a/f', dying?.metadata.uid ?? '')
    expect((await api.request('DELETE', '/v1/namespaces/a')).json.detail).to.include(
      '1 asynchronous call not done with'
    )
    await api.store.invocations.bury('a', 'f', 0)
    expect(await statusOf(api.request('DELETE', '/v1/namespaces/a'))).to.equal(204)
    expect(await api.store.invocations.get('d')).to.equal(undefined)
    for (const path of ['/v1/namespaces/openfaas-fn', '/system/namespace/openfaas-fn']) {
      expect(await statusOf(api.request('DELETE', path)), path).to.equal(409)
    }
  })

  it('S21: leaves nothing to whoever gets its name next: no token that is good for it, no events, no calls', async () => {
    await createNamespaces(api.store, ['a', 'b'])
    const { authorization } = await aToken(['read'], ['a', 'b'])
    await deploy('f', 'a')
    const draft = { id: 'd', namespace: 'a', name: 'f', method: 'POST', path: '/', headers: [], body: Buffer.from('x') }
    await api.store.invocations.accept({ ...draft, now: 0 })
    await api.store.invocations.cancel('d', 'all', 0)
    await api.request('DELETE', '/system/functions', { functionName: 'f', namespace: 'a' })
    const [dying] = await api.store.functions.list()
    await api.store.functions.remove('a/f', dying?.metadata.uid ?? '')
    const bound = await api.request('DELETE', '/v1/namespaces/a')
    expect([bound.status, bound.json.detail]).to.deep.equal([
      409,
      'namespace a is not empty: it has 1 token bound to it; delete them first, or wait for them to end'
    ])
    const seen = async (path: string) => (await api.request('GET', path, undefined, { authorization })).json.items
    expect(await seen('/v1/events?namespace=a')).to.have.length(2)
    expect(await seen('/v1/invocations?namespace=a')).to.have.length(1)
    await api.request('DELETE', '/v1/tokens/t')
    expect(await statusOf(api.request('DELETE', '/v1/namespaces/a'))).to.equal(204)
    await createNamespaces(api.store, ['a'])
    for (const path of ['/v1/events', '/v1/invocations']) {
      expect((await api.request('GET', `${path}?namespace=a`)).json.items, path).to.deep.equal([])
    }
  })

  it('is not kept by a token that is over', async () => {
    await createNamespaces(api.store, ['a'])
    const record = { id: 'x', kind: 'token', name: 'over', digest: 'd', scopes: ['read'], createdBy: 'test' } as const
    const createdAt = '2026-01-01T00:00:00.000Z'
    await api.store.tokens.create({ ...record, namespaces: ['a'], createdAt, expiresAt: '2026-01-02T00:00:00.000Z' })
    expect(await statusOf(api.request('DELETE', '/v1/namespaces/a'))).to.equal(204)
  })

  it('refuses with 403 what its quota has no room for, however it is asked for', async () => {
    await createNamespaces(api.store, ['a'], { [REPLICAS]: '3', [MEMORY]: '512Mi', [FUNCTIONS]: '2' })
    const at = (path: string) => `/v1/functions/f${path}?namespace=a`
    const spec = { image: 'a:1', replicas: 2, limits: { memory: '128Mi' } }
    const metadata = { name: 'f', namespace: 'a' }
    const quota = (answer: Answer) => [answer.status, answer.json?.code, answer.json?.detail]
    expect(await statusOf(api.request('POST', '/v1/functions', { metadata, spec }))).to.equal(201)
    const refused = await api.request('POST', at('/scale'), { replicas: 4 })
    expect(refused.json).to.include({ status: 403, code: 'QUOTA_EXCEEDED' })
    expect(refused.json.detail).to.include('replicas: 3 allowed, 2 used, 2 more asked for')
    const wire = await api.request('POST', '/system/scale-function/f?namespace=a', { replicas: 4 })
    expect([wire.status, wire.text]).to.deep.equal([403, `${refused.json.detail}\n`])
    const patch = { spec: { limits: { memory: '300Mi' } } }
    expect(quota(await api.request('PATCH', at(''), patch))[1]).to.equal('QUOTA_EXCEEDED')
    expect(quota(await api.request('PATCH', `${at('')}&dryRun=true`, patch))[1]).to.equal('QUOTA_EXCEEDED')
    expect(await statusOf(api.request('POST', at('/scale'), { replicas: 3 }))).to.equal(200)
    expect(await statusOf(deploy('g', 'a'))).to.equal(403)
    expect(await statusOf(api.request('POST', at('/scale'), { replicas: 1 }))).to.equal(200)
    await api.request('PATCH', at(''), { spec: { limits: { memory: '64Mi' } } })
    await api.request('PATCH', '/v1/namespaces/a', { metadata: { annotations: { [MEMORY]: '100Mi' } } })
    expect(quota(await api.request('POST', at('/rollback'), { revision: 1 }))[1]).to.equal('QUOTA_EXCEEDED')
    expect(await statusOf(api.request('POST', at('/restart')))).to.equal(200)
  })

  it('tells credentials that are bound to namespaces nothing of others, and lets them write none', async () => {
    await createNamespaces(api.store, ['mine', 'theirs'])
    const bound = await aToken(['admin'], ['mine', 'gone'])
    const get = (path: string) => api.request('GET', path, undefined, bound)
    expect((await get('/system/namespaces')).json).to.deep.equal(['mine'])
    expect((await get('/v1/namespaces')).json.items.map((item: never) => item['metadata']['name'])).to.deep.equal([
      'mine'
    ])
    expect((await get('/system/namespace/mine')).json.name).to.equal('mine')
    for (const path of ['/system/namespace', '/v1/namespaces']) {
      const [theirs, nowhere] = [await get(`${path}/theirs`), await get(`${path}/nowhere`)]
      expect([theirs.status, nowhere.status]).to.deep.equal([404, 404])
      expect(nowhere.text).to.equal(theirs.text.replaceAll('theirs', 'nowhere'))
    }
    for (const path of ['/system/functions', '/system/secrets']) {
      for (const namespace of ['theirs', 'nowhere']) {
        expect((await get(`${path}?namespace=${namespace}`)).status, namespace).to.equal(403)
      }
    }
    for (const [method, path, body] of [
      ['POST', '/v1/namespaces', { metadata: { name: 'mine' } }],
      ['PATCH', '/v1/namespaces/mine', {}],
      ['DELETE', '/v1/namespaces/mine', undefined],
      ['POST', '/system/namespace/', { name: 'new' }],
      ['PUT', '/system/namespace/mine', {}],
      ['DELETE', '/system/namespace/mine', {}]
    ] as const) {
      expect(await statusOf(api.request(method, path, body, bound)), `${method} ${path}`).to.equal(403)
    }
    expect(await namespaces()).to.deep.equal(['mine', 'openfaas-fn', 'theirs'])
  })

  it('never gives a function or a token of one namespace the secret of another that has its name', async () => {
    await createNamespaces(api.store, ['a', 'b'])
    for (const namespace of ['a', 'b']) {
      await api.request('POST', '/system/secrets', { name: 'key', namespace, value: `of ${namespace}` })
    }
    const bound = await aToken(['secrets', 'read', 'deploy'], ['a'])
    expect((await api.request('GET', '/system/secrets?namespace=a', undefined, bound)).json).to.deep.equal([
      { name: 'key', namespace: 'a' }
    ])
    const listed = await api.request('GET', '/v1/secrets', undefined, bound)
    expect(listed.text).to.include('"namespace":"a"').and.not.to.include('"namespace":"b"')
    for (const [method, path, body] of [
      ['GET', '/system/secrets?namespace=b', undefined],
      ['GET', '/v1/secrets?namespace=b', undefined],
      ['POST', '/system/secrets', { name: 'key', namespace: 'b', value: 'x' }],
      ['PUT', '/v1/secrets/key?namespace=b', { value: 'x' }]
    ] as const) {
      expect(await statusOf(api.request(method, path, body, bound)), `${method} ${path}`).to.equal(403)
    }
    for (const [method, path, body] of [
      ['GET', '/v1/secrets/key?namespace=b', undefined],
      ['PUT', '/system/secrets', { name: 'key', namespace: 'b', value: 'x' }],
      ['DELETE', '/system/secrets', { name: 'key', namespace: 'b' }],
      ['DELETE', '/v1/secrets/key?namespace=b&force=true', undefined]
    ] as const) {
      expect(await statusOf(api.request(method, path, body, bound)), `${method} ${path}`).to.equal(404)
    }
    for (const namespace of ['a', 'b']) {
      const secret = (await api.store.secrets.get(`${namespace}/key`)) ?? expect.fail('it is gone')
      expect(String(await api.store.secrets.reveal(secret))).to.equal(`of ${namespace}`)
    }
    await deploy('f', 'b', { secrets: ['key'] })
    const used = await api.request('GET', '/v1/secrets/key?namespace=a', undefined, bound)
    expect(used.json.usedBy, 'by a function of b').to.deep.equal([])
  })

  it('is in the audit log with each change, and with each that was refused', async () => {
    await api.request('POST', '/system/namespace/', { name: 'a', annotations: { [REPLICAS]: '1' } })
    await api.request('PUT', '/system/namespace/a', { name: 'a' })
    await api.request('DELETE', '/v1/namespaces/openfaas-fn')
    await api.request('DELETE', '/system/namespace/a', { name: 'a' })
    const { items } = (await api.request('GET', '/v1/audit?kind=namespace')).json
    const rows = items.map((row: Record<string, unknown>) => [row['name'], row['outcome'], row['status']])
    expect(rows.reverse()).to.deep.equal([
      ['a', 'created', 201],
      ['a', 'changed', 200],
      ['openfaas-fn', 'refused', 409],
      ['a', 'deleted', 200]
    ])
    expect(items[2].before).to.equal(items[3].after)
  })
})
