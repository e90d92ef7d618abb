import { expect } from 'chai'
import { type ApiServer, startApi } from '../helpers/api-server.ts'
import { POLICY } from '../helpers/builders.ts'

const PROFILES = '/v1/profiles'
const RULES = { ...POLICY.isolation, runtimes: ['runsc', 'kata'], levels: { payments: 'restricted' as const } }
const NAMED = 'com.openfaas.profile'

describe('/v1/profiles', () => {
  let api: ApiServer

  before(async () => {
    api = await startApi({ rules: RULES })
    const made = await api.request('POST', '/system/namespace/', { name: 'payments', annotations: { openfaas: '1' } })
    expect(made.status).to.be.oneOf([200, 201, 202])
  })
  after(() => api[Symbol.asyncDispose]())

  const apply = (name: string, spec: object, headers: Record<string, string> = {}) =>
    api.request('POST', PROFILES, { metadata: { name }, spec }, headers)
  const deploy = (name: string, annotations: Record<string, string>, namespace = 'openfaas-fn') =>
    api.request('POST', '/system/functions', { service: name, image: 'hello:1', namespace, annotations })

  it('makes, shows, lists, changes and deletes profiles, with their version as ETag', async () => {
    const made = await apply('first', { user: '1000:1000', tmpfs: [{ path: '/cache', size: '64Mi' }] })
    expect(made.status).to.equal(201)
    expect(made.json).to.deep.include({ apiVersion: 'v1', kind: 'Profile' })
    expect(made.json.metadata).to.deep.include({ name: 'first', labels: {}, annotations: {} })
    const etag = made.headers.get('etag') ?? ''
    expect(etag).to.equal(`"${made.json.metadata.resourceVersion}"`)
    const again = await apply('first', made.json.spec)
    expect([again.status, again.headers.get('etag')]).to.deep.equal([200, etag])
    const shown = await api.request('GET', `${PROFILES}/first`)
    expect(shown.json).to.deep.equal(made.json)
    expect((await api.request('GET', `${PROFILES}/first`, undefined, { 'If-None-Match': etag })).status).to.equal(304)
    const spec = { dns: { nameservers: ['10.0.0.53'], options: ['ndots:2'] } }
    const changed = await api.request(
      'PUT',
      `${PROFILES}/first`,
      { metadata: { labels: { a: 'b' } }, spec },
      { 'If-Match': etag }
    )
    expect(changed.status).to.equal(200)
    expect(changed.json.spec).to.deep.equal({ dns: { nameservers: ['10.0.0.53'], searches: [], options: ['ndots:2'] } })
    expect(changed.json.metadata).to.deep.include({ labels: { a: 'b' }, uid: made.json.metadata.uid })
    const stale = { 'If-Match': etag }
    const refused = [
      await api.request('PUT', `${PROFILES}/first`, { spec }, stale),
      await apply('first', {}, stale),
      await api.request('DELETE', `${PROFILES}/first`, undefined, stale)
    ]
    expect(refused.map(({ status }) => status)).to.deep.equal([409, 409, 409])
    const { items } = (await api.request('GET', PROFILES)).json
    expect(items).to.deep.equal([changed.json])
    expect((await api.request('DELETE', `${PROFILES}/first`)).status).to.equal(204)
    const gone = ['GET', 'DELETE'].map(method => api.request(method, `${PROFILES}/first`))
    const put = api.request('PUT', `${PROFILES}/first`, { spec: {} })
    expect((await Promise.all([...gone, put])).map(({ status }) => status)).to.deep.equal([404, 404, 404])
  })

  it('refuses what a profile may not grant, naming each field', async () => {
    const bad: [field: string, spec: object][] = [
      ['spec.runtime', { runtime: 'nvidia' }],
      ['spec.runtime', { runtime: '../runc' }],
      ['spec.user', { user: 'root; id' }],
      ['spec.user', { user: '-1' }],
      ['spec.user', { user: '' }],
      ['spec.privileged', { privileged: true }],
      ['spec.tmpfs.0.size', { tmpfs: [{ path: '/cache', size: '8Gi' }] }],
      ['spec.tmpfs.0.size', { tmpfs: [{ path: '/cache', size: '1' }] }],
      ['spec.tmpfs', { tmpfs: Array.from({ length: 9 }, (_, n) => ({ path: `/c${n}`, size: '1Mi' })) }],
      ['spec.tmpfs', { tmpfs: [1, 2].map(() => ({ path: '/cache', size: '1Mi' })) }],
      ['spec.dns.nameservers.0', { dns: { nameservers: ['dns.example'] } }],
      ['spec.dns.nameservers', { dns: { nameservers: ['10.0.0.1', '10.0.0.2', '10.0.0.3', '10.0.0.4'] } }],
      ['spec.dns.options.0', { dns: { options: ['ndots 2'] } }],
      ['spec.dns.searches.0', { dns: { searches: ['a b'] } }]
    ]
    const here = [
      '127.0.0.1',
      '127.0.0.11',
      '::1',
      '::ffff:127.0.0.1',
      '0.0.0.0',

      '224.0.0.1',
      '2130706433'
    ]
    for (const address of here) bad.push(['spec.dns.nameservers.0', { dns: { nameservers: [address] } }])
    const paths = [
      '/',
      'cache',
      '/a/../proc',
      '/a//b',
      '/a/',
      '/proc',
      '/proc/sys',
      '/sys',
      '/etc',
      '/dev',
      '/dev/mapper',
      '/a:b',
      '/a,b'
    ]
    const secrets = ['/var', '/var/openfaas', '/var/openfaas/secrets', '/var/openfaas/secrets/a', `/${'x'.repeat(256)}`]
    for (const path of [...paths, ...secrets]) bad.push(['spec.tmpfs.0.path', { tmpfs: [{ path, size: '1Mi' }] }])
    for (const [field, spec] of bad) {
      const { status, text } = await apply('bad', spec)
      expect([status, text], JSON.stringify(spec)).to.satisfy(() => status === 400 && text.includes(`"${field}"`))
    }
    expect((await apply('bad', {}, {})).status).to.equal(201)
    await api.request('DELETE', `${PROFILES}/bad`)
    for (const name of ['No_Label', '', 'x'.repeat(64)]) expect((await apply(name, {})).status).to.equal(400)
  })

  it('lets functions name profiles that are there and are for them, and no others', async () => {
    await apply('sandboxed', { runtime: 'runsc' })
    await apply('rooted', { user: '0:1000' })
    await apply('named', { user: 'app' })
    await apply('plain', { user: '1000' })
    const told = async (annotations: Record<string, string>, namespace?: string) => {
      const { status, text } = await deploy('f', annotations, namespace)
      return status === 400 ? text : status
    }
    expect(await told({ [NAMED]: 'sandboxed, plain' })).to.equal(202)
    expect(await told({ [NAMED]: 'sandboxed,absent' })).to.contain(
      'names profile absent, which is not there: make it by POST'
    )
    expect(await told({ [NAMED]: 'not a name' })).to.contain('must be names of profiles')
    expect(await told({ [NAMED]: 'sandboxed', 'com.docker-faas.runtime': 'kata' })).to.contain('leave one of them out')
    expect(await told({ [NAMED]: 'rooted' }, 'payments')).to.contain('the profile runs as root')
    expect(await told({ [NAMED]: 'named' }, 'payments')).to.contain('which may be root')
    expect(await told({ [NAMED]: 'rooted,plain' }, 'payments')).to.equal(202)
    const v1 = await api.request('POST', '/v1/functions', {
      metadata: { name: 'g', annotations: { [NAMED]: 'absent' } },
      spec: { image: 'hello:1' }
    })
    expect([v1.status, v1.json.errors?.[0]?.field]).to.deep.equal([400, 'metadata.annotations'])
  })

  it('keeps a profile that functions name, and names them', async () => {
    await apply('used', {})
    await deploy('user-b', { [NAMED]: 'used' })
    await deploy('user-a', { [NAMED]: 'plain,used' })
    const { status, json } = await api.request('DELETE', `${PROFILES}/used`)
    expect([status, json.code]).to.deep.equal([409, 'PROFILE_IN_USE'])
    expect(json.detail ?? json.message).to.contain('openfaas-fn/user-a, openfaas-fn/user-b')
    await api.request('DELETE', '/v1/functions/user-b')
    await api.request('PUT', '/system/functions', { service: 'user-a', image: 'hello:1' })
    expect((await api.request('DELETE', `${PROFILES}/used`)).status).to.equal(204)
  })

  it('S39: leaves one row in the audit log for each change', async () => {
    await apply('audited', { user: '1000' })
    await apply('audited', { user: '1001' })
    await api.request('DELETE', `${PROFILES}/audited`)
    const { items } = (await api.request('GET', '/v1/audit?limit=50')).json
    const rows = items.filter(
      ({ kind, name }: { kind: string; name: string }) => kind === 'profile' && name === 'audited'
    )
    expect(rows.map(({ outcome }: { outcome: string }) => outcome).sort()).to.deep.equal([
      'changed',
      'created',
      'deleted'
    ])
  })
})
