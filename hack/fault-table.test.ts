import { expect } from 'chai'
import { FAULTS } from './fault-rows.ts'
import { withFaultTable } from './fault-table.ts'

const PAGE = 'before\n<!-- faults: written by hack/fault-docs.ts -->\nthe page before\n<!-- end of faults -->\nafter\n'

describe('the table of faults', () => {
  const tests = (change: (all: Map<string, string[]>) => unknown = () => undefined) => {
    const all = new Map(FAULTS.filter(row => row.untested === undefined).map(({ id }) => [id, ['test/a.test.ts']]))
    change(all)
    return all
  }

  it('has a row for every fault, and leaves the rest of the page as it is', () => {
    const page = withFaultTable(PAGE, tests())
    expect(page)
      .to.match(/^before\n/)
      .and.to.match(/\nafter\n$/)
      .and.not.to.contain('the page before')
    expect(page.match(/^\| [A-Z]+\d+ \|/gm)).to.have.length(FAULTS.length)
    expect(withFaultTable(page, tests())).to.equal(page)
  })

  it('names each fault once', () => {
    expect(new Set(FAULTS.map(({ id }) => id)).size).to.equal(FAULTS.length)
  })

  it('refuses a fault without a test, and one that has both a test and a reason why it has none', () => {
    expect(() =>
      withFaultTable(
        PAGE,
        tests(all => all.delete('N3'))
      )
    ).to.throw('N3')
    expect(() =>
      withFaultTable(
        PAGE,
        tests(all => all.set('D14', ['test/a.test.ts']))
      )
    ).to.throw('D14')
  })
})
