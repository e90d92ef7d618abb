import { execFile, execFileSync } from 'node:child_process'
import { symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'chai'
import type { AdoptionChoice } from '../../src/http/deps.ts'
import { LATEST_VERSION } from '../../src/store/schema-migrator.ts'
import { load, Scratch, withSqlite } from '../fixtures/db/files.ts'
import { PASSWORD, startApi } from '../helpers/api-server.ts'
import { type CliRun, runCli } from '../helpers/cli.ts'
import { createNamespaces } from '../helpers/namespaces.ts'
import { COMPILE_CACHE, MAIN } from '../helpers/program.ts'

const CHECKOUT = join(import.meta.dirname, '../..')
/** An engine that is not there: none of these commands may need one. */
const NOWHERE = 'unix:///nonexistent/docker.sock'

/** Runs a command with nothing of this process's environment. */
function run(args: readonly string[], env: Record<string, string> = {}): Promise<CliRun> {
  return runCli(args, { env: { DOCKER_HOST: NOWHERE, ...env } })
}

/** The same, as a process of its own: what makes the process what it is, as `serve` does, and how it ends. */
function runProcess(args: readonly string[], env: Record<string, string> = {}): Promise<CliRun> {
  const { promise, resolve, reject } = Promise.withResolvers<CliRun>()
  const ofProcess = { PATH: process.env['PATH'] ?? '', ...COMPILE_CACHE, DOCKER_HOST: NOWHERE, ...env }
  execFile(process.execPath, [MAIN, ...args], { env: ofProcess }, (err, stdout, stderr) => {
    const code = err === null ? 0 : err.code
    if (typeof code === 'number') resolve({ code, stdout, stderr })
    else reject(err)
  })
  return promise
}

describe('command line', function () {
  this.timeout(30_000)
  let scratch: Scratch
  let env: Record<string, string>
  beforeEach(async () => {
    scratch = await Scratch.create()
    env = { STATE_DB_PATH: scratch.path }
  })
  afterEach(() => scratch[Symbol.asyncDispose]())

  for (const command of [
    '',
    'serve',
    'plan',
    'adopt',
    'token',
    'token create',
    'token list',
    'token revoke',
    'login',
    'logout',
    'config',
    'config set-context',
    'apply',
    'diff',
    'get',
    'describe',
    'delete',
    'version',
    'backup',
    'namespace create',
    'invocation',
    'invocation list',
    'schedule list',
    'migrate',
    'audit',
    'audit verify',
    'audit list',
    'migrate status',
    'migrate up',
    'migrate down'
  ]) {
    it(`explains itself: docker-faas ${command}`.trimEnd(), async () => {
      const { code, stdout } = await runCli([...command.split(' ').filter(word => word !== ''), '--help'])
      expect(code).to.equal(0)
      expect(stdout).to.match(new RegExp(`^Usage: docker-faas ${command}`))
      expect(stdout).not.to.match(/default: (false|\[\])/)
    })
  }

  it('helps who types help, or what faas-cli calls it', async () => {
    expect((await run(['help'])).stdout).to.match(/^Usage: docker-faas \[options\]/)
    expect(await run(['help', 'get'])).to.include({ code: 0, stdout: (await run(['get', '--help'])).stdout })
    const { code, stderr } = await run(['list'])
    expect(code).to.equal(2)
    expect(stderr).to.match(/unknown command 'list'.*\nWhat faas-cli calls list is here: docker-faas get functions\n$/s)
  })

  it('prints its version', async () => {
    const { code, stdout } = await runProcess(['version'])
    expect([code, stdout]).to.deep.equal([0, (await run(['--version'])).stdout])
    expect(stdout).to.match(/^\d+\.\d+\.\d+\n$/)
  })

  it('is hack/bin/docker-faas of a checkout, by a link and in any folder, and takes its database', () => {
    const link = join(scratch.directory, 'docker-faas')
    symlinkSync(join(CHECKOUT, 'hack/bin/docker-faas'), link)
    const own = (...args: string[]) =>
      execFileSync(link, args, {
        cwd: '/',
        env: { PATH: process.env['PATH'] ?? '', ...COMPILE_CACHE },
        encoding: 'utf8'
      })
    expect(own('version')).to.match(/^\d+\.\d+\.\d+\n$/)
    expect(own('migrate', 'status').split('\n')[0]).to.equal(join(CHECKOUT, 'data/docker-faas.db'))
  })

  it('names every mistake of the configuration at once, and ends with 78', async () => {
    const { code, stderr } = await runProcess(['serve'], {
      ...env,
      GATEWAY_PORT: '99999',
      READ_TIMEOUT: 'soon',
      GATEWY_PORT: '1',
      DOCKER_FAAS_FOO: '1'
    })
    expect(code).to.equal(78)
    for (const name of ['GATEWAY_PORT="99999"', 'READ_TIMEOUT="soon"', 'GATEWY_PORT is not known', 'DOCKER_FAAS_FOO']) {
      expect(stderr).to.contain(name)
    }
  })

  for (const command of ['serve', 'migrate up', 'plan']) {
    const start = command === 'serve' ? runProcess : run
    it(`refuses a newer schema with 78: ${command}`, async () => {
      await run(['migrate', 'up'], env)
      withSqlite(scratch.path, db =>
        db.exec("INSERT INTO schema_migrations (version, description) VALUES (99, 'Later')")
      )
      const { code, stderr } = await start(command.split(' '), env)
      expect(code).to.equal(78)
      expect(stderr).to.contain('has schema version 99, this release knows versions up to')
    })

    it(`refuses a damaged file with 78: ${command}`, async () => {
      writeFileSync(scratch.path, 'this is no database, and it is longer than the header of one')
      const { code, stderr } = await start(command.split(' '), env)
      expect(code).to.equal(78)
      expect(stderr).to.contain('nothing was changed')
    })
  }

  it('takes a directory for no database', async () => {
    const { code, stderr } = await run(['migrate', 'up'], { STATE_DB_PATH: import.meta.dirname })
    expect(code).to.equal(78)
    expect(stderr).to.contain('it is a directory')
  })

  it('brings the file of the older program up and back, a backup first each time, and says so', async () => {
    await load('v1.0', scratch.path)
    expect((await run(['migrate', 'status'], env)).stdout).to.match(/1\|Initial schema\|pending/)
    const up = await run(['migrate', 'up'], env)
    expect([up.code, up.stderr]).to.deep.equal([0, ''])
    expect(up.stdout).to.match(
      new RegExp(`^backed up to .+\\n(applied \\d+: .+\\n){${LATEST_VERSION}}.+ is at version ${LATEST_VERSION}\\n$`)
    )
    expect((await run(['migrate', 'up'], env)).stdout).to.contain('nothing to do')
    const down = await run(['migrate', 'down', '--to', '2'], env)
    expect([down.code, down.stderr]).to.deep.equal([0, ''])
    expect(down.stdout).to.match(/^backed up to .+\n(reverted \d+: .+\n)+reverted 3: .+\n.+ is at version 2\n$/)
    expect((await run(['migrate', 'status'], env)).stdout).to.match(
      /2\|Add debug column for v2.0\|\d{4}-.+Z\n3\|.+\|pending/
    )
  })

  it('plans nothing without a database of this release, and tells an older one from none', async () => {
    const none = await run(['plan'], env)
    expect([none.code, none.stderr]).to.deep.equal([
      1,
      `docker-faas: there is no database at ${scratch.path}: set STATE_DB_PATH, or start the gateway first\n`
    ])
    await load('v1.0', scratch.path)
    const older = await run(['plan'], env)
    expect([older.code, older.stderr]).to.deep.equal([
      1,
      `docker-faas: ${scratch.path} has an older schema: run "docker-faas migrate up" first\n`
    ])
  })

  it('says in one line that the engine does not answer', async () => {
    await run(['migrate', 'up'], env)
    const { code, stderr } = await run(['plan'], env)
    expect(code).to.equal(1)
    expect(stderr).to.equal('docker-faas: container list failed: connect ENOENT /nonexistent/docker.sock\n')
  })

  describe('secrets rotate-key', () => {
    it('S25: has the running gateway encrypt every secret with a new key, and says what became of the old one', async () => {
      await using api = await startApi()
      await api.store.secrets.put('openfaas-fn/a', Buffer.from('one'))
      const known = { ...env, AUTH_PASSWORD: PASSWORD }
      const first = await run(['secrets', 'rotate-key', '--gateway', api.url], known)
      expect([first.code, first.stderr]).to.deep.equal([0, ''])
      expect(first.stdout).to.match(/^1 secrets are encrypted with the new key [0-9a-f]{16} now\n/)
      expect(first.stdout).to.match(/\nkey [0-9a-f]{16} is needed by older backups only; --remove-old /)
      const second = await run(['secrets', 'rotate-key', '--remove-old', '--json', '--gateway', api.url], known)
      expect(JSON.parse(second.stdout)).to.deep.include({ resealed: 1, unreadable: [], unusedKeyIds: [] })
      const { keys } = (await api.request('GET', '/v1/secret-keys')).json
      expect(keys).to.deep.equal([{ id: JSON.parse(second.stdout).keyId, inUse: true }])
    })
  })

  describe('adopt', () => {
    it('says what to do when no gateway answers', async () => {
      const { code, stderr } = await run(['adopt'], { ...env, GATEWAY_ADDRESS: '127.0.0.1', GATEWAY_PORT: '9' })
      expect(code).to.equal(5)
      expect(stderr).to.contain('no gateway answers at http://127.0.0.1:9: start it first, or name it with --gateway')
    })

    it('needs the password of the gateway, and makes none up', async () => {
      await using api = await startApi()
      const { code, stderr } = await run(['adopt', '--gateway', api.url], env)
      expect(code).to.equal(1)
      expect(stderr).to.contain('set STATE_DB_PATH as the gateway has it, or AUTH_PASSWORD')
      const wrong = await run(['adopt', '--gateway', api.url], { ...env, AUTH_PASSWORD: 'wrong' })
      expect([wrong.code, wrong.stderr]).to.deep.equal([
        4,
        'docker-faas: the gateway answered 401: this needs credentials that are good: user and password (Basic), or a token (Bearer) that has not expired\n' +
          `the password is that of AUTH_PASSWORD, AUTH_PASSWORD_FILE or the folder of ${scratch.path}; or run "docker-faas login ${api.url}"\n`
      ])
    })

    it('lists without changing anything, and decides when it is told to', async () => {
      const choices: AdoptionChoice[] = []
      const item = { uid: 'u', generation: 4, replicas: 2, image: 'hello:2', runs: 4, containers: [] }
      await using api = await startApi({
        adoption: {
          list: async () => ({
            active: true,
            since: '2026-01-01T00:00:00.000Z',
            adopt: [{ ...item, function: 'openfaas-fn/hello', database: 3 }],
            conflicts: [{ ...item, function: 'openfaas-fn/world', reason: 'written anew since' }],
            delete: [{ kind: 'network', name: 'net-x', owner: '', verdict: '', reason: 'not known' }],
            forged: 1
          }),
          confirm: async choice => {
            choices.push(choice)
            return {
              active: choice.functions !== undefined,
              adopted: ['openfaas-fn/hello'],
              deleted: ['network net-x']
            }
          }
        }
      })
      const known = { ...env, AUTH_PASSWORD: PASSWORD }
      const at = ['--gateway', api.url]
      const listed = await run(['adopt', ...at], known)
      expect([listed.code, listed.stderr]).to.deep.equal([0, ''])
      expect(listed.stdout.split('\n')).to.include.members([
        'the database is older than what runs (found 2026-01-01T00:00:00.000Z)',
        'adopt openfaas-fn/hello: generation 4, 2 of hello:2; generation 3 in the database',
        'conflict openfaas-fn/world: generation 4, 2 of hello:2; not in the database: written anew since',
        'delete network net-x: not known'
      ])
      expect(choices).to.deep.equal([])
      const confirmed = await run(['adopt', '--confirm', ...at], known)
      expect(confirmed.stdout).to.equal('adopted openfaas-fn/hello\ngave up network net-x\nnothing is left to decide\n')
      await run(['adopt', '--delete', 'hello', 'a/b', ...at], known)
      expect(choices).to.deep.equal([
        { action: 'adopt' },
        { action: 'delete', functions: ['openfaas-fn/hello', 'a/b'] }
      ])
      const both = await run(['adopt', '--delete', '--confirm', ...at], known)
      expect([both.code, both.stderr]).to.deep.equal([2, 'docker-faas: choose one of --confirm and --delete\n'])
    })
  })

  it('shows asynchronous calls of the running gateway, puts dead letters back and removes them', async function () {
    this.timeout(30_000)
    await using api = await startApi()
    const { invocations } = api.store
    for (const id of ['a', 'b']) {
      const draft = { namespace: 'team-a', name: 'fn', method: 'POST', path: '/x?secret=1', headers: [] }
      await invocations.accept({ ...draft, body: Buffer.from('x'), id, callId: `call-${id}`, now: 0 })
    }
    await invocations.bury('team-a', 'fn', 1)
    const known = { ...env, AUTH_PASSWORD: PASSWORD }
    const of = async (...words: string[]) => {
      const { code, stdout, stderr } = await run(['invocations', ...words, '--gateway', api.url], known)
      return code === 0 ? stdout : `${code} ${stderr}`
    }
    expect(await of('list', '--phase', 'dead')).to.match(
      /^ID +FUNCTION .*\nb +fn\.team-a +dead +FunctionDeleted +0 +404 +.*\na +fn\.team-a +dead +FunctionDeleted +0 +404 +.*\n$/
    )
    expect(await of('ls', '--phase', 'dead', '-o', 'name')).to.equal('invocation/b\ninvocation/a\n')
    expect(JSON.parse(await of('get', 'a'))).to.include({ id: 'a', phase: 'dead', path: '/x' })
    expect(JSON.parse(await of('get', 'call-b'))).to.include({ id: 'b', callId: 'call-b' })
    expect(await of('get', 'c')).to.equal('3 docker-faas: there is no call c, or it is no longer remembered\n')
    expect(await of('requeue', 'a')).to.equal('put back 1 dead letter\n')
    expect(await of('purge', '--all')).to.equal('removed 1 dead letter\n')
    expect(await of('list', '--json')).to.contain('"queued"')
  })

  describe('token', function () {
    this.timeout(30_000)

    it('creates, lists and revokes tokens of the running gateway', async () => {
      await using api = await startApi()
      await createNamespaces(api.store, ['team-a'])
      const known = { ...env, AUTH_PASSWORD: PASSWORD }
      const at = ['--gateway', api.url]
      const bound = ['--scope', 'read,invoke', '--namespace', 'team-a', '--expires-in', '1h']
      const created = await run(['token', 'create', 'ci', ...bound, ...at], known)
      expect(created.code, created.stderr).to.equal(0)
      expect(created.stdout).to.match(/^dfaas_[0-9a-f]{16}_[A-Za-z0-9_-]{43}\n$/)
      expect(created.stderr).to.match(/^created token ci \(token [0-9a-f]{16}\): read, invoke in team-a, until 20/)
      const authorization = `Bearer ${created.stdout.trim()}`
      const asToken = () => api.request('GET', '/system/namespaces', undefined, { authorization })
      expect((await asToken()).json).to.deep.equal(['team-a'])

      const listed = await run(['token', 'list', ...at], known)
      expect(listed.stdout).to.match(/^NAME .*\nci +token +read,invoke +team-a +20\S+Z +\d+[ms]/)
      expect(listed.stdout).not.to.contain(created.stdout.trim().slice(-43))
      const again = await run(['token', 'create', 'ci', '--scope', 'read', ...at], known)
      expect([again.code, again.stderr]).to.deep.equal([
        1,
        'docker-faas: the gateway answered 409: there is a token ci already; revoke it first, or take another name\n'
      ])

      const revoked = await run(['token', 'revoke', 'ci', ...at], known)
      expect([revoked.code, revoked.stdout]).to.deep.equal([0, 'revoked ci\n'])
      expect((await asToken()).status).to.equal(401)
      expect((await run(['token', 'list', ...at], known)).stderr).to.equal('there are no tokens\n')
    })
  })
})
