import { expect } from 'chai'
import { type ApiServer, HEALTHY, startApi } from '../helpers/api-server.ts'
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

  describe('POST /v1/functions', () => {
    it('creates with 201, Location and ETag, and wakes the loop', async () => {
      const answer = await create()
      expect(answer.status).to.equal(201)
      expect(answer.headers.get('location')).to.equal('/v1/functions/hello')
      expect(answer.headers.get('etag')).to.equal(`"${answer.json.metadata.resourceVersion}"`)
      expect(answer.json).to.include({ apiVersion: 'v1', kind: 'Function' })
      expect(answer.json.metadata).to.include({ name: 'hello', namespace: 'openfaas-fn', generation: 1 })
      expect(answer.json.spec).to.include({ image: 'hello:1', replicas: 1, debug: false })
      expect(answer.json.status).to.include({ observedGeneration: 0, readyReplicas: 0 })
      expect(api.enqueued).to.deep.equal(['openfaas-fn/hello'])
    })

    it('names the namespace in Location', async () => {
      const answer = await create({}, { namespace: 'team-a' })
      expect(answer.headers.get('location')).to.equal('/v1/functions/hello?namespace=team-a')
      expect((await api.request('GET', answer.headers.get('location') ?? '')).status).to.equal(200)
    })

    it('answers 200 with the same generation for the same again, and a greater one for a change', async () => {
      const first = await create()
      const again = await create()
      expect(again.status).to.equal(200)
      expect(again.json.metadata).to.deep.equal(first.json.metadata)
      const changed = await create({ image: 'hello:2' })
      expect(changed.status).to.equal(200)
      expect(changed.json.metadata.generation).to.equal(2)
    })

    it('tells of settings that are misspelt or in the wrong place, by a header and an event, and takes them', async () => {
      const metadata = {
        labels: { 'com.openfaas.scale.mim': '2' },
        annotations: { 'com.openfaas.scale.max': '3' }
      }
      const answer = await create({}, metadata)
      expect(answer.status).to.equal(201)
      const warning =
        '299 docker-faas "labels.com.openfaas.scale.mim is not known: did you mean com.openfaas.scale.min?", ' +
        '299 docker-faas "annotations.com.openfaas.scale.max has no effect as an annotation: make it a label"'
      expect(answer.headers.get('warning')).to.contain(warning)
      const { json } = await api.request('GET', '/v1/functions/hello/events')
      expect(json.items.map(({ reason, type }: { reason: string; type: string }) => [reason, type])).to.deep.equal([
        ['SettingUnknown', 'Warning'],
        ['Created', 'Normal']
      ])
      expect((await create({}, { labels: { 'com.openfaas.scale.min': '2' } })).headers.get('warning')).to.equal(null)
      const wire = { service: 'other', image: 'hello:1', labels: { 'com.openfaas.scale.zeros': 'true' } }
      const deployed = await api.request('POST', '/system/functions', wire)
      expect(deployed.headers.get('warning')).to.contain('did you mean com.openfaas.scale.zero?')
    })

    it('keeps the replicas and the time of the restart that a manifest does not name', async () => {
      await create()
      await api.request('POST', '/v1/functions/hello/scale', { replicas: 3 })
      const { restartedAt } = (await api.request('POST', '/v1/functions/hello/restart')).json.spec
      expect((await create()).json.spec).to.include({ replicas: 3, restartedAt })
    })

    it('takes back what it gave out', async () => {
      const { json } = await create({ env: { A: '1' }, probes: { ready: { path: '/ready' } } })
      const answer = await api.request('POST', '/v1/functions', json)
      expect(answer.status).to.equal(200)
      expect(answer.json.metadata.generation).to.equal(1)
    })

    const bad: [what: string, body: unknown, field: string, says: string][] = [
      ['an unknown field', aManifest({ privileged: true }), 'spec.privileged', 'is not a known field'],
      ['an unknown field at the top', { ...aManifest(), oops: 1 }, 'oops', 'is not a known field'],
      ['a missing image', aManifest({ image: undefined }), 'spec.image', 'is required: a string'],
      ['a missing name', { metadata: {}, spec: { image: 'a' } }, 'metadata.name', 'is required: a string'],
      ['missing metadata', { spec: { image: 'a' } }, 'metadata', 'is required: an object'],
      ['a bad name', aManifest({}, { name: 'Hello' }), 'metadata.name', 'must be a DNS label'],
      ['a bad namespace', aManifest({}, { namespace: 'a.b' }), 'metadata.namespace', 'must be a DNS label'],
      ['too many replicas', aManifest({ replicas: 11 }), 'spec.replicas', 'must be at most 10 (MAX_REPLICAS), got 11'],
      ['negative replicas', aManifest({ replicas: -1 }), 'spec.replicas', 'must be at least 0, got -1'],
      ['replicas as text', aManifest({ replicas: '2' }), 'spec.replicas', 'must be a number, got "2"'],
      [
        'too many labels',
        aManifest({}, { labels: Object.fromEntries(Array.from({ length: 65 }, (_, i) => [`k${i}`, 'v'])) }),
        'metadata.labels',
        'must have at most 64 entries, got an object of 65 entries'
      ],
      ['a bad quantity', aManifest({ limits: { memory: '5 apples' } }), 'spec.limits.memory', 'got "5 apples"'],
      ['another kind', { ...aManifest(), kind: 'Pod' }, 'kind', 'must be "Function", got "Pod"'],
      ['a bad resourceVersion', aManifest({}, { resourceVersion: 'x' }), 'metadata.resourceVersion', 'got "x"']
    ]
    for (const [what, body, field, says] of bad) {
      it(`S23: answers a problem that names the field for ${what}`, async () => {
        const answer = await api.request('POST', '/v1/functions', body)
        expect(answer.status).to.equal(400)
        expect(answer.headers.get('content-type')).to.contain('application/problem+json')
        expect(answer.json).to.include({ type: 'about:blank', status: 400, code: 'INVALID', instance: '/v1/functions' })
        expect(answer.json.errors.map((e: { field: string }) => e.field)).to.deep.equal([field])
        expect(answer.json.errors[0].message).to.contain(says)
        expect(api.enqueued).to.deep.equal([])
      })
    }

    it('names every wrong field', async () => {
      const answer = await create({ image: '', replicas: 0.5, limits: { cpu: 'x' } })
      expect(answer.json.errors.map((e: { field: string }) => e.field)).to.have.members([
        'spec.image',
        'spec.replicas',
        'spec.limits.cpu'
      ])
    })

    it('S28: repeats no secret, neither of the environment nor of a URL', async () => {
      const env = { A: 'canary\0' }
      const answer = await create({ env, image: 'https://user:canary@registry.example/x' })
      expect(answer.status).to.equal(400)
      expect(answer.text).not.to.contain('canary')
      expect(answer.text).to.contain('registry.example')
    })
  })

  describe('?dryRun=true', () => {
    it('answers object, outcome and plan, and writes nothing, for every write', async () => {
      const dry = await api.request('POST', '/v1/functions?dryRun=true', aManifest())
      expect(dry.status).to.equal(200)
      expect(dry.json).to.include({ outcome: 'created' })
      expect(dry.json.object.spec.replicas).to.equal(1)
      expect(dry.json.plan).to.deep.equal(['create hello-0: missing'])
      expect((await api.request('GET', '/v1/functions')).json.items).to.deep.equal([])

      await create()
      await create({ image: 'hello:2' })
      const before = (await api.request('GET', '/v1/functions/hello')).text
      const writes: [method: string, path: string, body: unknown, outcome: string][] = [
        ['POST', '', aManifest({ image: 'hello:2' }), 'unchanged'],
        ['PUT', '/hello', aManifest({ image: 'hello:3' }), 'changed'],
        ['PATCH', '/hello', { spec: { replicas: 2 } }, 'changed'],
        ['POST', '/hello/restart', undefined, 'changed'],
        ['POST', '/hello/scale', { replicas: 5 }, 'changed'],
        ['POST', '/hello/rollback', undefined, 'changed'],
        ['DELETE', '/hello', undefined, 'deleted']
      ]
      const enqueued = api.enqueued.length
      for (const [method, path, body, outcome] of writes) {
        const answer = await api.request(method, `/v1/functions${path}?dryRun=true`, body)
        expect(answer.status, path).to.equal(200)
        expect(answer.json.outcome).to.equal(outcome)
        expect(answer.json.plan).to.be.an('array')
      }
      expect((await api.request('GET', '/v1/functions/hello')).text).to.equal(before)
      expect((await api.request('GET', '/v1/functions/hello/events')).json.items).to.have.length(2)
      expect(api.enqueued).to.have.length(enqueued)
    })

    it('refuses what a write would refuse', async () => {
      expect((await api.request('POST', '/v1/functions?dryRun', aManifest({ image: '' }))).status).to.equal(400)
      expect((await api.request('DELETE', '/v1/functions/none?dryRun=true')).status).to.equal(404)
      expect((await api.request('POST', '/v1/functions?dryRun=maybe', aManifest())).status).to.equal(400)
      expect((await api.request('POST', '/v1/functions?dryRun=true&dryRun=false', aManifest())).status).to.equal(400)
    })
  })

  describe('GET /v1/functions', () => {
    beforeEach(async () => {
      await create({}, { name: 'a', labels: { tier: 'web' } })
      await create({}, { name: 'b', labels: { tier: 'api' }, namespace: 'team-a' })
      await create({}, { name: 'c' })
    })

    const table: [query: string, names: string[]][] = [
      ['', ['a', 'c', 'b']],
      ['?namespace=openfaas-fn', ['a', 'c']],
      ['?namespace=none', []],
      ['?labelSelector=tier', ['a', 'b']],
      ['?labelSelector=!tier', ['c']],
      ['?labelSelector=tier%3Dweb', ['a']],
      ['?labelSelector=tier%20in%20(web,api)&namespace=team-a', ['b']],
      ['?labelSelector=tier!%3Dweb', ['c', 'b']]
    ]
    for (const [query, names] of table) {
      it(`gives ${names.join(', ') || 'nothing'} for "${query}"`, async () => {
        const { json } = await api.request('GET', `/v1/functions${query}`)
        expect(json).to.include({ apiVersion: 'v1', kind: 'FunctionList' })
        expect(json.metadata.resourceVersion).to.equal(api.store.functions.resourceVersion())
        expect(json.items.map((f: { metadata: { name: string } }) => f.metadata.name).sort()).to.deep.equal(
          [...names].sort()
        )
      })
    }

    it('answers 400 for a selector or a parameter that is none', async () => {
      for (const query of [
        'labelSelector=a%20~%20b',
        'namespace=_A',
        'watch=perhaps',
        'resourceVersion=x',
        'namespace=a&namespace=b'
      ]) {
        expect((await api.request('GET', `/v1/functions?${query}`)).status, query).to.equal(400)
      }
    })
  })

  describe('the loop', () => {
    it('shows events of all functions, the plan and its state', async () => {
      await create()
      await create({}, { namespace: 'team-a' })
      expect((await api.request('GET', '/v1/events')).json.items).to.have.length(2)
      expect((await api.request('GET', '/v1/events?limit=1')).json.items).to.have.length(1)
      expect((await api.request('GET', '/v1/events?namespace=team-a')).json.items).to.have.length(1)
      expect((await api.request('GET', '/v1/events?limit=0')).status).to.equal(400)
      expect((await api.request('GET', '/v1/plan')).json.functions).to.have.length(1)
      expect((await api.request('GET', '/v1/reconcile')).json).to.deep.equal(HEALTHY)
    })

    it('is told to look at everything', async () => {
      expect((await api.request('POST', '/v1/reconcile')).status).to.equal(202)
      expect(api.resyncs()).to.equal(1)
    })
  })

  it('answers problems for routes and methods that are not there', async () => {
    const unknown = await api.request('GET', '/v1/nothing')
    expect(unknown.json).to.include({ status: 404, code: 'ROUTE_NOT_FOUND' })
    const method = await api.request('POST', '/v1/functions/hello')
    expect(method.json).to.include({ status: 405, code: 'METHOD_NOT_ALLOWED' })
    expect(method.headers.get('allow')).to.equal('DELETE, GET, HEAD, OPTIONS, PATCH, PUT')
    const anonymous = await fetch(`${api.url}/v1/functions`)
    expect(await anonymous.json()).to.include({ status: 401, code: 'UNAUTHORIZED' })
  })

  it('answers though the event is lost, because the write is not', async () => {
    api.store.events.record = () => Promise.reject(new Error('no room'))
    expect((await create()).status).to.equal(201)
    expect(api.logged).to.have.length(1)
    expect(api.logged[0]?.message).to.equal('Lost event')
  })

  it('keeps functions of the older program changeable, though such a name is not given anew', async () => {
    const spec = (await create()).json.spec
    const key = 'openfaas-fn/My_Func'
    const legacy = { namespace: 'openfaas-fn', name: 'My_Func', labels: {}, annotations: {}, spec }
    await api.store.functions.put(key, () => legacy)
    expect((await api.request('PATCH', '/v1/functions/My_Func', { spec: { image: 'x:2' } })).status).to.equal(200)
    expect((await api.request('PUT', '/system/functions', { service: 'My_Func', image: 'x:3' })).status).to.equal(202)
    expect((await create({ image: 'x:4' }, { name: 'My_Func' })).status).to.equal(200)
    expect((await create({ image: 'x:4' }, { name: 'My_Other' })).status).to.equal(400)
  })

  it('lets functions of the older program be managed whose names had dots, in and about a namespace', async () => {
    const spec = (await create()).json.spec
    for (const [namespace, name] of [
      ['openfaas-fn', 'ends.'],
      ['b.c', 'a']
    ] as const) {
      const draft = { namespace, name, labels: {}, annotations: {}, spec }
      await api.store.functions.put(`${namespace}/${name}`, () => draft)
      const path = `/v1/functions/${name}?namespace=${namespace}`
      const patch = { spec: { image: 'x:2' } }
      expect((await api.request('GET', path)).json.metadata).to.include({ namespace, name })
      expect((await api.request('PATCH', path, patch)).status).to.equal(200)
      const deployment = { service: name, namespace, image: 'x:3' }
      expect((await api.request('PUT', '/system/functions', deployment)).status).to.equal(202)
      const gone = { functionName: name, namespace }
      expect((await api.request('DELETE', '/system/functions', gone)).status).to.equal(202)
      expect((await api.request('GET', path)).json.metadata).to.have.property('deletionRequestedAt')
    }
    for (const metadata of [{ name: 'a.b' }, { name: 'a', namespace: 'b.c' }]) {
      expect((await create({}, metadata)).status).to.equal(400)
    }
    expect((await api.request('POST', '/v1/functions?namespace=b.c', aManifest())).status).to.equal(400)
    expect(
      (await api.request('POST', '/system/functions?namespace=b.c', { service: 'd', image: 'x' })).status
    ).to.equal(400)
  })
})
