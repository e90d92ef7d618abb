import { spawn } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'chai'
import { load, Scratch, withSqlite } from '../fixtures/db/files.ts'

const MAIN = join(import.meta.dirname, '../../src/main.ts')
/** An engine that is not there: none of these commands may need one. */
const NOWHERE = 'unix:///nonexistent/docker.sock'

interface Run {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

/** Runs the program with nothing of this process's environment but the path. */
function run(args: readonly string[], env: Record<string, string> = {}): Promise<Run> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [MAIN, ...args], {
      env: { PATH: process.env['PATH'] ?? '', DOCKER_HOST: NOWHERE, ...env },
      stdio: ['ignore', 'pipe', 'pipe']
    })
    const out = { stdout: '', stderr: '' }
    child.stdout.setEncoding('utf8').on('data', text => {
      out.stdout += text
    })
    child.stderr.setEncoding('utf8').on('data', text => {
      out.stderr += text
    })
    child.on('error', reject)
    child.on('close', code => resolve({ code, ...out }))
  })
}

describe('command line', () => {
  let scratch: Scratch
  let env: Record<string, string>
  beforeEach(async () => {
    scratch = await Scratch.create()
    env = { STATE_DB_PATH: scratch.path }
  })
  afterEach(() => scratch[Symbol.asyncDispose]())

  for (const command of ['', 'serve', 'plan', 'version', 'migrate', 'migrate status', 'migrate up', 'migrate down']) {
    it(`explains itself: docker-faas ${command}`.trimEnd(), async () => {
      const { code, stdout } = await run([...command.split(' ').filter(word => word !== ''), '--help'])
      expect(code).to.equal(0)
      expect(stdout).to.match(new RegExp(`^Usage: docker-faas ${command}`))
    })
  }

  it('prints its version', async () => {
    const { code, stdout } = await run(['version'])
    expect([code, stdout]).to.deep.equal([0, (await run(['--version'])).stdout])
    expect(stdout).to.match(/^\d+\.\d+\.\d+\n$/)
  })

  it('names every mistake of the configuration at once, and ends with 78', async () => {
    const { code, stderr } = await run(['serve'], {
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
    it(`refuses a newer schema with 78: ${command}`, async () => {
      await run(['migrate', 'up'], env)
      withSqlite(scratch.path, db =>
        db.exec("INSERT INTO schema_migrations (version, description) VALUES (99, 'Later')")
      )
      const { code, stderr } = await run(command.split(' '), env)
      expect(code).to.equal(78)
      expect(stderr).to.contain('has schema version 99, this release knows versions up to')
    })

    it(`refuses a damaged file with 78: ${command}`, async () => {
      writeFileSync(scratch.path, 'this is no database, and it is longer than the header of one')
      const { code, stderr } = await run(command.split(' '), env)
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
    expect(up.stdout).to.match(/^backed up to .+\n(applied \d: .+\n){4}.+ is at version 4\n$/)
    expect((await run(['migrate', 'up'], env)).stdout).to.contain('nothing to do')
    const down = await run(['migrate', 'down', '--to', '2'], env)
    expect([down.code, down.stderr]).to.deep.equal([0, ''])
    expect(down.stdout).to.match(/^backed up to .+\nreverted 4: .+\nreverted 3: .+\n.+ is at version 2\n$/)
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
})
