import { expect } from 'chai'
import { Guesses, type GuessTurn } from './guesses.ts'

const WINDOW_MS = 60_000
/** Wrong guesses of all sources together that the account takes at its own pace. */
const FREE = 20

describe('Guesses', () => {
  let now: number
  let guesses: Guesses
  beforeEach(() => {
    now = 0
    guesses = new Guesses({
      ...{ limit: 2, windowMs: WINDOW_MS, clock: { now: () => now, monotonic: () => now } },
      onSourceLimited: () => undefined,
      onAccountSlowed: () => undefined
    })
  })

  const take = (address: string): Promise<GuessTurn> => guesses.take('password', address)

  async function guess(address: string): Promise<GuessTurn> {
    const turn = await take(address)
    if (turn.allowed) turn.wrong()
    return turn
  }

  /** Wrong guesses, each from another address, until the account is slowed down. */
  async function slowDown(): Promise<void> {
    for (let n = 0; n <= FREE; n++) expect((await guess(`10.0.0.${n}`)).allowed).to.equal(true)
  }

  it('S19: an address whose guess nobody looked at is slowed down like any other', async () => {
    for (const address of ['192.0.2.1', '192.0.2.2']) {
      const turn = await take(address)
      if (!turn.allowed) throw new Error('nobody has guessed yet')
      if (address === '192.0.2.1') turn.unseen()
      else turn.right()
    }
    await slowDown()
    expect(await take('192.0.2.1')).to.include({ allowed: false, reason: 'account' })
    expect((await take('192.0.2.2')).allowed, 'one that was right').to.equal(true)
  })

  it('S19: a guess that nobody looked at is given back', async () => {
    for (let n = 0; n < 10; n++) {
      const turn = await take('192.0.2.1')
      expect(turn.allowed).to.equal(true)
      if (turn.allowed) turn.unseen()
    }
  })

  it('S19: whoever waits as told does not begin anew', async () => {
    await slowDown()
    for (let n = 0; n < 30; n++) {
      const turn = await take(`10.0.1.${n}`)
      if (turn.allowed) throw new Error('the account is slowed down')
      now += turn.retryAfterMs
      expect((await guess(`10.0.2.${n}`)).allowed, 'one, when its time has come').to.equal(true)
    }
    expect(await take('10.0.3.1')).to.include({ allowed: false, reason: 'account', retryAfterMs: WINDOW_MS })
    now += 2 * WINDOW_MS + 1
    for (let n = 0; n < FREE; n++) expect((await guess(`10.0.4.${n}`)).allowed, 'after a quiet window').to.equal(true)
  })
})
