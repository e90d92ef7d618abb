import { expect } from 'chai'
import * as fc from 'fast-check'
import { RETRY_DEFAULTS } from '../../api/call-settings.ts'
import { parseRetryAfter, type RetryQuestion, retryWaitMs } from './retry-policy.ts'

const QUESTION: RetryQuestion = {
  settings: { attempts: 4, codes: [503, 429], minWaitMs: 100, maxWaitMs: 1000 },
  status: 503,
  tries: 1,
  retryAfterMs: undefined,
  leftMs: 10_000,
  random: 0
}

describe('retryWaitMs', () => {
  for (const [what, change, wait] of [
    ['waits the least time for the first time', {}, 100],
    ['waits up to twice that', { random: 1 }, 200],
    ['doubles what it waits at most with each try', { tries: 3, random: 1 }, 800],
    [
      'waits no longer than the most time',
      { settings: { ...QUESTION.settings, attempts: 9 }, tries: 8, random: 1 },
      1000
    ],
    ['gives up after the last try', { tries: 4 }, undefined],
    ['leaves an answer with another status alone', { status: 500 }, undefined],
    ['waits as long as the answer asks for', { retryAfterMs: 5000, random: 1 }, 5000],
    ['does not come back at once for a Retry-After of 0', { retryAfterMs: 0 }, 100],
    ['does not begin a try that comes too late', { leftMs: 100 }, undefined],
    ['does not wait for an answer that asks for more than is left', { retryAfterMs: 20_000 }, undefined],
    [
      'takes the most time for both when the least is greater',
      { settings: { ...QUESTION.settings, minWaitMs: 5000 }, random: 1 },
      1000
    ]
  ] as const) {
    it(what, () => expect(retryWaitMs({ ...QUESTION, ...change })).to.equal(wait))
  }

  it('stays between both times, within what is left, and ends after the tries that are allowed', () => {
    const settings = fc.record({
      attempts: fc.integer({ min: 1, max: 100 }),
      codes: fc.subarray([429, 500, 502, 503, 504]),
      minWaitMs: fc.integer({ min: 1, max: 100_000 }),
      maxWaitMs: fc.integer({ min: 1, max: 100_000 })
    })
    const question = fc.record({
      settings,
      status: fc.constantFrom(429, 500, 502, 503, 504),
      tries: fc.integer({ min: 1, max: 120 }),
      retryAfterMs: fc.constant(undefined),
      leftMs: fc.integer({ min: -10, max: 200_000 }),
      random: fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true })
    })
    fc.assert(
      fc.property(question, q => {
        const wait = retryWaitMs(q)
        if (wait === undefined) return true
        const { minWaitMs, maxWaitMs, attempts, codes } = q.settings
        const isBetween = wait >= Math.min(minWaitMs, maxWaitMs) && wait <= maxWaitMs
        return isBetween && wait < q.leftMs && q.tries < attempts && codes.includes(q.status)
      })
    )
  })

  it('has the defaults of OpenFaaS', () => {
    expect(retryWaitMs({ ...QUESTION, settings: RETRY_DEFAULTS, status: 502, leftMs: 60_000 })).to.equal(10_000)
  })
})

describe('parseRetryAfter', () => {
  const now = Date.parse('2026-01-01T00:00:00Z')
  for (const [value, ms] of [
    [undefined, undefined],
    ['3', 3000],
    ['0', 0],
    ['Thu, 01 Jan 2026 00:00:07 GMT', 7000],
    ['Wed, 31 Dec 2025 23:59:00 GMT', 0],
    ['soon', undefined],
    ['99999999999', undefined]
  ] as const) {
    it(`reads ${value}`, () => expect(parseRetryAfter(value, now)).to.equal(ms))
  }
})
