import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import { systemClock } from '../../clock.ts'
import { openStore, type Store } from '../../store/open.ts'
import { createAuthenticator, type RefusalReason, type Verdict } from './authenticator.ts'
import { Guesses } from './guesses.ts'
import { createPasswordCheck, type PasswordCheck } from './password.ts'
import { createTokenDesk, type TokenDesk } from './token-desk.ts'
import { TokenIndex } from './token-index.ts'

const PASSWORD = 'p:ä s'
const HERE = '192.0.2.1'
const basic = (text: string) => `Basic ${Buffer.from(text).toString('base64')}`
const RIGHT = basic(`admin:${PASSWORD}`)
const CHEAP = { memoryCost: 8, timeCost: 1, parallelism: 1 }

const describeVerdict = (verdict: Verdict) => ('refused' in verdict ? verdict.refused : verdict.kind)

describe('createAuthenticator', () => {
  let directory: string
  let store: Store
  let index: TokenIndex
  let tokens: TokenDesk
  let looks: number
  const time = { now: 1_800_000_000_000, monotonic: 0 }
  const clock = { now: () => time.now, monotonic: () => time.monotonic }
  const pass = (ms: number) => {
    time.now += ms
    time.monotonic += ms
  }

  before(async () => {
    directory = await mkdtemp(join(tmpdir(), 'faas-auth-'))
  })
  after(() => rm(directory, { recursive: true }))
  beforeEach(async () => {
    looks = 0
    store = await openStore({ path: join(directory, `${Math.random()}.db`), clock })
    index = new TokenIndex({ tokens: store.tokens, clock, passwordMark: 'm', log: { warn: () => undefined } })
    await index.start()
    tokens = createTokenDesk({ tokens: store.tokens, index, clock, sessionMs: 60_000, passwordMark: 'm' })
  })
  afterEach(async () => {
    await index.stop()
    await store.close()
  })

  async function anAuthenticator({ enabled = true, limit = 10, none = false } = {}) {
    const refused: RefusalReason[] = []
    const told: string[] = []
    const guesses = new Guesses({
      ...{ limit, windowMs: 60_000, clock: systemClock },
      onSourceLimited: source => void told.push(source),
      onAccountSlowed: () => void told.push('account')
    })
    const check = await createPasswordCheck({ user: 'admin', password: PASSWORD, salt: 'x', cost: CHEAP })
    const password: PasswordCheck | undefined = none
      ? undefined
      : {
          ...check,
          verify: (...given) => {
            looks++
            return check.verify(...given)
          }
        }
    const onRefused = (reason: RefusalReason) => void refused.push(reason)
    const onError = (err: unknown) => expect.fail(String(err))
    const common = { enabled, user: 'admin', tokens: index, guesses, onRefused, onError }
    const authenticator = createAuthenticator({ ...common, password })
    return { ...authenticator, refused, told, guesses }
  }

  const table: [what: string, header: string | undefined, right: boolean][] = [
    ['the credentials', RIGHT, true],
    ['the scheme in another case', RIGHT.replace('Basic', 'bAsIc'), true],
    ['no header', undefined, false],
    ['an empty header', '', false],
    ['Basic alone', 'Basic', false],
    ['Basic and nothing', 'Basic ', false],
    ['an empty Bearer', 'Bearer ', false],
    ['a Bearer with the credentials', RIGHT.replace('Basic', 'Bearer'), false],
    ['another password', basic('admin:p:ä'), false],
    ['an empty password', basic('admin:'), false],
    ['another user', basic(`Admin:${PASSWORD}`), false],
    ['no colon', basic('admin'), false],
    ['nothing but a colon', basic(':'), false],
    ['no base64', 'Basic ***', false],
    ['two credentials', `${RIGHT}, ${basic('a:b')}`, false],
    ['a huge header', basic(`admin:${'x'.repeat(10_000)}`), false]
  ]
  for (const [what, header, right] of table) {
    it(`S18: ${right ? 'takes' : 'refuses'} ${what}`, async () => {
      const auth = await anAuthenticator()
      expect(auth.identify(header)).to.equal(undefined)
      expect(describeVerdict(await auth.verify(header, HERE))).to.equal(right ? 'admin' : 'credentials')
      expect(auth.identify(header)?.kind).to.equal(right ? 'admin' : undefined)
      if (header !== undefined) expect(auth.isOwn(header)).to.equal(right)
    })
  }

  it('S17: looks at a password once, also when many ask at the same time', async () => {
    const auth = await anAuthenticator()
    const verdicts = await Promise.all(Array.from({ length: 50 }, () => auth.verify(RIGHT, HERE)))
    expect(new Set(verdicts.map(describeVerdict))).to.deep.equal(new Set(['admin']))
    expect(looks).to.equal(1)
    expect(auth.identify(RIGHT)?.kind).to.equal('admin')
    expect(looks).to.equal(1)
  })

  it('S18: looks at the password of users that are not known as well', async () => {
    const auth = await anAuthenticator()
    await auth.verify(basic('nobody:x'), HERE)
    await auth.verify(basic('admin:x'), HERE)
    expect(looks).to.equal(2)
  })

  it('lets everything pass when it is off, but still knows its own credentials', async () => {
    const off = await anAuthenticator({ enabled: false })
    expect(off.identify(undefined)?.kind).to.equal('anonymous')
    expect(off.identify('Basic nonsense')?.kind).to.equal('anonymous')
    const { token } = await tokens.openSession('admin')
    expect(off.isOwn(`Bearer ${token}`)).to.equal(true)
  })

  it('takes nothing when there is no password', async () => {
    const none = await anAuthenticator({ none: true })
    expect(describeVerdict(await none.verify(basic('admin:'), HERE))).to.equal('credentials')
    expect(describeVerdict(await none.verify(undefined, HERE))).to.equal('credentials')
  })

  it('S21: takes a token as Bearer and in the place of a password, until it is revoked', async () => {
    const auth = await anAuthenticator()
    const { token, id } = await tokens.create({ name: 'ci', scopes: ['read'], namespaces: ['a'] }, 'admin')
    for (const header of [`Bearer ${token}`, `bearer ${token}`, basic(`anyone:${token}`)]) {
      expect(auth.identify(header)).to.deep.include({ kind: 'token', name: 'ci', tokenId: id })
      expect(auth.isOwn(header)).to.equal(true)
    }
    expect([...(auth.identify(`Bearer ${token}`)?.scopes ?? [])]).to.deep.equal(['read'])
    expect(auth.identify(`Bearer ${token.slice(0, -1)}x`)).to.equal(undefined)
    expect(auth.identify(`Bearer ${token}x`)).to.equal(undefined)
    expect(await tokens.revoke('ci')).to.equal(true)
    expect(auth.identify(`Bearer ${token}`)).to.equal(undefined)
    expect(describeVerdict(await auth.verify(`Bearer ${token}`, HERE))).to.equal('credentials')
    expect(looks).to.equal(0)
  })

  it('writes down when a token was last used, to the minute, and never while it is used', async () => {
    const auth = await anAuthenticator()
    const { token } = await tokens.create({ name: 'used', scopes: ['read'] }, 'admin')
    const noted = async () => (await store.tokens.list()).map(({ lastUsedAt }) => lastUsedAt)
    auth.identify(`Bearer ${token}`)
    expect((await tokens.get('used'))?.lastUsedAt).to.equal('2027-01-15T08:00:00.000Z')
    expect(await noted()).to.deep.equal([undefined])
    await index.stop()
    expect(await noted()).to.deep.equal(['2027-01-15T08:00:00.000Z'])
  })

  it('S48: takes no token after its time, also when the clock of the host was set back', async () => {
    const auth = await anAuthenticator()
    const { token } = await tokens.create({ name: 'short', scopes: ['read'], expiresIn: '10s' }, 'admin')
    pass(9999)
    expect(auth.identify(`Bearer ${token}`)?.kind).to.equal('token')
    time.now -= 3_600_000
    expect(auth.identify(`Bearer ${token}`)?.kind).to.equal('token')
    pass(1)
    expect(auth.identify(`Bearer ${token}`)).to.equal(undefined)
  })

  it('S48: ends what goes on for long when its token is revoked', async () => {
    const auth = await anAuthenticator()
    const { token, id } = await tokens.openSession('admin')
    const identity = auth.identify(`Bearer ${token}`)
    let ended = 0
    auth.whileGood(identity ?? expect.fail('no identity'), () => ended++)
    const forget = auth.whileGood(identity ?? expect.fail('no identity'), () => ended++)
    forget()
    await tokens.revoke(id)
    expect(ended).to.equal(1)
  })

  describe('S19: wrong credentials', () => {
    it('are taken so often from one source, then told to wait before anybody looks at them', async () => {
      const auth = await anAuthenticator({ limit: 3 })
      const guess = (n: number) => auth.verify(basic(`admin:guess-${n}`), HERE)
      for (let n = 0; n < 3; n++) expect(describeVerdict(await guess(n))).to.equal('credentials')
      const verdict = await guess(4)
      expect(verdict).to.include({ refused: 'source' })
      expect((verdict as { retryAfterMs: number }).retryAfterMs).to.be.within(1, 60_000)
      expect(looks).to.equal(3)
      for (let n = 5; n < 50; n++) await guess(n)
      expect(auth.told).to.deep.equal([HERE])
      expect(looks).to.equal(3)
    })

    it('shut out neither who is known from the same source nor anybody from another', async () => {
      const auth = await anAuthenticator({ limit: 3 })
      await auth.verify(RIGHT, HERE)
      const { token } = await tokens.openSession('admin')
      await Promise.all(Array.from({ length: 50 }, (_, n) => auth.verify(basic(`admin:guess-${n}`), HERE)))
      expect(looks).to.equal(4)
      expect(auth.identify(RIGHT)?.kind).to.equal('admin')
      expect(auth.identify(`Bearer ${token}`)?.kind).to.equal('session')
      expect(describeVerdict(await auth.verify(RIGHT.replace('Basic', 'BASIC'), HERE))).to.equal('source')
      expect(describeVerdict(await auth.verify(RIGHT.replace('Basic', 'BASIC'), '192.0.2.2'))).to.equal('admin')
    })

    it('count once for a /64 of IPv6', async () => {
      const auth = await anAuthenticator({ limit: 3 })
      const from = (address: string, n: number) => auth.verify(basic(`admin:guess-${n}`), address)
      for (let n = 0; n < 3; n++) await from(`2001:db8:0:1::${n}`, n)
      expect(describeVerdict(await from('2001:db8:0:1:ffff::1', 4))).to.equal('source')
      expect(describeVerdict(await from('2001:db8:0:2::1', 5))).to.equal('credentials')
    })

    it('of tokens do not shut a password out', async () => {
      const auth = await anAuthenticator({ limit: 3 })
      for (let n = 0; n < 4; n++) await auth.verify(`Bearer stale-${n}`, HERE)
      expect(auth.refused.at(-1)).to.equal('source')
      expect(describeVerdict(await auth.verify(RIGHT, HERE))).to.equal('admin')
    })

    it('from many sources slow the account down, but not for sources that were right before', async () => {
      const auth = await anAuthenticator({ limit: 2 })
      await auth.verify(RIGHT, HERE)
      for (let n = 0; n < 21; n++) await auth.verify(basic(`admin:guess-${n}`), `198.51.100.${n}`)
      expect(auth.told).to.deep.equal(['account'])
      const slowed = await auth.verify(basic('admin:more'), '203.0.113.1')
      expect(slowed).to.include({ refused: 'account' })
      const before = looks
      expect(describeVerdict(await auth.verify(RIGHT.replace('Basic', 'BASIC'), HERE))).to.equal('admin')
      expect(looks).to.equal(before + 1)
    })

    it('cost one look for each, however often they come again', async () => {
      const auth = await anAuthenticator({ limit: 0 })
      for (let n = 0; n < 20; n++) await auth.verify(basic('admin:stale'), HERE)
      expect(looks).to.equal(1)
    })

    it('wait in a queue that has an end', async () => {
      const auth = await anAuthenticator({ limit: 0 })
      const many = await Promise.all(Array.from({ length: 500 }, (_, n) => auth.verify(basic(`admin:${n}`), HERE)))
      const kinds = new Set(many.map(describeVerdict))
      expect(kinds).to.deep.equal(new Set(['credentials', 'busy']))
      expect(describeVerdict(await auth.verify(RIGHT, HERE))).to.equal('admin')
    })
  })
})
