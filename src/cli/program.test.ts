import { execFileSync } from 'node:child_process'
import { expect } from 'chai'

/** Prints the packages that the commands load before one of them runs, one a line. */
const PROGRAM = `
  import { registerHooks } from 'node:module'
  const packages = new Set()
  registerHooks({
    load(url, context, next) {
      const name = /node_modules\\/((?:@[^/]+\\/)?[^/]+)\\//.exec(url)?.[1]
      if (name !== undefined) packages.add(name)
      return next(url, context)
    }
  })
  await import(${JSON.stringify(new URL('./program.ts', import.meta.url).href)})
  console.log([...packages].join('\\n'))`

describe('the command line', () => {
  it('loads nothing but itself before a command runs: no schemas, no YAML, nothing of the gateway', () => {
    const args = ['--input-type=module-typescript', '-e', PROGRAM]
    expect(execFileSync(process.execPath, args).toString().trim().split('\n')).to.deep.equal(['commander'])
  })
})
