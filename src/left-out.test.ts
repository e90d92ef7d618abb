import { createRequire } from 'node:module'
import { expect } from 'chai'
import { loadedModules, packageOf } from '../test/helpers/loaded-packages.ts'
import { LEFT_OUT } from './left-out.ts'

const SERVE = new URL('./cli/serve.ts', import.meta.url)
/** It is loaded when an engine is first connected to. */
const DOCKERODE = new URL(import.meta.resolve('dockerode'))

describe('the parts of packages that are left out', () => {
  let modules: readonly string[]

  before(() => {
    modules = loadedModules(SERVE, DOCKERODE)
  })

  it('I10: are parts that those packages would load, each of them', () => {
    const parts = modules.map(url => /^left-out:((?:@[^/]+\/)?[^/]+)/.exec(url)?.[1])
    expect([...new Set(parts)].filter(name => name !== undefined)).to.have.members(Object.keys(LEFT_OUT))
  })

  it('I10: are all that asks for SSH, gRPC, tracing and the moving of log files', () => {
    const packages = [...new Set(modules.map(packageOf))]
    expect(packages).to.include.members(['dockerode', 'zod', '@mikro-orm/sqlite', 'prom-client', 'bunyan'])
    const unused = /^(ssh2|@grpc|protobufjs|@opentelemetry|rimraf|mv|ncp|glob)/
    expect(packages.filter(name => name !== undefined && unused.test(name))).to.deep.equal([])
  })

  it('I10: leave English as the language of messages, and one dialect of SQL', () => {
    const among = (pattern: RegExp) => [...new Set(modules.map(url => pattern.exec(url)?.[1]))].filter(Boolean)
    expect(among(/node_modules\/zod\/v4\/locales\/(.*)/)).to.deep.equal(['en.js'])
    expect(among(/node_modules\/.*\/dialects?\/(\w+)\//)).to.deep.equal(['sqlite'])
  })

  it('say so to who calls one', () => {
    const dockerModem = createRequire(DOCKERODE).resolve('docker-modem')
    const connectSsh = createRequire(dockerModem)('./ssh') as () => unknown
    expect(connectSsh).to.throw('left-out:docker-modem/./ssh')
  })
})
