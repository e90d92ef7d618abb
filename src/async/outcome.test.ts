import { expect } from 'chai'
import fc from 'fast-check'
import { RETRY_DEFAULTS } from '../../api/call-settings.ts'
import { type Attempted, backoffMs, outcomeOf, parseRetryAfter } from './outcome.ts'

const context = { attempts: 1, retry: undefined, random: 0, isStopping: false }
const kindOf = (attempted: Attempted, rest: Partial<typeof context> = {}) => {
  const outcome = outcomeOf(attempted, { ...context, ...rest })
  return outcome.kind === 'end' ? (outcome.reason ?? 'done') : outcome.kind
}

describe('outcome of an attempt', () => {
  it('is the end of it, but for the codes of OpenFaaS Pro', () => {
    for (const status of [200, 204, 302, 400, 404, 501, 503]) expect(kindOf({ status }), `${status}`).to.equal('done')
    for (const status of [408, 429, 500, 502, 504]) expect(kindOf({ status }), `${status}`).to.equal('retry')
  })

  it('is tried again for the gateway’s own reasons, unless they would be the same again', () => {
    for (const status of [429, 500, 502, 503, 504])
      expect(kindOf({ status, refusal: 'X' }), `${status}`).to.equal('retry')
    for (const status of [400, 408, 413, 501, 508])
      expect(kindOf({ status, refusal: 'X' }), `${status}`).to.equal('Refused')
  })

  it('is none where the function was not called, or the gateway stops', () => {
    expect(kindOf({ status: 404, refusal: 'FunctionNotFound' })).to.equal('return')
    expect(kindOf({ status: 503, refusal: 'ShuttingDown' }, { attempts: 10 })).to.equal('return')
    expect(kindOf({ status: 502, refusal: 'ConnectionLost' }, { attempts: 10, isStopping: true })).to.equal('return')
    expect(kindOf({ status: 500 }, { attempts: 10, isStopping: true })).to.equal('AttemptsExhausted')
  })

  it('is a dead letter after the last attempt', () => {
    expect(kindOf({ status: 500 }, { attempts: 9 })).to.equal('retry')
    expect(kindOf({ status: 500 }, { attempts: 10 })).to.equal('AttemptsExhausted')
  })

  it('waits as long as Retry-After asks, but for no more than an hour', () => {
    const wait = (retryAfterMs: number) => outcomeOf({ status: 429, retryAfterMs }, context)
    expect(wait(1)).to.deep.equal({ kind: 'retry', waitMs: 10_000 })
    expect(wait(90_000)).to.deep.equal({ kind: 'retry', waitMs: 90_000 })
    expect(wait(1e12)).to.deep.equal({ kind: 'retry', waitMs: 3_600_000 })
  })

  it('reads Retry-After in seconds and as a date', () => {
    const now = Date.parse('2026-01-01T00:00:00Z')
    expect(parseRetryAfter(undefined, now)).to.equal(undefined)
    expect(parseRetryAfter('7', now)).to.equal(7000)
    expect(parseRetryAfter('Thu, 01 Jan 2026 00:00:30 GMT', now)).to.equal(30_000)
    expect(parseRetryAfter('Thu, 01 Jan 2015 00:00:30 GMT', now)).to.equal(0)
    expect(parseRetryAfter('soon', now)).to.equal(undefined)
  })

  it('waits longer each time, within its bounds, and not all alike', () => {
    expect([1, 2, 3, 4, 5, 99].map(n => backoffMs(n, RETRY_DEFAULTS, 0))).to.deep.equal([
      10_000, 20_000, 40_000, 80_000, 80_000, 80_000
    ])
    expect([1, 2, 3, 4, 5, 99].map(n => backoffMs(n, RETRY_DEFAULTS, 1))).to.deep.equal([
      15_000, 30_000, 60_000, 120_000, 120_000, 120_000
    ])
    const ms = fc.integer({ min: 1, max: 1_000_000 })
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 100 }),
        ms,
        ms,
        fc.double({ min: 0, max: 0.999, noNaN: true }),
        (n, min, max, r) => {
          const wait = backoffMs(n, { minWaitMs: min, maxWaitMs: max }, r)
          return wait >= min && wait <= Math.max(min, max)
        }
      )
    )
  })
})
