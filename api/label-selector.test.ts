import { expect } from 'chai'
import { ValidationError } from './errors.ts'
import { parseLabelSelector } from './label-selector.ts'

describe('parseLabelSelector', () => {
  const labels = { app: 'web', tier: '', 'example.com/team': 'a' }
  const table: [selector: string, selected: boolean][] = [
    ['', true],
    ['  ', true],
    ['app', true],
    ['!app', false],
    ['! missing', true],
    ['missing', false],
    ['app=web', true],
    ['app==web', true],
    ['app = web', true],
    ['app=api', false],
    ['app!=web', false],
    ['app!=api', true],
    ['missing!=x', true],
    ['tier=', true],
    ['missing=', false],
    ['app in (web,api)', true],
    ['app in ( web , api )', true],
    ['app in (api)', false],
    ['app notin (api)', true],
    ['app notin (web)', false],
    ['missing notin (x)', true],
    ['missing in ()', false],
    ['tier in ()', true],
    ['app=web,!missing,example.com/team in (a,b),tier', true],
    ['app=web,example.com/team in (b,c)', false],
    ['constructor', false],
    ['toString=x', false]
  ]
  for (const [selector, selected] of table) {
    it(`${selected ? 'selects' : 'leaves out'} by "${selector}"`, () => {
      expect(parseLabelSelector(selector)(labels)).to.equal(selected)
    })
  }

  for (const bad of [
    ',',
    'a,',
    '=b',
    'a=b=c',
    'a in',
    'a in x',
    'a in (x',
    'a in (x))',
    'a > 1',
    'a in (x y)',
    '!!a',
    '!',
    'a in ((x))'
  ]) {
    it(`refuses "${bad}"`, () => {
      expect(() => parseLabelSelector(bad)).to.throw(ValidationError, 'labelSelector')
    })
  }

  it('refuses a text beyond its length', () => {
    expect(() => parseLabelSelector('a'.repeat(4097))).to.throw(ValidationError, 'at most')
  })

  it('takes time linear in a hostile text', () => {
    const started = performance.now()
    expect(() => parseLabelSelector(`${'a in ('.repeat(600)}`)).to.throw(ValidationError)
    expect(performance.now() - started).to.be.below(2000)
  })
})
