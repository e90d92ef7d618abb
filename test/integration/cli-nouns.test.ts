import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import { type ApiServer, PASSWORD, startApi } from '../helpers/api-server.ts'
import { type anEnvironment, runCli } from '../helpers/cli.ts'

describe('docker-faas secret, namespace, profile and token', () => {
  let api: ApiServer
  let directory: string
  before(async () => {
    api = await startApi()
    directory = await mkdtemp(join(tmpdir(), 'faas-cli-'))
  })
  after(async () => {
    await api[Symbol.asyncDispose]()
    await rm(directory, { recursive: true })
  })

  const cli = (args: string[], given: Parameters<typeof anEnvironment>[0] = {}) =>
    runCli(args, { env: { DOCKER_FAAS_GATEWAY: api.url, AUTH_PASSWORD: PASSWORD }, ...given })
  const stored = async (name: string) => {
    const secret = await api.store.secrets.get(`openfaas-fn/${name}`)
    return secret && (await api.store.secrets.reveal(secret))?.toString('latin1')
  }

  it('lists things of each noun, in the singular and in the plural', async () => {
    for (const noun of ['secret', 'namespace', 'profile', 'token', 'schedule', 'invocation']) {
      for (const words of [
        [noun, 'list'],
        [`${noun}s`, 'list'],
        [`${noun}s`, 'ls', '-o', 'json']
      ]) {
        expect(await cli(words), words.join(' ')).to.include({ code: 0 })
      }
    }
    expect((await cli(['token', 'rm', 'none'])).code).to.equal(3)
  })

  it('writes secrets from the standard input, from files as they are, and says why a literal is unwise', async () => {
    const created = await cli(['secret', 'create', 'db'], { stdin: 'hunter2\r\n' })
    expect(created).to.deep.equal({ code: 0, stdout: 'secret/db created\n', stderr: '' })
    expect(await stored('db')).to.equal('hunter2')
    await cli(['secret', 'update', 'db', '--no-trim'], { stdin: 'hunter3\n' })
    expect(await stored('db')).to.equal('hunter3\n')
    const file = join(directory, 'key')
    await writeFile(file, Buffer.from([0xff, 0x00, 0x0a]))
    await cli(['secret', 'update', 'db', '--from-file', file])
    expect(await stored('db')).to.equal('\u00ff\u0000\n')
    const literal = await cli(['secret', 'update', 'db', '--from-literal', 'shown'])
    expect(literal.stderr).to.contain('shows the value to other users').and.not.contain('shown\n')
    expect(await stored('db')).to.equal('shown')
  })

  it('refuses to create a secret that is there, to change one that is not, and to write an empty one by mistake', async () => {
    expect((await cli(['secret', 'create', 'db'], { stdin: 'x' })).code).to.equal(1)
    expect((await cli(['secret', 'update', 'none'], { stdin: 'x' })).code).to.equal(3)
    expect(await cli(['secret', 'create', 'other'])).to.include({ code: 2 })
    expect(await cli(['secret', 'create', 'other', '--from-file', '/nowhere'])).to.include({ code: 2 })
  })

  it('lists secrets without their values, and deletes those that no function uses', async () => {
    await api.request('POST', '/v1/functions', { metadata: { name: 'fn' }, spec: { image: 'a:1', secrets: ['db'] } })
    const list = await cli(['secret', 'list', '-o', 'wide'])
    expect(list.stdout).to.match(/^NAME +VERSION +BYTES +AGE +USED BY\ndb +4 +5 +\S+ +\S*fn\n$/)
    expect(list.stdout).to.not.contain('shown')
    const inUse = await cli(['secret', 'delete', 'db'])
    expect([inUse.code, inUse.stderr]).to.satisfy(([code, text]: [number, string]) => code === 1 && /fn/.test(text))
    expect((await cli(['secret', 'delete', 'db', '--force'])).stdout).to.equal('secret/db deleted\n')
    expect((await cli(['secret', 'get', 'db'])).code).to.equal(3)
    expect((await cli(['secrets', 'rotate-key'])).stdout).to.contain('encrypted with the new key')
  })

  it('creates, changes, lists and deletes namespaces with their quotas', async () => {
    const made = await cli(['namespace', 'create', 'team-a', '--label', 'team=a', '--max-functions', '2'])
    expect(made).to.deep.equal({ code: 0, stdout: 'namespace/team-a created\n', stderr: '' })
    expect((await cli(['namespace', 'create', 'team-a'])).code).to.equal(1)
    await cli(['ns', 'update', 'team-a', '--label', 'team-', '--annotation', 'owner=x', '--max-memory', '1Gi'])
    const { metadata } = JSON.parse((await cli(['namespace', 'get', 'team-a', '-o', 'json'])).stdout)
    expect(metadata).to.deep.include({
      labels: {},
      annotations: {
        'com.docker-faas.quota.functions': '2',
        'com.docker-faas.quota.memory': '1Gi',
        owner: 'x'
      }
    })
    expect((await cli(['namespace', 'list', '-o', 'name'])).stdout).to.contain('namespace/team-a\n')
    expect((await cli(['namespace', 'update', 'team-a'])).code).to.equal(2)
    expect((await cli(['namespace', 'create', 'b', '--label', 'x-'])).code).to.equal(2)
    expect((await cli(['namespace', 'delete', 'team-a'])).stdout).to.equal('namespace/team-a deleted\n')
    expect((await cli(['namespace', 'get', 'team-a'])).code).to.equal(3)
  })

  it('ends with 1, and not as for credentials, when a quota has no room', async () => {
    await cli(['namespace', 'create', 'team-q', '--annotation', 'com.docker-faas.quota.replicas=1'])
    const manifest = 'kind: Function\nmetadata: {name: a, namespace: team-q}\nspec: {image: "a:1", replicas: 1}'
    expect((await cli(['apply', '-f', '-'], { stdin: manifest })).code).to.equal(0)
    const { code, stderr } = await cli(['scale', 'a.team-q', '--replicas', '2'])
    expect(code).to.equal(1)
    expect(stderr).to.contain('403: the quota of namespace team-q has no room')
  })

  it('lists, prints and deletes profiles', async () => {
    await api.request('POST', '/v1/profiles', { metadata: { name: 'safe' }, spec: { user: '1000:1000' } })
    expect((await cli(['profile', 'list', '-o', 'name'])).stdout).to.equal('profile/safe\n')
    expect((await cli(['profile', 'get', 'safe', '-o', 'yaml'])).stdout).to.contain('user: 1000:1000')
    expect((await cli(['profile', 'delete', 'safe'])).stdout).to.equal('profile/safe deleted\n')
    expect((await cli(['profile', 'list'])).stderr).to.equal('there are no profiles\n')
  })

  it('creates, lists and revokes tokens', async () => {
    const { stdout, stderr } = await cli(['token', 'create', 'ci', '--scope', 'read', '--namespace', 'openfaas-fn'])
    expect(stdout.trim().split('\n')).to.have.length(1)
    expect(stderr).to.contain('it is shown this once')
    expect((await cli(['token', 'list'])).stdout).to.match(/^NAME +KIND .*\nci +token +read +openfaas-fn +never/)
    expect(JSON.parse((await cli(['token', 'list', '--json'])).stdout)[0]).to.include({ name: 'ci' })
    expect((await cli(['token', 'get', 'ci', '-o', 'json'])).stdout).to.not.contain(stdout.trim())
    expect((await cli(['token', 'revoke', 'ci'])).stdout).to.equal('revoked ci\n')
    expect((await cli(['token', 'list'])).stderr).to.equal('there are no tokens\n')
  })
})
