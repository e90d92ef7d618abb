import { expect } from 'chai'
import { Places } from '../../src/places.ts'
import { type ApiServer, startApi } from '../helpers/api-server.ts'
import { eventually } from '../helpers/eventually.ts'
import { follow } from '../helpers/watch.ts'

const watch = (api: ApiServer, query = '') => follow(api, `/v1/functions?watch=true${query}`)

describe('watching functions', () => {
  let api: ApiServer
  beforeEach(async () => {
    api = await startApi()
  })
  afterEach(() => api[Symbol.asyncDispose]())

  const put = (name: string, image = 'a:1', labels: Record<string, string> = {}) =>
    api.request('POST', '/v1/functions', { metadata: { name, labels }, spec: { image } })

  it('gives what is there as ADDED, then each change', async () => {
    await put('a')
    await put('b')
    const { response, take, next } = await watch(api)
    expect(response.headers.get('content-type')).to.equal('application/x-ndjson')
    expect(await take(2)).to.deep.equal(['ADDED a', 'ADDED b'])
    await put('c')
    await put('a', 'a:2')
    await api.request('DELETE', '/v1/functions/b')
    expect(await take(3)).to.deep.equal(['ADDED c', 'MODIFIED a', 'MODIFIED b'])
    const { uid } = (await api.request('GET', '/v1/functions/b')).json.metadata
    await api.store.functions.remove('openfaas-fn/b', uid)
    const last = await next()
    expect(last?.type).to.equal('DELETED')
    expect(last?.object).to.include({ apiVersion: 'v1', kind: 'Function' })
  })

  it('goes on from a resourceVersion without a gap', async () => {
    await put('a')
    const { resourceVersion } = (await api.request('GET', '/v1/functions')).json.metadata
    await put('b')
    await put('a', 'a:2')
    const { take } = await watch(api, `&resourceVersion=${resourceVersion}`)
    expect(await take(2)).to.deep.equal(['ADDED b', 'MODIFIED a'])
  })

  it('S40: no token keeps all others from watching: it has half of the places, and who leaves gives one back', async () => {
    const watchers = new Places({ max: 3, onTaken: () => undefined, onRefused: () => undefined })
    await using bounded = await startApi({ watchers })
    const { token } = (await bounded.request('POST', '/v1/tokens', { name: 't', scopes: ['read'] })).json
    const of = async (kind: string, by?: string) => {
      const watch = await follow(bounded, `/v1/${kind}?watch=true`, by)
      const { status, headers } = watch.response
      return { status, retry: headers.get('retry-after'), ...watch }
    }
    const bearer = `Bearer ${token}`
    const [first, second] = [await of('events', bearer), await of('functions', bearer)]
    expect([first.status, second.status]).to.deep.equal([200, 200])
    const third = await of('events', bearer)
    expect([third.status, third.retry]).to.deep.equal([503, '5'])
    const others = [await of('events'), await of('functions')]
    expect(others.map(({ status }) => status)).to.deep.equal([200, 503])
    const refusals = bounded.logged.filter(({ message }) => /request/.test(message))
    expect(refusals.map(({ level, fields }) => [level, fields['code'], fields['err']])).to.deep.equal(
      Array(2).fill(['warn', 'TOO_MANY_WATCHERS', undefined])
    )
    first.leave()
    await eventually(async () => expect((await of('functions', bearer)).status).to.equal(200))
    for (const { leave } of [second, ...others]) leave()
  })

  it('sends its headers before there is any change', async () => {
    const { response } = await watch(api)
    expect(response.status).to.equal(200)
  })

  it('misses nothing and repeats nothing while functions are written at the same time', async () => {
    const names = Array.from({ length: 40 }, (_, i) => `f-${i}`)
    const writes = Promise.all(names.map(name => put(name)))
    const watches = await Promise.all(Array.from({ length: 5 }, () => watch(api)))
    await writes
    for (const { take } of watches) {
      expect((await take(names.length)).sort()).to.deep.equal(names.map(name => `ADDED ${name}`).sort())
    }
    await put('last')
    for (const { take } of watches) expect(await take(1)).to.deep.equal(['ADDED last'])
  })

  it('tells a change once that is both in the list and in the history', async () => {
    const list = api.store.functions.list.bind(api.store.functions)
    api.store.functions.list = async options => {
      await put('a')
      return await list(options)
    }
    const { take } = await watch(api)
    expect(await take(1)).to.deep.equal(['ADDED a'])
    await put('b')
    expect(await take(1)).to.deep.equal(['ADDED b'])
  })

  it('tells a label selector what comes into view and what leaves it', async () => {
    await put('a', 'a:1', { tier: 'web' })
    await put('b')
    const { take } = await watch(api, '&labelSelector=tier%3Dweb')
    expect(await take(1)).to.deep.equal(['ADDED a'])
    await put('b', 'a:1', { tier: 'web' })
    await put('b', 'a:2', { tier: 'web' })
    await put('a', 'a:1', { tier: 'api' })
    await put('a', 'a:2', { tier: 'api' })
    await put('c', 'a:1', { tier: 'web' })
    expect(await take(4)).to.deep.equal(['ADDED b', 'MODIFIED b', 'DELETED a', 'ADDED c'])
  })

  it('tells who goes on with a selector that an object is out of view', async () => {
    await put('a', 'a:1', { tier: 'web' })
    const since = api.store.functions.resourceVersion()
    await put('a', 'a:1', { tier: 'api' })
    await put('c', 'a:1', { tier: 'web' })
    const { take } = await watch(api, `&labelSelector=tier%3Dweb&resourceVersion=${since}`)
    expect(await take(2)).to.deep.equal(['DELETED a', 'ADDED c'])
  })

  it('keeps to a namespace', async () => {
    const { take } = await watch(api, '&namespace=openfaas-fn')
    await api.request('POST', '/v1/functions?namespace=team-a', { metadata: { name: 'x' }, spec: { image: 'a' } })
    await put('a')
    expect(await take(1)).to.deep.equal(['ADDED a'])
  })

  it('answers 410 when the history is gone or was never there', async () => {
    const ahead = await api.request('GET', '/v1/functions?watch=true&resourceVersion=999999')
    expect(ahead.status).to.equal(410)
    expect(ahead.json.code).to.equal('GONE')
    await put('a')
    const old = api.store.functions.resourceVersion()
    for (let i = 0; i <= 1001; i++)
      await api.store.functions.put('openfaas-fn/a', current => {
        if (current === undefined) throw new Error('a is gone')
        const { metadata, spec } = current
        return { ...metadata, spec: { ...spec, replicas: i % 2 } }
      })
    const tooOld = await api.request('GET', `/v1/functions?watch=true&resourceVersion=${old - 1}`)
    expect(tooOld.status).to.equal(410)
    expect(tooOld.headers.get('content-type')).to.contain('problem+json')
  }).timeout(60_000)

  it('ends cleanly when the gateway stops', async () => {
    const { take } = await watch(api)
    await put('a')
    expect(await take(1)).to.deep.equal(['ADDED a'])
    api.shutDown()
    expect(await take(1)).to.deep.equal(['end'])
  })

  it('X6: lets go of a watch whose client left, and logs nothing of it', async () => {
    const follow = api.store.functions.watch.bind(api.store.functions)
    let followed: AbortSignal | undefined
    api.store.functions.watch = (resourceVersion, signal) => {
      followed = signal
      return follow(resourceVersion, signal)
    }
    const { leave, take } = await watch(api)
    await put('a')
    expect(await take(1)).to.deep.equal(['ADDED a'])
    leave()
    await eventually(() =>
      expect(api.observed.map(({ method, path }) => `${method} ${path}`)).to.include('GET /v1/functions')
    )
    expect(followed?.aborted).to.equal(true)
    await put('b')
    expect(api.logged).to.deep.equal([])
  })

  it('answers HEAD at once', async () => {
    expect((await api.request('HEAD', '/v1/functions?watch=true')).status).to.equal(200)
  })
})
