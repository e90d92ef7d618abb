import { expect } from 'chai'
import { loadedModules, loadedPackages } from '../../test/helpers/loaded-packages.ts'

describe('the command line', () => {
  it('loads nothing but itself before a command runs: no schemas, no YAML, nothing of the gateway', () => {
    expect(loadedPackages(new URL('./program.ts', import.meta.url))).to.deep.equal(['commander'])
  })

  it('I10: loads no other command than those that stay, or run often, for one of them', () => {
    const modules = loadedModules(new URL('./small.ts', import.meta.url)).filter(url => url.includes('/src/cli/'))
    const files = modules.map(url => url.replace(/^.*\/src\/cli\//, ''))
    const own = ['small.ts', 'run.ts', 'client/terminal.ts', 'exit-code.ts', 'version.ts', 'commit.ts']
    expect(files).to.have.members(own)
  })
})
