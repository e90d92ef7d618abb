import { randomBytes } from 'node:crypto'
import { expect } from 'chai'
import type { Scope } from '../../api/scope.ts'
import { MAX_SECRET_BYTES } from '../../api/secret.ts'
import { aDraft } from '../fixtures/db/files.ts'
import { type ApiServer, startApi } from '../helpers/api-server.ts'
import { createNamespaces } from '../helpers/namespaces.ts'

const KEY = 'openfaas-fn/db-password'

describe('secrets over the API', () => {
  let api: ApiServer
  beforeEach(async () => {
    api = await startApi()
    await createNamespaces(api.store, ['team-a', 'team-b'])
  })
  afterEach(() => api[Symbol.asyncDispose]())

  async function stored(key = KEY): Promise<string | undefined> {
    const object = await api.store.secrets.get(key)
    return object && (await api.store.secrets.reveal(object))?.toString()
  }
  const post = (body: object) => api.request('POST', '/system/secrets', body)
  const useIt = (name: string, secrets: string[]) =>
    api.store.functions.put(`openfaas-fn/${name}`, () => aDraft(name, { secrets }))

  describe('/system/secrets', () => {
    it('creates, lists, updates and deletes as faas-cli asks for it', async () => {
      const created = await post({ name: 'db-password', namespace: '', value: 'one' })
      expect([created.status, created.text]).to.deep.equal([201, ''])
      expect(await stored()).to.equal('one')
      expect((await post({ name: 'db-password', value: 'two' })).status).to.equal(409)
      expect(await stored(), 'after 409').to.equal('one')
      const updated = await api.request('PUT', '/system/secrets', { name: 'db-password', value: 'two' })
      expect([updated.status, updated.text]).to.deep.equal([200, ''])
      expect(await stored()).to.equal('two')
      const listed = await api.request('GET', '/system/secrets')
      expect([listed.status, listed.json]).to.deep.equal([200, [{ name: 'db-password', namespace: 'openfaas-fn' }]])
      const described = await api.request('GET', '/system/secrets/db-password')
      expect(described.json).to.deep.equal({ name: 'db-password', namespace: 'openfaas-fn' })
      const removed = await api.request('DELETE', '/system/secrets', { name: 'db-password', namespace: 'openfaas-fn' })
      expect([removed.status, removed.text]).to.deep.equal([200, ''])
      expect(await stored()).to.equal(undefined)
    })

    it('answers 404 of what is not there, and empty lists', async () => {
      expect((await api.request('PUT', '/system/secrets', { name: 'none', value: 'x' })).status).to.equal(404)
      expect((await api.request('DELETE', '/system/secrets', { name: 'none' })).status).to.equal(404)
      expect((await api.request('GET', '/system/secrets/none')).status).to.equal(404)
      expect((await api.request('GET', '/system/secrets?namespace=team-a')).json).to.deep.equal([])
    })

    it('takes the name of what to delete from the query, as the older program did', async () => {
      await post({ name: 'db-password', value: 'one' })
      expect((await api.request('DELETE', '/system/secrets?name=db-password')).status).to.equal(200)
      expect(await api.store.secrets.list()).to.deep.equal([])
      expect((await api.request('DELETE', '/system/secrets')).status).to.equal(400)
    })

    it('keeps namespaces apart, named in the body or in the query', async () => {
      await post({ name: 'db-password', value: 'of all' })
      await post({ name: 'db-password', namespace: 'team-a', value: 'of team-a' })
      const inQuery = await api.request('PUT', '/system/secrets?namespace=team-a', {
        name: 'db-password',
        value: 'new'
      })
      expect(inQuery.status).to.equal(200)
      expect([await stored(), await stored('team-a/db-password')]).to.deep.equal(['of all', 'new'])
      expect((await api.request('GET', '/system/secrets?namespace=team-a')).json).to.deep.equal([
        { name: 'db-password', namespace: 'team-a' }
      ])
    })

    it('takes rawValue before value, as base64', async () => {
      const bytes = randomBytes(300)
      await post({ name: 'db-password', value: bytes.toString(), rawValue: bytes.toString('base64') })
      const [object] = await api.store.secrets.list()
      if (object === undefined) throw new Error('it was written')
      expect((await api.store.secrets.reveal(object))?.equals(bytes)).to.equal(true)
      const wrong = await post({ name: 'other', rawValue: 'not*base64' })
      expect(wrong.status).to.equal(400)
      expect(wrong.text).to.contain('base64')
    })

    it('deletes what functions use, which is told there and not refused', async () => {
      await post({ name: 'db-password', value: 'one' })
      await useIt('hello', ['db-password'])
      expect((await api.request('DELETE', '/system/secrets', { name: 'db-password' })).status).to.equal(200)
    })
  })

  describe('/v1/secrets', () => {
    const put = (name: string, body: object, headers?: Record<string, string>) =>
      api.request('PUT', `/v1/secrets/${name}`, body, headers)

    it('writes a secret whether or not it is there, and says who uses it', async () => {
      await useIt('hello', ['db-password'])
      await useIt('world', ['other', 'db-password'])
      await useIt('bye', ['other'])
      const created = await put('db-password', { value: 'one' })
      expect(created.status).to.equal(201)
      expect(created.json).to.deep.include({ kind: 'Secret', version: 1, sizeBytes: 3, usedBy: ['hello', 'world'] })
      const etag = created.headers.get('etag') ?? ''
      expect(etag).to.match(/^"\d+"$/)
      expect((await put('db-password', { value: 'one' })).headers.get('etag'), 'the same value').to.equal(etag)
      const changed = await put('db-password', { value: 'two' }, { 'if-match': etag })
      expect([changed.status, changed.json.version]).to.deep.equal([200, 2])
      expect((await put('db-password', { value: 'three' }, { 'if-match': etag })).status).to.equal(409)
      expect(await stored()).to.equal('two')
      const shown = await api.request('GET', '/v1/secrets/db-password')
      expect(shown.json).to.deep.equal(changed.json)
      expect((await api.request('GET', '/v1/secrets')).json.items).to.deep.equal([shown.json])
    })

    it('refuses to delete what functions use, with their names, unless it is forced to', async () => {
      await useIt('hello', ['db-password'])
      await put('db-password', { value: 'one' })
      const refused = await api.request('DELETE', '/v1/secrets/db-password')
      expect([refused.status, refused.json.code]).to.deep.equal([409, 'SECRET_IN_USE'])
      expect(refused.json.detail).to.contain('hello').and.to.contain('?force=true')
      expect(await stored()).to.equal('one')
      expect((await api.request('DELETE', '/v1/secrets/db-password?force=true')).status).to.equal(204)
      expect(await stored()).to.equal(undefined)
      expect((await api.request('DELETE', '/v1/secrets/db-password')).status).to.equal(404)
    })

    it('does not count who is being deleted, and compares when it is asked to', async () => {
      await useIt('hello', ['db-password'])
      await api.store.functions.markDeleted('openfaas-fn/hello')
      const { headers } = await put('db-password', { value: 'one' })
      const stale = await api.request('DELETE', '/v1/secrets/db-password', undefined, { 'if-match': '"1"' })
      expect(stale.status).to.equal(409)
      const match = { 'if-match': headers.get('etag') ?? '' }
      expect((await api.request('DELETE', '/v1/secrets/db-password', undefined, match)).status).to.equal(204)
    })
  })

  it('S27: gives no value back, wherever one asks', async () => {
    const canary = `canary-${randomBytes(12).toString('hex')}`
    await post({ name: 'db-password', value: canary })
    await useIt('hello', ['db-password'])
    const paths = ['/system/secrets', '/system/secrets/db-password', '/v1/secrets', '/v1/secrets/db-password']
    const answers = [
      ...(await Promise.all(
        [...paths, '/v1/secret-keys', '/v1/events', '/v1/functions/hello', '/system/functions', '/openapi.json'].map(
          path => api.request('GET', path)
        )
      )),
      await api.request('PUT', '/v1/secrets/db-password', { value: canary }),
      await api.request('PUT', '/system/secrets', { name: 'db-password', value: `${canary}-2` })
    ]
    expect(answers.every(({ status }) => status === 200)).to.equal(true)
    expect(JSON.stringify(answers.map(({ text, headers }) => [text, [...headers]]))).to.not.contain(canary)
  })

  it('S28: repeats no value in an error, and logs none', async () => {
    const canary = `canary-${randomBytes(12).toString('hex')}`
    const bad: [string, string, unknown][] = [
      ['POST', '/system/secrets', { name: '../etc/passwd', value: canary }],
      ['POST', '/system/secrets', { name: 'x', value: { canary } }],
      ['POST', '/system/secrets', { name: 'x', rawValue: `*${canary}` }],
      ['POST', '/system/secrets', { value: canary }],
      ['POST', '/system/secrets', `{"name":"x","value":"${canary}`],
      ['PUT', '/system/secrets', { name: 'none', value: canary }],
      ['PUT', '/v1/secrets/x', { value: canary, other: canary }],
      ['PUT', '/v1/secrets/x', { rawValue: canary }],
      ['PUT', '/v1/secrets/x', { value: canary.repeat(MAX_SECRET_BYTES / 16) }]
    ]
    for (const [method, path, body] of bad) {
      const { status, text } = await api.request(method, path, body)
      expect(status, text).to.be.oneOf([400, 404, 413])
      expect(text).to.not.contain(canary)
    }
    api.store.secrets.put = () => Promise.reject(new Error(`a bug that tells ${canary}`))
    const failed = await api.request('PUT', '/v1/secrets/x', { value: canary })
    expect([failed.status, failed.text.includes(canary)]).to.deep.equal([500, false])
    expect(await api.store.secrets.list()).to.deep.equal([])
  })

  describe('with credentials for one namespace', () => {
    let headers: { authorization: string }
    async function bearerOf(scope: Scope, namespaces: readonly string[] | undefined): Promise<typeof headers> {
      const made = await api.request('POST', '/v1/tokens', { name: `for-${scope}`, scopes: [scope], namespaces })
      expect(made.status, made.text).to.equal(201)
      return { authorization: `Bearer ${made.json.token}` }
    }
    beforeEach(async () => {
      await api.store.secrets.put(KEY, Buffer.from('of all'))
      await api.store.secrets.put('team-a/own', Buffer.from('of team-a'))
      headers = await bearerOf('secrets', ['team-a'])
    })

    it('S22: shows, changes and deletes nothing of another, and does not tell what is there', async () => {
      const at = (name: string) =>
        [
          ['GET', `/system/secrets/${name}`],
          ['PUT', '/system/secrets', { name, value: 'x' }],
          ['DELETE', '/system/secrets', { name }],
          ['GET', `/v1/secrets/${name}`],
          ['DELETE', `/v1/secrets/${name}?force=true`],
          ['POST', '/system/secrets', { name, value: 'x' }],
          ['PUT', `/v1/secrets/${name}`, { value: 'x' }],
          ['GET', '/system/secrets?namespace=openfaas-fn'],
          ['GET', '/v1/secrets?namespace=openfaas-fn'],
          ['GET', '/v1/secret-keys'],
          ['POST', '/v1/secret-keys/rotate']
        ] as const
      const ask = async (name: string) => {
        const answers = []
        for (const [method, path, body] of at(name)) {
          const { status, text } = await api.request(method, path, body, headers)
          answers.push(
            `${method} ${path} ${status} ${text}`.replaceAll(name, 'NAME').replaceAll(/"requestId":"[^"]*"/g, '')
          )
        }
        return answers
      }
      const there = await ask('db-password')
      expect(there).to.deep.equal(await ask('not-there'))
      expect(there.map(line => line.split(' ')[2])).to.deep.equal([
        ...['404', '404', '404', '404', '404'],
        ...['403', '403', '403', '403', '403', '403']
      ])
      const [object] = await api.store.secrets.list({ namespaces: new Set(['openfaas-fn']) })
      expect(object).to.include({ name: 'db-password', version: 1 })
    })

    it('S22: lists its own alone', async () => {
      const { json } = await api.request('GET', '/v1/secrets', undefined, headers)
      expect(json.items.map((item: { metadata: { name: string } }) => item.metadata.name)).to.deep.equal(['own'])
      const own = await api.request('GET', '/system/secrets?namespace=team-a', undefined, headers)
      expect(own.json).to.deep.equal([{ name: 'own', namespace: 'team-a' }])
      const changed = await api.request('PUT', '/v1/secrets/own?namespace=team-a', { value: 'new' }, headers)
      expect([changed.status, changed.json.version]).to.deep.equal([200, 2])
    })

    it('S21: needs the scope secrets', async () => {
      for (const scope of ['read', 'deploy', 'invoke'] as const) {
        const other = await bearerOf(scope, undefined)
        const paths = ['/v1/secrets', '/v1/secrets/x', '/system/secrets', '/system/secrets/x', '/v1/secret-keys']
        for (const path of paths) {
          expect((await api.request('GET', path, undefined, other)).status, `${scope} ${path}`).to.equal(403)
        }
      }
    })
  })

  it('takes 256 KiB after decoding, however they are sent, and not a byte more', async () => {
    const bytes = randomBytes(MAX_SECRET_BYTES)
    const asCliSendsIt = { name: 'large', value: bytes.toString(), rawValue: bytes.toString('base64') }
    expect((await post(asCliSendsIt)).status).to.equal(201)
    const escaped = `{"value":"${'\\u0001'.repeat(MAX_SECRET_BYTES)}"}`
    expect((await api.request('PUT', '/v1/secrets/escaped', escaped)).status).to.equal(201)
    const over = await api.request('PUT', '/v1/secrets/over', { value: 'x'.repeat(MAX_SECRET_BYTES + 1) })
    expect([over.status, over.json.errors?.[0]?.field]).to.deep.equal([400, 'value'])
    const rawOver = Buffer.alloc(MAX_SECRET_BYTES + 1).toString('base64')
    expect((await post({ name: 'over', rawValue: rawOver })).status).to.equal(400)
    const multibyte = await api.request('PUT', '/v1/secrets/over', { value: 'ä'.repeat(MAX_SECRET_BYTES / 2 + 1) })
    expect(multibyte.status).to.equal(400)
    expect((await api.store.secrets.list()).map(({ name }) => name)).to.deep.equal(['escaped', 'large'])
  })

  it('S7: takes only names that are one file in one directory', async () => {
    const bad = [
      '..',
      '.',
      '../x',
      'a/b',
      '/etc/passwd',
      '.hidden',
      'a\0b',
      'a b',
      'a\\b',
      '',
      '-a',
      'a-',
      'x'.repeat(254)
    ]
    for (const name of [...bad, 7, null]) {
      expect((await post({ name, value: 'x' })).status, JSON.stringify(name)).to.equal(400)
      const path = encodeURIComponent(String(name))
      const put = await api.request('PUT', `/v1/secrets/${path}`, { value: 'x' })
      if (typeof name === 'string') expect(put.status, `PUT ${JSON.stringify(name)}`).to.be.oneOf([400, 404, 405])
    }
    await api.store.secrets.delete('openfaas-fn/7')
    await api.store.secrets.delete('openfaas-fn/null')
    expect(await api.store.secrets.list()).to.deep.equal([])
    for (const name of ['a', 'A.b_c-9', 'x'.repeat(253)]) {
      expect((await post({ name, value: 'x' })).status, name).to.equal(201)
      expect((await api.request('GET', `/v1/secrets/${name}`)).status, name).to.equal(200)
    }
  })

  it('S25: rotates the key, and tells of keys by their ids', async () => {
    await post({ name: 'db-password', value: 'one' })
    const before = (await api.request('GET', '/v1/secret-keys')).json
    expect(before.keys).to.deep.equal([{ id: before.current, inUse: true }])
    const rotated = await api.request('POST', '/v1/secret-keys/rotate')
    expect(rotated.json).to.deep.include({ resealed: 1, unreadable: [], unusedKeyIds: [before.current] })
    const between = (await api.request('GET', '/v1/secret-keys')).json
    expect(between.keys).to.deep.equal([
      { id: rotated.json.keyId, inUse: true },
      { id: before.current, inUse: false }
    ])
    const removed = await api.request('POST', '/v1/secret-keys/rotate', { removeOld: true })
    expect(removed.json.removedKeyIds).to.have.members([before.current, rotated.json.keyId])
    expect(await stored()).to.equal('one')
  })
})
