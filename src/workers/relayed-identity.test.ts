import { expect } from 'chai'
import type { Clock } from '../clock.ts'
import type { Verdict } from '../http/auth/authenticator.ts'
import type { Identity } from '../http/caller.ts'
import { IdentityDesk } from './identity-desk.ts'
import { RelayedAuthenticator } from './relayed-authenticator.ts'

const SECRET = 'x'.repeat(43)
const TOKEN = `Bearer dfaas_0123456789abcdef_${SECRET}`
const PASSWORD = `Basic ${Buffer.from('admin:right').toString('base64')}`
const WRONG = `Basic ${Buffer.from('admin:wrong').toString('base64')}`
const FOREIGN = 'Bearer of-the-function-itself'
const identity: Identity = {
  ...{ kind: 'token', name: 'ci', tokenId: '0123456789abcdef' },
  ...{ scopes: new Set(['invoke'] as const), namespaces: new Set(['team-a']) }
}
const admin: Identity = { kind: 'admin', name: 'admin', scopes: new Set(['admin'] as const), namespaces: 'all' }

/** A worker's end and the controller's, with messages as JSON has them. */
function aPair({ goodForMs, requireAuth = true }: { goodForMs?: number; requireAuth?: boolean } = {}) {
  const times = { now: 1_000_000, monotonic: 0 }
  const clock: Clock = { now: () => times.now, monotonic: () => times.monotonic }
  const looks: string[] = []
  const used: string[] = []
  const desk = new IdentityDesk({
    authenticator: {
      identify: header => (header === TOKEN ? identity : undefined),
      verify: async (header, address): Promise<Verdict> => {
        looks.push(`${header} ${address}`)
        return header === PASSWORD ? admin : { refused: 'credentials' }
      },
      isOwn: header => (header === FOREIGN ? false : undefined)
    },
    index: { goodForMs: () => goodForMs, noteUse: id => used.push(id) },
    requireAuthForFunctions: requireAuth
  })
  const asked: string[] = []
  const worker = new RelayedAuthenticator({
    ...{ enabled: true, user: 'admin', hasPassword: true, clock, onUsed: id => used.push(id) },
    ask: (id, header, address) => {
      asked.push(header)
      void desk.verify(header, address).then(verdict => worker.answered(id, JSON.parse(JSON.stringify(verdict))))
    }
  })
  return { worker, asked, looks, used, times }
}

describe('who calls, as a worker knows it', () => {
  it('is asked of the controller once, from the address of the client, and known from then on', async () => {
    const { worker, asked, looks, used } = aPair()
    expect(worker.identify(PASSWORD)).to.equal(undefined)
    const verdicts = await Promise.all([worker.verify(PASSWORD, '192.0.2.1'), worker.verify(PASSWORD, '192.0.2.1')])
    expect(verdicts).to.deep.equal([admin, admin])
    expect(looks).to.deep.equal([`${PASSWORD} 192.0.2.1`])
    expect(worker.identify(PASSWORD)).to.deep.equal(admin)
    expect(await worker.verify(TOKEN, '192.0.2.1')).to.deep.equal(identity)
    expect(worker.identify(TOKEN)).to.deep.equal(identity)
    expect(asked).to.deep.equal([PASSWORD, TOKEN])
    expect(used).to.deep.equal([identity.tokenId])
  })

  it('is forgotten when the controller says that a token is no longer good', async () => {
    const { worker } = aPair()
    await worker.verify(TOKEN, '192.0.2.1')
    await worker.verify(PASSWORD, '192.0.2.1')
    worker.ended(['0123456789abcdef'])
    expect(worker.identify(TOKEN)).to.equal(undefined)
    expect(worker.isOwn(TOKEN)).to.equal(undefined)
    expect(worker.identify(PASSWORD)).to.deep.equal(admin)
  })

  for (const watch of ['now', 'monotonic'] as const) {
    it(`is forgotten at the end of its time by the clock "${watch}", though the controller says nothing`, async () => {
      const { worker, times } = aPair({ goodForMs: 500 })
      await worker.verify(TOKEN, '192.0.2.1')
      expect(worker.identify(TOKEN)).to.deep.equal(identity)
      times[watch] += 500
      expect(worker.identify(TOKEN)).to.equal(undefined)
    })
  }

  it('asks again about each wrong try, so that guesses are counted', async () => {
    const { worker, looks } = aPair()
    for (let i = 0; i < 2; i++)
      expect(await worker.verify(WRONG, '192.0.2.9')).to.deep.equal({ refused: 'credentials' })
    expect(looks).to.deep.equal([`${WRONG} 192.0.2.9`, `${WRONG} 192.0.2.9`])
  })

  it('tells what may be ours from what is a function’s own, which is no guess where calls need no credentials', async () => {
    const { worker, looks } = aPair({ requireAuth: false })
    expect([TOKEN, PASSWORD, WRONG, FOREIGN].map(header => worker.isOwn(header))).to.deep.equal([
      ...[undefined, undefined, undefined, false]
    ])
    expect(await worker.verify(FOREIGN, '192.0.2.1')).to.deep.equal({ refused: 'credentials' })
    expect(looks).to.deep.equal([])
    await worker.verify(WRONG, '192.0.2.1')
    expect(worker.isOwn(WRONG)).to.equal(false)
  })
})
