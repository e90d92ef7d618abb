import { expect } from 'chai'
import { sum, tallyOf } from './tally.ts'

describe('tally of a test run', () => {
  it('takes the numbers that mocha wrote', () => {
    expect(tallyOf('{"passes":3,"failures":2}', 2)).to.deep.equal({ passed: 3, failed: 2, broke: false })
  })

  it('counts a run that died before its summary as a failure', () => {
    expect(tallyOf(undefined, 1)).to.deep.equal({ passed: 0, failed: 1, broke: true })
  })

  it('counts a run that ended badly after its summary as a failure', () => {
    expect(tallyOf('{"passes":3,"failures":0}', 134)).to.deep.equal({ passed: 3, failed: 1, broke: true })
  })

  it('adds the levels up', () => {
    expect(sum([tallyOf('{"passes":3,"failures":0}', 0), tallyOf(undefined, 1)])).to.deep.equal({
      passed: 3,
      failed: 1
    })
  })
})
