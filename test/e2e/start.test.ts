import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect } from 'chai'
import { LABEL } from '../../api/labels.ts'
import { connectEngine } from '../../hack/images.ts'
import { freePort } from '../helpers/free-port.ts'
import { uniqueName } from '../helpers/unique-name.ts'

const exec = promisify(execFile)
const CHECKOUT = join(import.meta.dirname, '../..')
const FIRST_START_MS = 180_000

describe('npm start in a fresh clone', function () {
  this.timeout(FIRST_START_MS)
  const id = uniqueName('start')
  const docker = connectEngine()
  let clone = ''
  let env: NodeJS.ProcessEnv = {}
  let running: Session | undefined

  const ours = () => docker.listContainers({ all: true, filters: { label: [`${LABEL.instance}=${id}`] } })
  const start = (): Session => {
    running = new Session(spawn('npm', ['start'], { cwd: clone, env, detached: true }))
    return running
  }

  before(async () => {
    clone = mkdtempSync(join(tmpdir(), 'docker-faas-start-'))
    await exec('git', ['clone', '--quiet', '--depth=1', `file://${CHECKOUT}`, clone])
    env = {
      ...strangersEnvironment(),
      INSTANCE_ID: id,
      SAMPLE_FUNCTION: id,
      FUNCTIONS_NETWORK: id,
      FIREWALL: 'off',
      FUNCTIONS_SUBNET_POOL: '10.78.0.0/24',
      GATEWAY_PORT: String(await freePort()),
      METRICS_PORT: String(await freePort())
    }
  })

  after(async () => {
    running?.kill('SIGINT')
    await running?.ended
    for (const { Id } of await ours()) await docker.getContainer(Id).remove({ force: true })
    await exec('npm', ['run', 'clean', '--', '--data'], { cwd: clone, env }).catch(() => undefined)
    rmSync(clone, { recursive: true, force: true })
  })

  it('shows a function deployed, answering, killed by hand and healed', async () => {
    const session = start()
    await session.shows('Now you, in another terminal')
    expect(session.output)
      .to.contain('Hello, Ada!')
      .and.contain(`docker kill ${id}-0`)
      .and.match(/✔ Healed/)
    const { stdout } = await exec('npm', ['run', '-s', 'cli', '--', 'get', 'functions', '-o', 'name'], {
      cwd: clone,
      env
    })
    expect(stdout).to.equal(`function/${id}\n`)
  })

  it('stops with code 0 on Ctrl-C, and the function runs on', async () => {
    running?.kill('SIGINT')
    expect(await running?.ended).to.equal(0)
    expect((await ours()).map(({ State }) => State)).to.deep.equal(['running'])
  })

  it('finds everything as it was at the next start', async () => {
    const before = (await ours()).map(({ Id }) => Id)
    const session = start()
    await session.shows('Now you, in another terminal')
    expect(session.output).to.contain('as it was').and.not.contain('Installing')
    expect((await ours()).map(({ Id }) => Id)).to.deep.equal(before)
  })

  it('refuses to clean up while the gateway runs', async () => {
    const outcome = await exec('npm', ['run', 'clean'], { cwd: clone, env }).catch(err => err as { stderr: string })
    expect(outcome.stderr).to.contain('Stop it first')
  })

  it('leaves nothing in Docker after npm run clean', async () => {
    running?.kill('SIGINT')
    expect(await running?.ended).to.equal(0)
    const { stdout } = await exec('npm', ['run', 'clean', '--', '--data'], { cwd: clone, env })
    expect(stdout).to.contain(`removed container ${id}-0`)
    const filters = { label: [`${LABEL.instance}=${id}`] }
    expect(await ours()).to.deep.equal([])
    expect(await docker.listNetworks({ filters })).to.deep.equal([])
    expect((await docker.listVolumes({ filters })).Volumes ?? []).to.deep.equal([])
  })
})

/** A command in a terminal of its own. */
class Session {
  readonly ended: Promise<number | null>
  output = ''
  readonly #child: ChildProcess

  constructor(child: ChildProcess) {
    this.#child = child
    for (const stream of [child.stdout, child.stderr]) {
      stream?.setEncoding('utf8').on('data', text => {
        this.output += text
        child.emit('shown')
      })
    }
    this.ended = new Promise(resolve => child.once('close', resolve))
  }

  /** Resolves once `text` was written; rejects, with all that was written, when the command ends before. */
  shows(text: string): Promise<void> {
    return new Promise((resolve, reject) => {
      const look = () => {
        if (this.output.includes(text)) resolve()
      }
      this.#child.on('shown', look)
      this.#child.once('close', code => reject(new Error(`ended with code ${code}:\n${this.output}`)))
      look()
    })
  }

  /** To the whole group, as a terminal does. */
  kill(signal: NodeJS.Signals): void {
    const { pid, exitCode, signalCode } = this.#child
    if (pid !== undefined && exitCode === null && signalCode === null) process.kill(-pid, signal)
  }
}

/** Ours without what npm, mocha and c8 put into it, and without a configuration of the gateway. */
function strangersEnvironment(): NodeJS.ProcessEnv {
  const strange = /^(npm_|NODE_V8_COVERAGE|COUNT_FILE|INIT_CWD|AUTH_|STATE_DB_PATH|LOG_)/i
  const kept = Object.entries(process.env).filter(([name]) => !strange.test(name))
  const path = (process.env['PATH'] ?? '').split(':').filter(folder => !folder.includes('node_modules'))
  return { ...Object.fromEntries(kept), PATH: path.join(':') }
}
