import { randomBytes } from 'node:crypto'
import { expect } from 'chai'
import { formatToken } from '../../../api/token-text.ts'
import type { TokenRecord, TokenStore } from '../../store/tokens.ts'
import { sha256 } from './credentials.ts'
import { ARGON2, createPasswordCheck } from './password.ts'
import { TokenIndex } from './token-index.ts'

/** Beyond this, two sets of times differ by more than chance. Source: Reparaz, Balasch, Verbauwhede, "Dude, is my code constant time?", 2016. */
const MAX_T = 4.5
/** The machine does other things as well: a leak shows every time, a disturbance does not. */
const TRIALS = 8
/** Slower samples were interrupted. */
const KEPT = 0.9

/** Welch's t of the times of two kinds of work, taken in turn, without the slowest. */
async function timesOf(samples: number, work: (kind: 0 | 1) => unknown): Promise<number> {
  const times: [number[], number[]] = [[], []]
  for (let n = 0; n < samples; n++) {
    const kind = randomBytes(1)[0] ?? 0
    const which = (kind & 1) as 0 | 1
    const started = process.hrtime.bigint()
    const result = work(which)
    if (result instanceof Promise) await result
    times[which].push(Number(process.hrtime.bigint() - started))
  }
  const all = times.flat().sort((a, b) => a - b)
  const limit = all[Math.floor(all.length * KEPT)] ?? 0
  const [a, b] = times.map(list => momentsOf(list.filter(time => time <= limit)))
  if (a === undefined || b === undefined) return Number.POSITIVE_INFINITY
  return (a.mean - b.mean) / Math.sqrt(a.variance / a.count + b.variance / b.count)
}

function momentsOf(list: readonly number[]): { mean: number; variance: number; count: number } {
  const mean = list.reduce((sum, x) => sum + x, 0) / list.length
  const variance = list.reduce((sum, x) => sum + (x - mean) ** 2, 0) / (list.length - 1)
  return { mean, variance, count: list.length }
}

/** The least of some trials, the first being for the compiler. */
async function leastOf(samples: number, work: (kind: 0 | 1) => unknown): Promise<number> {
  await timesOf(samples, work)
  let least = Number.POSITIVE_INFINITY
  for (let trial = 0; trial < TRIALS && least >= MAX_T; trial++) {
    least = Math.min(least, Math.abs(await timesOf(samples, work)))
  }
  return least
}

describe('times of wrong credentials', function () {
  this.timeout(60_000)
  const secret = randomBytes(32)
  const id = '0123456789abcdef'
  const record: TokenRecord = {
    ...{ id, kind: 'token', name: 't', scopes: ['read'], createdAt: '', createdBy: '' },
    digest: sha256(secret.toString('base64url')).toString('hex')
  }
  const store = { list: async () => [record], onChange: () => () => undefined } as unknown as TokenStore
  const clock = { now: () => 0, monotonic: () => 0 }

  it('S18: tell a secret that is wrong at its beginning from one that is wrong at its end no better than chance', async () => {
    const index = new TokenIndex({ tokens: store, clock, passwordMark: undefined, log: { warn: () => undefined } })
    await index.start()
    const differing = (at: number) => {
      const other = Buffer.from(secret)
      other[at] = (other[at] ?? 0) ^ 1
      return formatToken(id, other)
    }
    const wrong = [differing(0), differing(30)] as const
    expect(index.identify(formatToken(id, secret))?.name).to.equal('t')
    expect(wrong.map(token => index.identify(token))).to.deep.equal([undefined, undefined])
    expect(await leastOf(50_000, kind => index.identify(wrong[kind]))).to.be.below(MAX_T)
    await index.stop()
  })

  it('S18: tell a user that is known from one that is not no better than chance', async () => {
    const cost = { memoryCost: 8, timeCost: 1, parallelism: 1 }
    const { verify } = await createPasswordCheck({ user: 'admin', password: 'right', salt: 's', cost })
    expect(await verify('admin', 'right')).to.equal(true)
    const users = ['admin', 'nobod'] as const
    expect(await leastOf(2000, kind => verify(users[kind], 'wrong'))).to.be.below(MAX_T)
  })

  it('S17: a look at a password is Argon2id over at least 19 MiB, twice', async () => {
    expect(ARGON2).to.deep.equal({ memoryCost: 19_456, timeCost: 2, parallelism: 1 })
    const { mark, verify } = await createPasswordCheck({ user: 'admin', password: 'right', salt: 's' })
    expect(mark).to.match(/^[0-9a-f]{4}$/)
    expect(await verify('admin', 'right')).to.equal(true)
    expect(await verify('admin', 'Right')).to.equal(false)
  })
})
