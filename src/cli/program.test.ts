import { expect } from 'chai'
import { loadedPackages } from '../../test/helpers/loaded-packages.ts'

describe('the command line', () => {
  it('loads nothing but itself before a command runs: no schemas, no YAML, nothing of the gateway', () => {
    expect(loadedPackages(new URL('./program.ts', import.meta.url))).to.deep.equal(['commander'])
  })
})
