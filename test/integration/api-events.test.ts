import { expect } from 'chai'
import type { EventDraft } from '../../src/store/store.ts'
import { type ApiServer, startApi } from '../helpers/api-server.ts'
import { createNamespaces } from '../helpers/namespaces.ts'
import { follow } from '../helpers/watch.ts'

describe('events of all functions', () => {
  let api: ApiServer
  beforeEach(async () => {
    api = await startApi()
  })
  afterEach(() => api[Symbol.asyncDispose]())

  const record = (name: string, rest: Partial<EventDraft> = {}) =>
    api.store.events.record({
      ...{ namespace: 'openfaas-fn', name, uid: name, type: 'Normal', reason: 'Created', message: 'made it' },
      ...rest
    })
  const names = async (query: string) =>
    (await api.request('GET', `/v1/events?${query}`)).json.items.map(({ name }: { name: string }) => name)
  const watch = (query = '', authorization?: string) => follow(api, `/v1/events?watch=true${query}`, authorization)

  it('lists them by namespace, function, reason, type, time and number', async () => {
    await record('a')
    await record('b', { type: 'Warning', reason: 'OOMKilled' })
    await record('a', { namespace: 'team-a', uid: 'other' })
    expect(await names('')).to.deep.equal(['a', 'b', 'a'])
    expect(await names('limit=1')).to.deep.equal(['a'])
    expect(await names('namespace=openfaas-fn')).to.deep.equal(['b', 'a'])
    expect(await names('function=a')).to.deep.equal(['a', 'a'])
    expect(await names('type=Warning')).to.deep.equal(['b'])
    expect(await names('reason=OOMKilled')).to.deep.equal(['b'])
    expect(await names(`since=${new Date(Date.now() + 60_000).toISOString()}`)).to.deep.equal([])
    expect(await names(`since=${encodeURIComponent('2026-01-01T00:00:00+02:00')}`)).to.have.length(3)
  })

  it('says which parameter is wrong', async () => {
    for (const query of ['type=bad', 'reason=Bad', 'since=5m', 'function=..', 'limit=0', 'resourceVersion=-1']) {
      const { status, json } = await api.request('GET', `/v1/events?${query}`)
      expect(status, query).to.equal(400)
      expect(json.errors[0].field).to.equal(query.split('=')[0])
    }
  })

  it('goes on from a list, and tells what happened again with its count', async () => {
    await record('a')
    const { metadata } = (await api.request('GET', '/v1/events')).json
    await record('b')
    await record('a')
    const { take, next, response } = await watch(`&resourceVersion=${metadata.resourceVersion}`)
    expect(response.headers.get('content-type')).to.equal('application/x-ndjson')
    expect(await take(2)).to.deep.equal(['ADDED b', 'MODIFIED a'])
    await record('b')
    const told = await next()
    expect(told?.type).to.equal('MODIFIED')
    expect(told?.object).to.include({ name: 'b', count: 2, resourceVersion: 4 })
  })

  it('begins with what is there, the oldest first, and no more than the limit', async () => {
    for (const name of ['a', 'b', 'c']) await record(name)
    const { take } = await watch('&limit=2')
    expect(await take(2)).to.deep.equal(['ADDED b', 'ADDED c'])
    await record('d')
    expect(await take(1)).to.deep.equal(['ADDED d'])
  })

  it('tells only what is asked for', async () => {
    const { take } = await watch('&function=b&type=Warning')
    await record('a', { type: 'Warning' })
    await record('b')
    await record('b', { type: 'Warning' })
    expect(await take(1)).to.deep.equal(['ADDED b'])
    await record('a')
    await record('b', { type: 'Warning', message: 'other' })
    expect(await take(1)).to.deep.equal(['ADDED b'])
  })

  it('misses nothing and repeats nothing while events are recorded, more than are read at once', async () => {
    const all = Array.from({ length: 250 }, (_, i) => `f-${i}`)
    const first = all.slice(0, 120)
    await Promise.all(first.map(name => record(name)))
    const rest = Promise.all(all.slice(120).map(name => record(name)))
    const watches = await Promise.all([
      ...[watch('&limit=1000'), watch('&limit=1000'), watch('&limit=1000')],
      ...[watch('&resourceVersion=0'), watch('&resourceVersion=0')]
    ])
    await rest
    for (const { take } of watches) {
      expect((await take(all.length)).sort()).to.deep.equal(all.map(name => `ADDED ${name}`).sort())
    }
    await record('last')
    for (const { take } of watches) expect(await take(1)).to.deep.equal(['ADDED last'])
  })

  it('tells an event once that is recorded while the list is read', async () => {
    const list = api.store.events.list.bind(api.store.events)
    api.store.events.list = async options => {
      await record('a')
      return await list(options)
    }
    const { take } = await watch()
    expect(await take(1)).to.deep.equal(['ADDED a'])
    await record('b')
    expect(await take(1)).to.deep.equal(['ADDED b'])
  })

  it('tells credentials that are bound to a namespace of that one only, until they are revoked', async () => {
    await createNamespaces(api.store, ['team-a'])
    const { json } = await api.request('POST', '/v1/tokens', { name: 't', scopes: ['read'], namespaces: ['team-a'] })
    const bearer = `Bearer ${json.token}`
    const { take } = await watch('', bearer)
    await record('a')
    await record('b', { namespace: 'team-a' })
    expect(await take(1)).to.deep.equal(['ADDED b'])
    expect((await watch('&namespace=openfaas-fn', bearer)).response.status).to.equal(403)
    await api.request('DELETE', '/v1/tokens/t')
    expect(await take(1).catch(err => String(err))).to.match(/end|terminated/)
  })

  it('answers 410 for a resourceVersion that it never gave', async () => {
    const ahead = await api.request('GET', '/v1/events?watch=true&resourceVersion=999')
    expect([ahead.status, ahead.json.code]).to.deep.equal([410, 'GONE'])
  })

  it('ends cleanly when the gateway stops, and lets go of a client that left', async () => {
    const { take } = await watch()
    const { leave } = await watch()
    leave()
    await record('a')
    expect(await take(1)).to.deep.equal(['ADDED a'])
    api.shutDown()
    expect(await take(1)).to.deep.equal(['end'])
    expect(api.logged).to.deep.equal([])
  })
})
