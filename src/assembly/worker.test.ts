import { expect } from 'chai'
import { loadedPackages } from '../../test/helpers/loaded-packages.ts'

describe('a worker process', () => {
  it('loads no more than calls need: no database, no Docker, no API, no schemas', () => {
    const packages = loadedPackages(new URL('./worker.ts', import.meta.url))
    expect(packages).to.include.members(['undici', 'ipaddr.js'])
    const heavy =
      /^(@mikro-orm|better-sqlite3|dockerode|docker-modem|koa$|@koa|zod|prom-client|@node-rs|rate-limiter|commander)/
    expect(packages.filter(name => heavy.test(name))).to.deep.equal([])
  })
})
