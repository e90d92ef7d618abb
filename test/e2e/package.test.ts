import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readdir, readFile, rm, symlink } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect } from 'chai'
import { PAGE, PAGE_FILES, PAGE_LICENCES } from '../../src/http/docs-files.ts'
import { eventually } from '../helpers/eventually.ts'
import { RSS_BAR_MIB, rssMiB } from '../helpers/rss.ts'

const ROOT = join(import.meta.dirname, '../..')
const run = promisify(execFile)

describe('the published package', function () {
  this.timeout(120_000)
  let directory: string
  let manifest: { version: string; bin: Record<string, string> }

  /** Runs the command of the unpacked package, as its users do. */
  const cli = (...args: string[]) =>
    run(process.execPath, [join(directory, 'package', manifest.bin['docker-faas'] ?? ''), ...args], {
      env: { ...process.env, STATE_DB_PATH: join(directory, 'functions.db') }
    })

  before(async () => {
    directory = await mkdtemp(join(tmpdir(), 'docker-faas-package-'))
    await run('npm', ['run', 'build'], { cwd: ROOT })
    const { stdout } = await run('npm', ['pack', '--json', '--pack-destination', directory], { cwd: ROOT })
    const [packed] = Object.values(JSON.parse(stdout)) as { filename: string }[]
    await run('tar', ['-xzf', join(directory, packed?.filename ?? '')], { cwd: directory })
    await symlink(join(ROOT, 'node_modules'), join(directory, 'package', 'node_modules'))
    manifest = JSON.parse(await readFile(join(directory, 'package', 'package.json'), 'utf8'))
  })
  after(() => rm(directory, { recursive: true }))

  it('is JavaScript with a command that Node runs without its TypeScript', async () => {
    const command = join(directory, 'package', manifest.bin['docker-faas'] ?? '')
    expect(await readFile(command, 'utf8')).to.match(/^#!\/usr\/bin\/env node\n/)
    expect((await cli('version')).stdout).to.equal(`${manifest.version}\n`)
    const { stdout } = await run('tar', ['-tzf', (await packedFiles()) ?? ''], { cwd: directory })
    expect(stdout.split('\n').filter(name => /(?<!\.d)\.ts$|\.test\./.test(name))).to.deep.equal([])
  })

  it('brings the page of the documentation with all that it loads, and the licences of that', async () => {
    const files = await readdir(join(directory, 'package/dist/src/http/docs-page'))
    expect(files).to.have.members([PAGE, ...Object.keys(PAGE_FILES), ...PAGE_LICENCES])
  })

  it('helps with each command', async () => {
    for (const command of [[], ['serve'], ['plan'], ['version'], ['migrate'], ['migrate', 'down']]) {
      expect((await cli(...command, '--help')).stdout).to.match(/^Usage: docker-faas/)
    }
  })

  it('I10: weighs no more than 115 MiB', async () => {
    const ours = { STATE_DB_PATH: join(directory, 'weighed.db'), INSTANCE_ID: 'weighed', FIREWALL: 'off' }
    const ports = { GATEWAY_PORT: '0', METRICS_PORT: '0' }
    const command = join(directory, 'package', manifest.bin['docker-faas'] ?? '')
    const gateway = spawn(process.execPath, [command, 'serve'], { env: { ...process.env, ...ours, ...ports } })
    const ended = once(gateway, 'exit')
    let log = ''
    gateway.stdout.on('data', chunk => {
      log += chunk
    })
    try {
      await eventually(() => expect(log).to.contain('Listening'), { timeoutMs: 30_000 })
      await eventually(() => expect(rssMiB(gateway.pid ?? 0)).to.be.at.most(RSS_BAR_MIB))
    } finally {
      gateway.kill()
      await ended
    }
  })

  it('migrates a new database up and down, and says what it did', async () => {
    expect((await cli('migrate', 'up')).stdout).to.match(/applied 1: Initial schema\napplied 2: .*\napplied 3: /)
    expect((await cli('migrate', 'status')).stdout).to.match(/\n1\|Initial schema\|\d{4}-/)
    expect((await cli('migrate', 'down', '--to', '2')).stdout).to.match(
      /backed up to .*\n(reverted \d+: .*\n)+reverted 4: .*\nreverted 3: .*\n.* is at version 2/
    )
    expect((await cli('migrate', 'status')).stdout).to.match(/3\|.*\|pending/)
  })

  it('ends with code 78 and names every variable when the configuration is wrong', async () => {
    const env = { ...process.env, GATEWAY_PORT: 'many', MAX_REPLICA: '3' }
    const failure = await run(process.execPath, [join(directory, 'package/dist/src/main.js'), 'serve'], { env }).then(
      () => undefined,
      (err: { code: number; stderr: string }) => err
    )
    expect(failure?.code).to.equal(78)
    expect(failure?.stderr)
      .to.match(/GATEWAY_PORT/)
      .and.match(/MAX_REPLICA is not known; did you mean MAX_REPLICAS/)
  })

  async function packedFiles(): Promise<string | undefined> {
    const { stdout } = await run('ls', [directory])
    return stdout.split('\n').find(name => name.endsWith('.tgz'))
  }
})
