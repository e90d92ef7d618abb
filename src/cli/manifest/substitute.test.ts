// biome-ignore-all lint/suspicious/noTemplateCurlyInString: these are what is replaced
import { expect } from 'chai'
import fc from 'fast-check'
import { substitute } from './substitute.ts'

const ENV = { SET: 'value', EMPTY: '', NESTED: '$' + '{SET}' }
const cases: [text: string, replaced: string, fault?: RegExp][] = [
  ['plain $5 and $SET {x}', 'plain $5 and $SET {x}'],
  ['a-${SET}-b', 'a-value-b'],
  ['${EMPTY}|${EMPTY:-d}|${EMPTY-d}', '|d|'],
  ['${NONE:-d}|${NONE-d}|${NONE:-}', 'd|d|'],
  ['${NONE:-http://x:80/a b}', 'http://x:80/a b'],
  ['$${SET} $$5', '${SET} $$5'],
  ['${NESTED}', '${SET}'],
  ['${NONE}', '${NONE}', /^variable NONE is not set: set it, or write \$\{NONE:-default\}$/],
  ['${a b}', '${a b}', /^\$\{a b\} is no variable/],
  ['${SET:=x}', '${SET:=x}', /is no variable/],
  ['${SET', '${SET', /is no variable/]
]

describe('substitute', () => {
  for (const [text, replaced, fault] of cases) {
    it(`makes ${JSON.stringify(replaced)} of ${JSON.stringify(text)}${fault === undefined ? '' : ', and a fault'}`, () => {
      const { text: result, faults } = substitute(text, ENV)
      expect(result).to.equal(replaced)
      if (fault === undefined) expect(faults).to.deep.equal([])
      else expect(faults[0]).to.match(fault)
    })
  }

  it('puts any value in as it is', () => {
    fc.assert(fc.property(fc.string(), value => substitute('<${X}>', { X: value }).text === `<${value}>`))
  })
})
