import { expect } from 'chai'
import { mistakesIn, type TestTable, withTable } from './test-table.ts'
import { isAboutSecurity, TEST_TABLES } from './test-tables.ts'

const TABLE: TestTable = {
  name: 'things',
  page: 'docs/things.md',
  head: 'thing',
  rows: [
    { id: 'N1', text: 'one' },
    { id: 'N2', text: 'two', untested: 'no machine for it' },
    { id: 'N3', text: 'three', pending: true }
  ],
  owns: () => true
}
const PAGE = 'before\n<!-- things: written by hack/test-docs.ts -->\nthe page before\n<!-- end of things -->\nafter\n'

describe('a table of tests', () => {
  const tests = (...ids: string[]) => new Map(ids.map(id => [id, ['test/a/some.test.ts']]))

  it('has a row for each id, and leaves the rest of the page as it is', () => {
    const page = withTable(PAGE, TABLE, tests('N1'))
    expect(page)
      .to.match(/^before\n/)
      .and.to.match(/\nafter\n$/)
      .and.not.to.contain('the page before')
    expect(page)
      .to.contain('| N1 | one | [some](../test/a/some.test.ts) |')
      .and.to.contain('| N2 | two | no machine for it |')
    expect(withTable(page, TABLE, tests('N1'))).to.equal(page)
  })

  it('refuses a row without a test, and one that has both a test and a reason why it has none', () => {
    expect(() => withTable(PAGE, TABLE, tests())).to.throw('N1')
    expect(() => withTable(PAGE, TABLE, tests('N1', 'N2'))).to.throw('N2')
  })

  it('is the same for a row whose tests are under way, whether or not some are there', () => {
    expect(withTable(PAGE, TABLE, tests('N1', 'N3'))).to.equal(withTable(PAGE, TABLE, tests('N1')))
  })

  it('is right though a test is not in it, and wrong with one that is not there, or another text', () => {
    const page = withTable(PAGE, TABLE, tests('N1'))
    const more = new Map([['N1', ['test/a/some.test.ts', 'test/b/more.test.ts']]])
    expect(mistakesIn(page, TABLE, more)).to.deep.equal([])
    expect(mistakesIn(page, TABLE, new Map([['N1', ['test/b/more.test.ts']]]))).to.deep.equal([
      'N1: no test of it in test/a/some.test.ts'
    ])
    expect(mistakesIn(page.replace('| two |', '| 2 |'), TABLE, more)).to.deep.equal(['N2: has no row with its text'])
    expect(mistakesIn(page.replace('no machine', 'no time'), TABLE, more)).to.deep.equal([
      'N2: the row says something else'
    ])
    const emptied = page.replace('[some](../test/a/some.test.ts)', '')
    expect(mistakesIn(emptied, TABLE, more)).to.deep.equal(['N1: the row names no test'])
  })

  for (const { name, rows } of TEST_TABLES) {
    it(`names each id of ${name} once`, () => {
      expect(new Set(rows.map(({ id }) => id)).size).to.equal(rows.length)
    })
  }
})

describe('isAboutSecurity', () => {
  const cases: [id: string, file: string, means: boolean][] = [
    ['N3', 'test/chaos/networks-security.test.ts', false],
    ['S5', 'test/integration/store-faults.test.ts', false],
    ['S5', 'controllers/function/held.test.ts', false],
    ['S5', 'test/integration/isolation-security.test.ts', true],
    ['S7', 'src/engine/docker-create.test.ts', true],
    ['S28', 'test/integration/api-v1.test.ts', true]
  ]
  for (const [id, file, means] of cases) {
    it(`takes ${id} in ${file} for ${means ? 'a requirement' : 'a fault'}`, () => {
      expect(isAboutSecurity(id, file)).to.equal(means)
    })
  }
})
