import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import { createRegistryAuth } from './registry-auth.ts'

const base64 = (text: string) => Buffer.from(text).toString('base64')

describe('createRegistryAuth', () => {
  let folder: string
  let file: string
  let warnings: string[]
  const path = process.env['PATH']

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'registry-auth-'))
    file = join(folder, 'config.json')
    warnings = []
    process.env['PATH'] = `${folder}:${path}`
  })
  afterEach(async () => {
    process.env['PATH'] = path
    await rm(folder, { recursive: true })
  })

  const anAuth = (helperTimeoutMs = 20_000) =>
    createRegistryAuth({ file, warn: message => warnings.push(message), helperTimeoutMs })
  const write = (config: unknown) => writeFile(file, JSON.stringify(config))
  async function aHelper(name: string, script: string) {
    await writeFile(join(folder, `docker-credential-${name}`), `#!/bin/sh\n${script}\n`)
    await chmod(join(folder, `docker-credential-${name}`), 0o755)
  }

  it('is nobody without a file, and for what is no image reference', async () => {
    expect(await anAuth().forImage('r.io/x:1')).to.equal(undefined)
    expect(await anAuth().forImage('Not An Image')).to.equal(undefined)
    expect(warnings).to.deep.equal([])
  })

  it('finds the very registry, its port included; a password may hold colons', async () => {
    await write({ auths: { 'r.io': { auth: base64('a:b:c') }, 'r.io:5000': { auth: base64('d:e') } } })
    expect(await anAuth().forImage('r.io/x')).to.deep.equal({ serveraddress: 'r.io', username: 'a', password: 'b:c' })
    expect(await anAuth().forImage('r.io:5000/x@sha256:'.concat('0'.repeat(64)))).to.include({ username: 'd' })
    expect(await anAuth().forImage('r.io:5001/x')).to.equal(undefined)
  })

  for (const key of [
    'https://index.docker.io/v1/',
    'docker.io',
    'index.docker.io',
    'https://registry-1.docker.io/v2/'
  ]) {
    it(`knows Docker Hub as ${key}`, async () => {
      await write({ auths: { [key]: { auth: base64('me:pw') } } })
      const expected = { serveraddress: 'https://index.docker.io/v1/', username: 'me', password: 'pw' }
      expect(await anAuth().forImage('nginx')).to.deep.equal(expected)
      expect(await anAuth().forImage('r.io/nginx')).to.equal(undefined)
    })
  }

  it('takes older entries with a scheme and a path, and identity tokens', async () => {
    await write({ auths: { 'https://r.io/v1/': { identitytoken: 'token', auth: base64('a:b') } } })
    expect(await anAuth().forImage('r.io/x')).to.deep.equal({ serveraddress: 'r.io', identitytoken: 'token' })
  })

  it('G2: reads the file again at each pull', async () => {
    const auth = anAuth()
    expect(await auth.forImage('r.io/x')).to.equal(undefined)
    await write({ auths: { 'r.io': { auth: base64('a:b') } } })
    expect(await auth.forImage('r.io/x')).to.include({ username: 'a' })
  })

  it('S28: warns once of a malformed file, without its content, and is nobody', async () => {
    await writeFile(file, '{"auths": hunter2')
    const auth = anAuth()
    expect(await auth.forImage('r.io/x')).to.equal(undefined)
    expect(await auth.forImage('r.io/x')).to.equal(undefined)
    expect(warnings).to.deep.equal([`registry credentials in ${file} are no JSON object`])
    await write({ auths: { 'r.io': { auth: base64('hunter2') } } })
    expect(await auth.forImage('r.io/x')).to.equal(undefined)
    expect(warnings).to.have.length(2)
    expect(warnings.join()).to.not.contain('hunter2')
  })

  for (const config of [{ auths: [] }, { auths: { 'r.io': 5 } }, { auths: null, credHelpers: 'x' }, {}]) {
    it(`survives ${JSON.stringify(config)}`, async () => {
      await write(config)
      expect(await anAuth().forImage('r.io/x')).to.equal(undefined)
    })
  }

  it('asks the helper of the registry before the store for all, and tells it the registry', async () => {
    await aHelper('one', 'read key; echo "{\\"Username\\":\\"one $1 $key\\",\\"Secret\\":\\"s\\"}"')
    await aHelper('all', 'read key; echo "{\\"Username\\":\\"<token>\\",\\"Secret\\":\\"$key\\"}"')
    await write({ credHelpers: { 'r.io': 'one' }, credsStore: 'all' })
    const one = { serveraddress: 'r.io', username: 'one get r.io', password: 's' }
    expect(await anAuth().forImage('r.io/x')).to.deep.equal(one)
    const hub = 'https://index.docker.io/v1/'
    expect(await anAuth().forImage('nginx')).to.deep.equal({ serveraddress: hub, identitytoken: hub })
  })

  it('takes the file’s own entry when the helper knows none', async () => {
    await aHelper('all', 'echo "credentials not found in native keychain"; exit 1')
    await write({ credsStore: 'all', auths: { 'r.io': { auth: base64('a:b') } } })
    expect(await anAuth().forImage('r.io/x')).to.include({ username: 'a' })
    expect(warnings).to.deep.equal([])
  })

  for (const [what, script] of [
    ['fails', 'echo hunter2; echo hunter2 >&2; exit 3'],
    ['hangs', 'exec sleep 10'],
    ['talks nonsense', 'echo hunter2']
  ] as const) {
    it(`S28: warns of a helper that ${what}, without what it said`, async () => {
      await aHelper('all', script)
      await write({ credsStore: 'all' })
      expect(await anAuth(500).forImage('r.io/x')).to.equal(undefined)
      expect(warnings).to.have.length(1)
      expect(warnings[0]).to.match(/^credential helper all /)
      expect(warnings[0]).to.not.contain('hunter2')
    })
  }

  it('never runs a helper outside of the path', async () => {
    await write({ credsStore: '../../bin/x' })
    expect(await anAuth().forImage('r.io/x')).to.equal(undefined)
    expect(warnings).to.deep.equal(['the name of the credential helper is not allowed'])
  })
})
