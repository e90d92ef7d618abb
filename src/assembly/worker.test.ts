import { execFileSync } from 'node:child_process'
import { expect } from 'chai'

/** Prints the packages that a worker loads, one a line. */
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
  await import(${JSON.stringify(new URL('./worker.ts', import.meta.url).href)})
  console.log([...packages].join('\\n'))`

describe('a worker process', () => {
  it('loads no more than calls need: no database, no Docker, no API, no schemas', () => {
    const args = ['--input-type=module-typescript', '-e', PROGRAM]
    const packages = execFileSync(process.execPath, args).toString().trim().split('\n')
    expect(packages).to.include.members(['undici', 'ipaddr.js'])
    const heavy =
      /^(@mikro-orm|better-sqlite3|dockerode|docker-modem|koa$|@koa|zod|prom-client|@node-rs|rate-limiter|commander)/
    expect(packages.filter(name => heavy.test(name))).to.deep.equal([])
  })
})
