import { expect } from 'chai'
import fc from 'fast-check'
import { Written } from '../../../test/helpers/cli.ts'
import { createPaint, forOutput, isColoured, terminalSafe, terminalSafeJson, terminalSafeLines } from './terminal.ts'

describe('terminalSafe', () => {
  const cases: [text: string, safe: string, lines?: string][] = [
    ['plain ünïcödé 日本 👩‍🚀', 'plain ünïcödé 日本 👩‍🚀'],
    ['\x1b[31mred\x1b]0;title\x07', '\\x1b[31mred\\x1b]0;title\\x07'],
    ['\x9b2J', '\\x9b2J'],
    ['a\nb\tc', 'a\\x0ab\\x09c', 'a\nb\tc'],
    ['over\rwritten', 'over\\x0dwritten'],
    ['\u202eevil\u2066', '\\u202eevil\\u2066'],
    ['\u{e0041}tag', '\\u{e0041}tag']
  ]
  for (const [text, safe, lines = safe] of cases) {
    it(`shows ${JSON.stringify(safe)}`, () => {
      expect(terminalSafe(text)).to.equal(safe)
      expect(terminalSafeLines(text)).to.equal(lines)
    })
  }

  it('leaves nothing that commands a terminal, and JSON as it was for a program', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), text => {
        expect(terminalSafe(text)).not.to.match(/[\p{Cc}\u202a-\u202e\u2066-\u2069]/u)
        const json = terminalSafeJson(JSON.stringify({ text }))
        expect(JSON.parse(json)).to.deep.equal({ text })
        expect(json).not.to.match(/[\p{Cc}\u202a-\u202e\u2066-\u2069]/u)
      })
    )
  })

  it('changes lines for a terminal only', () => {
    expect(forOutput('a\x1b[2J\n', new Written(false))).to.equal('a\x1b[2J\n')
    expect(forOutput('a\x1b[2J\n', new Written(true))).to.equal('a\\x1b[2J\n')
  })
})

describe('isColoured', () => {
  const cases: [env: Record<string, string>, isTTY: boolean, coloured: boolean][] = [
    [{}, true, true],
    [{}, false, false],
    [{ NO_COLOR: '1' }, true, false],
    [{ NO_COLOR: '' }, true, true],
    [{ FORCE_COLOR: '1' }, false, true],
    [{ FORCE_COLOR: '0' }, true, false],
    [{ FORCE_COLOR: '1', NO_COLOR: '1' }, true, false],
    [{ TERM: 'dumb' }, true, false]
  ]
  for (const [env, isTTY, coloured] of cases) {
    it(`is ${coloured} for ${JSON.stringify(env)} ${isTTY ? 'on a terminal' : 'into a pipe'}`, () => {
      expect(isColoured(env, new Written(isTTY))).to.equal(coloured)
      expect(createPaint(env, new Written(isTTY))('red', 'x')).to.equal(coloured ? '\x1b[31mx\x1b[39m' : 'x')
    })
  }
})
