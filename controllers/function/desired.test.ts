import { expect } from 'chai'
import { aDesired, aFunction, POLICY } from '../../test/helpers/builders.ts'

describe('desiredOf', () => {
  for (const [text, expected] of [
    [undefined, POLICY.drainMs],
    ['10s', POLICY.drainMs],
    ['5m', 300_000],
    ['300', 300_000],
    ['never', POLICY.drainMs],
    ['1000h', 86_400_000]
  ] as const) {
    it(`lets calls of a replica that goes take as long as write_timeout says: ${text}`, () => {
      const fn = aFunction({ env: text === undefined ? {} : { write_timeout: text } })
      expect(aDesired({ fn }).policy.drainMs).to.equal(expected)
    })
  }
})
