import { expect } from 'chai'
import { sum, tallyOf } from './tally.ts'

describe('tally of a test run', () => {
  it('takes what mocha wrote, and says in which share a test failed', () => {
    expect(tallyOf('unit', '{"passed":3,"failures":["sums: 1 is not 2"]}', 1)).to.deep.equal({
      passed: 3,
      failures: ['unit: sums: 1 is not 2']
    })
  })

  it('counts a run that died before its summary as a failure', () => {
    expect(tallyOf('unit', undefined, 1)).to.deep.equal({
      passed: 0,
      failures: ['unit: ended with code 1 before its summary']
    })
  })

  it('counts a run that ended badly after its summary as a failure', () => {
    expect(tallyOf('unit', '{"passed":3,"failures":[]}', 134)).to.deep.equal({
      passed: 3,
      failures: ['unit: ended with code 134 after its summary']
    })
  })

  it('adds the levels up', () => {
    const ofUnit = tallyOf('unit', '{"passed":3,"failures":["sums: 1 is not 2"]}', 1)
    expect(sum([ofUnit, tallyOf('e2e', undefined, 1)])).to.deep.equal({
      passed: 3,
      failures: ['unit: sums: 1 is not 2', 'e2e: ended with code 1 before its summary']
    })
  })
})
