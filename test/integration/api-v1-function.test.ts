import { expect } from 'chai'
import { type ApiServer, startApi } from '../helpers/api-server.ts'
import { aManifest } from '../helpers/function-manifest.ts'
import { createNamespaces } from '../helpers/namespaces.ts'

describe('the native API', () => {
  let api: ApiServer
  beforeEach(async () => {
    api = await startApi()
    await createNamespaces(api.store, ['team-a', 'team-b'])
  })
  afterEach(() => api[Symbol.asyncDispose]())

  const create = (over?: Record<string, unknown>, metadata?: Record<string, unknown>) =>
    api.request('POST', '/v1/functions', aManifest(over, metadata))

  describe('one function', () => {
    beforeEach(() => create())

    it('is read with an ETag, and 304 when it is known', async () => {
      const answer = await api.request('GET', '/v1/functions/hello')
      const etag = answer.headers.get('etag') ?? ''
      const again = await api.request('GET', '/v1/functions/hello', undefined, {
        'if-none-match': etag
      })
      expect(again.status).to.equal(304)
      expect(again.text).to.equal('')
      const other = await api.request('GET', '/v1/functions/hello', undefined, { 'if-none-match': '"0"' })
      expect(other.status).to.equal(200)
    })

    it('answers 404 when there is none, for every verb', async () => {
      const requests: [method: string, path: string, body?: unknown][] = [
        ['GET', ''],
        ['PUT', '', aManifest({}, { name: 'none' })],
        ['PATCH', '', {}],
        ['DELETE', ''],
        ['GET', '/status'],
        ['GET', '/events'],
        ['GET', '/revisions'],
        ['POST', '/restart'],
        ['POST', '/scale', { replicas: 1 }],
        ['POST', '/rollback']
      ]
      for (const [method, path, body] of requests) {
        const answer = await api.request(method, `/v1/functions/none${path}`, body)
        expect(answer.status, `${method} ${path}`).to.equal(404)
        expect(answer.json.code).to.equal('NOT_FOUND')
      }
    })

    it('is replaced by PUT, which may leave the name out but not give another', async () => {
      const answer = await api.request('PUT', '/v1/functions/hello', { spec: { image: 'hello:2' } })
      expect(answer.status).to.equal(200)
      expect(answer.json.spec.image).to.equal('hello:2')
      const other = await api.request('PUT', '/v1/functions/hello', aManifest({}, { name: 'other' }))
      expect(other.json.errors[0].field).to.equal('metadata.name')
      const elsewhere = await api.request('PUT', '/v1/functions/hello', aManifest({}, { namespace: 'other' }))
      expect(elsewhere.json.errors[0].field).to.equal('metadata.namespace')
    })

    it('is changed by a merge patch, and only where it says so', async () => {
      await create({ env: { A: '1', B: '2' } }, { labels: { x: 'y' } })
      const patch = { metadata: { labels: { z: '1' } }, spec: { env: { A: null, C: '3' } } }
      const answer = await api.request('PATCH', '/v1/functions/hello', patch, {
        'content-type': 'application/merge-patch+json'
      })
      expect(answer.status).to.equal(200)
      expect(answer.json.spec.env).to.deep.equal({ B: '2', C: '3' })
      expect(answer.json.metadata.labels).to.deep.equal({ x: 'y', z: '1' })
      expect(answer.json.spec.image).to.equal('hello:1')
    })

    it('refuses a patch that breaks a rule, renames or is of another kind', async () => {
      expect((await api.request('PATCH', '/v1/functions/hello', { spec: { image: null } })).status).to.equal(400)
      expect((await api.request('PATCH', '/v1/functions/hello', { metadata: { name: 'x' } })).status).to.equal(400)
      expect((await api.request('PATCH', '/v1/functions/hello', { spec: { replicas: 11 } })).status).to.equal(400)
      const type = { 'content-type': 'application/json-patch+json' }
      expect((await api.request('PATCH', '/v1/functions/hello', {}, type)).status).to.equal(415)
    })

    it('S10: is not written when it changed since it was read', async () => {
      const { resourceVersion } = (await api.request('GET', '/v1/functions/hello')).json.metadata
      const image = (tag: number) => ({ spec: { image: `hello:${tag}` } })
      const path = '/v1/functions/hello'
      expect((await api.request('PATCH', path, image(2), { 'if-match': `"${resourceVersion}"` })).status).to.equal(200)
      const stale: [method: string, body: unknown, headers: Record<string, string>][] = [
        ['PATCH', image(3), { 'if-match': `"${resourceVersion}"` }],
        ['PATCH', image(3), { 'if-match': String(resourceVersion) }],
        ['PATCH', { ...image(3), metadata: { resourceVersion } }, {}],
        ['PUT', { ...image(3), metadata: { resourceVersion: String(resourceVersion) } }, {}],
        ['DELETE', undefined, { 'if-match': `"${resourceVersion}"` }]
      ]
      for (const [method, body, headers] of stale) {
        const answer = await api.request(method, path, body, headers)
        expect(answer.status).to.equal(409)
        expect(answer.json.code).to.equal('CONFLICT')
      }
      expect((await api.request('PATCH', path, image(3), { 'if-match': '*' })).status).to.equal(200)
      expect((await api.request('PATCH', path, image(3), { 'if-match': 'nonsense' })).status).to.equal(400)
    })

    it('S10: of two writers with the same resourceVersion exactly one wins', async () => {
      const { resourceVersion } = (await api.request('GET', '/v1/functions/hello')).json.metadata
      const answers = await Promise.all(
        Array.from({ length: 8 }, (_, i) =>
          api.request(
            'PATCH',
            '/v1/functions/hello',
            { spec: { image: `hello:v${i}` } },
            { 'if-match': String(resourceVersion) }
          )
        )
      )
      expect(answers.filter(({ status }) => status === 200)).to.have.length(1)
      expect(answers.filter(({ status }) => status === 409)).to.have.length(7)
    })

    it('is marked by DELETE with 202, stays visible, and goes with its row', async () => {
      const answer = await api.request('DELETE', '/v1/functions/hello')
      expect(answer.status).to.equal(202)
      expect(answer.json.metadata.deletionRequestedAt).to.be.a('string')
      const again = await api.request('DELETE', '/v1/functions/hello')
      expect(again.status).to.equal(202)
      expect(again.json.metadata).to.deep.equal(answer.json.metadata)
      expect((await api.request('GET', '/v1/functions/hello')).status).to.equal(200)
      expect((await api.request('PATCH', '/v1/functions/hello', {})).status).to.equal(404)
      await api.store.functions.remove('openfaas-fn/hello', answer.json.metadata.uid)
      expect((await api.request('GET', '/v1/functions/hello')).status).to.equal(404)
    })

    it('shows its status with the generation it belongs to', async () => {
      const { json } = await api.request('GET', '/v1/functions/hello/status')
      expect(json.kind).to.equal('FunctionStatus')
      expect(json.metadata).to.include({ name: 'hello', generation: 1 })
      expect(json.status).to.include({ observedGeneration: 0 })
    })

    it('is restarted by a new restartedAt', async () => {
      const answer = await api.request('POST', '/v1/functions/hello/restart')
      expect(answer.status).to.equal(200)
      expect(answer.json.metadata.generation).to.equal(2)
      expect(Date.parse(answer.json.spec.restartedAt)).to.be.closeTo(Date.now(), 60_000)
    })

    const scales: [body: unknown, status: number][] = [
      [{ replicas: 0 }, 200],
      [{ replicas: 10 }, 200],
      [{ replicas: 11 }, 400],
      [{ replicas: -1 }, 400],
      [{ replicas: 2, extra: 1 }, 400],
      [{}, 400],
      ['', 400]
    ]
    for (const [body, status] of scales) {
      it(`answers ${status} to a scale to ${JSON.stringify(body)}`, async () => {
        const answer = await api.request('POST', '/v1/functions/hello/scale', body)
        expect(answer.status).to.equal(status)
        if (status === 200) expect(answer.json.spec.replicas).to.equal((body as { replicas: number }).replicas)
      })
    }

    it('is rolled back to the revision before, or to one that is named, with its present replicas', async () => {
      await create({ image: 'hello:2' })
      await create({ image: 'hello:3' })
      await api.request('POST', '/v1/functions/hello/scale', { replicas: 4 })
      const list = (await api.request('GET', '/v1/functions/hello/revisions')).json
      expect(list.kind).to.equal('RevisionList')
      expect(list.items.map((r: { spec: { image: string } }) => r.spec.image)).to.deep.equal([
        'hello:3',
        'hello:2',
        'hello:1'
      ])
      const back = await api.request('POST', '/v1/functions/hello/rollback')
      expect(back.json.spec).to.include({ image: 'hello:2', replicas: 4 })
      const first = await api.request('POST', '/v1/functions/hello/rollback', { revision: 1 })
      expect(first.json.spec).to.include({ image: 'hello:1', replicas: 4 })
    })

    it('answers 404 to a rollback to a revision that is not there', async () => {
      expect((await api.request('POST', '/v1/functions/hello/rollback')).status).to.equal(404)
      expect((await api.request('POST', '/v1/functions/hello/rollback', { revision: 9 })).status).to.equal(404)
      expect((await api.request('POST', '/v1/functions/hello/rollback', { revision: 'x' })).status).to.equal(400)
    })

    it('has its writes as events', async () => {
      await create({ image: 'hello:2' })
      await create({ image: 'hello:2' })
      await api.request('DELETE', '/v1/functions/hello')
      const { json } = await api.request('GET', '/v1/functions/hello/events')
      expect(json.kind).to.equal('EventList')
      expect(json.items.map((e: { reason: string }) => e.reason)).to.deep.equal(['Deleted', 'Updated', 'Created'])
    })
  })

  it('gives no events of an earlier function of the same name', async () => {
    await create()
    await api.request('DELETE', '/v1/functions/hello')
    await create({ image: 'hello:2' })
    const { json } = await api.request('GET', '/v1/functions/hello/events')
    expect(json.items.map((e: { reason: string }) => e.reason)).to.deep.equal(['Created'])
  })
})
