import { createHash } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { expect } from 'chai'
import { eventually } from '../helpers/eventually.ts'
import { TestGateway } from '../helpers/gateway.ts'
import { PASSWORD } from '../helpers/gateway-client.ts'

interface NewToken {
  readonly id: string
  readonly token: string
  readonly expiresAt?: string
}

describe('tokens of a gateway', () => {
  let gateway: TestGateway
  before(async () => {
    gateway = await TestGateway.start({ AUTH_TOKEN_TTL: '1h' })
  })
  after(() => gateway.close())

  /** Status and text of a request with these credentials, or none. */
  async function as(authorization: string | undefined, method: string, path: string, body?: unknown) {
    const answer = await fetch(`http://127.0.0.1:${gateway.port}${path}`, {
      method,
      ...(authorization === undefined ? {} : { headers: { authorization } }),
      ...(body === undefined ? {} : { body: JSON.stringify(body) })
    })
    return { status: answer.status, text: await answer.text() }
  }
  const asBearer = (token: string, method = 'GET', path = '/system/functions') => as(`Bearer ${token}`, method, path)
  const login = async (password = PASSWORD) =>
    await as(undefined, 'POST', '/auth/login', { username: 'admin', password })

  async function create(input: object): Promise<NewToken> {
    const answer = await gateway.call('POST', '/v1/tokens', input)
    expect(answer.status, answer.text).to.equal(201)
    return JSON.parse(answer.text)
  }

  it('S17: have 256 random bits and a prefix, and are shown once', async () => {
    const { id, token } = await create({ name: 'shown-once', scopes: ['read'] })
    expect(token).to.match(/^dfaas_[0-9a-f]{16}_[A-Za-z0-9_-]{43}$/)
    const secret = token.slice(-43)
    expect(Buffer.from(secret, 'base64url')).to.have.length(32)
    for (const path of ['/v1/tokens', `/v1/tokens/${id}`, '/v1/tokens/shown-once']) {
      const { status, text } = await gateway.call('GET', path)
      expect(status).to.equal(200)
      expect(text).to.contain(id).and.not.to.contain(secret)
      expect(text).not.to.contain(createHash('sha256').update(secret).digest('hex'))
    }
    expect((await gateway.call('POST', '/v1/tokens', { name: 'shown-once', scopes: ['read'] })).status).to.equal(409)
  })

  it('S21: are good at once, and good for nothing as soon as they are revoked', async () => {
    const { token } = await create({ name: 'short-lived', scopes: ['read'] })
    expect((await asBearer(token)).status).to.equal(200)
    expect((await gateway.call('DELETE', '/v1/tokens/short-lived')).status).to.equal(204)
    expect((await asBearer(token)).status).to.equal(401)
    expect((await gateway.call('DELETE', '/v1/tokens/short-lived')).status).to.equal(404)
  })

  it('S21: end a watch within a second when they are revoked', async () => {
    const { token } = await create({ name: 'watcher', scopes: ['read'] })
    const watch = await fetch(`http://127.0.0.1:${gateway.port}/v1/functions?watch=true`, {
      headers: { authorization: `Bearer ${token}` }
    })
    expect(watch.status).to.equal(200)
    const ended = watch.text().then(
      () => 'ended',
      () => 'cut off'
    )
    await gateway.call('DELETE', '/v1/tokens/watcher')
    expect(await ended).to.equal('cut off')
  })

  it('S48: of a login are good until the logout, each login has its own, and a replay of the logout is nobody', async () => {
    const [first, second] = (await Promise.all([login(), login()])).map(({ text }) => JSON.parse(text) as NewToken)
    const inMs = Date.parse(first?.expiresAt ?? '') - Date.now()
    expect(inMs).to.be.within(3_500_000, 3_600_000)
    expect(first?.token).not.to.equal(second?.token)
    expect((await asBearer(first?.token ?? '')).status).to.equal(200)
    expect((await asBearer(first?.token ?? '', 'POST', '/auth/logout')).status).to.equal(204)
    expect((await asBearer(first?.token ?? '')).status).to.equal(401)
    expect((await asBearer(first?.token ?? '', 'POST', '/auth/logout')).status).to.equal(401)
    expect((await asBearer(second?.token ?? '')).status).to.equal(200)
    const wrong = await login('wrong')
    expect([wrong.status, wrong.text.includes('token')]).to.deep.equal([401, true])
    const { token } = await create({ name: 'no-session', scopes: ['admin'] })
    expect((await asBearer(token, 'POST', '/auth/logout')).status).to.equal(400)
    expect((await login(token)).status, 'a token does not make itself another').to.equal(401)
  })

  it('S21, S48: outlive a restart, and so do revocations; sessions do unless the password is another one', async () => {
    const kept = await create({ name: 'kept', scopes: ['read'], namespaces: ['openfaas-fn'] })
    const gone = await create({ name: 'gone', scopes: ['read'] })
    const short = await create({ name: 'expires', scopes: ['read'], expiresIn: '1s' })
    const session = JSON.parse((await login()).text) as NewToken
    await gateway.call('DELETE', '/v1/tokens/gone')
    await gateway.stop()
    await gateway.start()
    expect((await asBearer(kept.token)).status).to.equal(200)
    expect((await asBearer(gone.token)).status).to.equal(401)
    expect((await asBearer(session.token)).status).to.equal(200)
    await eventually(async () => expect((await asBearer(short.token)).status).to.equal(401))
    await gateway.stop()
    await gateway.start({}, 'another-password')
    expect((await asBearer(session.token)).status).to.equal(401)
    expect((await asBearer(kept.token)).status).to.equal(200)
    await gateway.stop()
    await gateway.start()
  })

  it('S17: neither they nor the password are in the database, in its backups, or in the log', async () => {
    const { token } = await create({ name: 'sought', scopes: ['read'] })
    const session = JSON.parse((await login()).text) as NewToken
    await asBearer(token)
    await asBearer('dfaas_0000000000000000_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA')
    const secrets = [token, token.slice(-43), session.token.slice(-43), PASSWORD].flatMap(text => [
      Buffer.from(text),
      Buffer.from(Buffer.from(text).toString('base64')),
      Buffer.from(Buffer.from(text).toString('hex'))
    ])
    const directory = dirname(gateway.databasePath)
    const files = (await readdir(directory)).filter(name => name.startsWith('test.db'))
    expect(files).to.include.members(['test.db', 'test.db-wal'])
    let size = 0
    for (const name of files) {
      const bytes = await readFile(join(directory, name))
      size += bytes.length
      for (const secret of secrets) expect(bytes.includes(secret), name).to.equal(false)
    }
    expect(size).to.be.above(100_000)
    const log = gateway.log.join('')
    expect(log).to.contain('Refused wrong credentials')
    for (const secret of secrets) expect(log.includes(secret.toString()), 'log').to.equal(false)
  })
})
