import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import { useTestRun } from '../helpers/docker-run.ts'
import { eventually } from '../helpers/eventually.ts'
import { freePort } from '../helpers/free-port.ts'
import { testkitImage } from '../helpers/images.ts'
import { rssMiB } from '../helpers/rss.ts'
import { ServeProcess } from '../helpers/serve-process.ts'
import { workersOf } from '../helpers/worker-processes.ts'

/** An idle worker, run from its sources: what reads TypeScript weighs as much as what it reads. */
const WORKER_BAR_MIB = 120

describe('workers and the process that started them', function () {
  this.timeout(60_000)
  const run = useTestRun()
  let folder: string
  let gateway: ServeProcess

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'docker-faas-workers-'))
  })
  afterEach(() => gateway.kill())
  after(() => rm(folder, { recursive: true }))

  async function start(env: Record<string, string> = {}): Promise<void> {
    const { instance, prefix } = run()
    gateway = new ServeProcess({
      ...{ INSTANCE_ID: instance, STATE_DB_PATH: join(folder, 'test.db'), FUNCTIONS_NETWORK: `${prefix}net` },
      ...{ GATEWAY_WORKERS: '2', SHUTDOWN_GRACE: '10s', ...env }
    })
    await gateway.listening()
  }

  const workers = () => workersOf(gateway.child.pid ?? 0)

  async function deploy(): Promise<string> {
    const name = `${run().prefix}fn`
    const spec = { image: await testkitImage(), replicas: 1 }
    // It is there already from the second test on.
    await gateway.call('POST', '/v1/functions', { metadata: { name }, spec })
    await eventually(async () => expect((await gateway.get(name))?.status.readyReplicas).to.equal(1), {
      timeoutMs: 20_000
    })
    return name
  }

  it('end when it is killed, after their calls, and leave the port to the next one', async () => {
    const port = await freePort()
    await start({ GATEWAY_PORT: String(port) })
    const name = await deploy()
    const pids = workers()
    expect(pids).to.have.length(2)
    for (const pid of pids) expect(rssMiB(pid)).to.be.below(WORKER_BAR_MIB)
    const call = gateway.call('GET', `/function/${name}?delayMs=1500`)
    await eventually(async () => expect(await gateway.metrics()).to.match(/invocation_inflight\{.*\} 1/))
    await gateway.kill()
    expect((await call).status).to.equal(200)
    await eventually(() => expect(pids.filter(isAlive)).to.deep.equal([]), { timeoutMs: 10_000 })
    await start({ GATEWAY_PORT: String(port) })
    expect((await gateway.call('GET', '/livez')).status).to.equal(200)
  })

  it('are killed when they hang, and replaced', async () => {
    await start({ WORKER_HANG_TIMEOUT: '2s' })
    const [hung = 0, other] = workers()
    process.kill(hung, 'SIGSTOP')
    await eventually(() => expect(workers()).to.have.length(2).and.not.include(hung))
    expect(workers()).to.include(other)
    await eventually(async () => expect(await gateway.metrics()).to.match(/^faas_worker_hangs_total 1$/m))
    expect(gateway.logged('Killed worker that hung')).to.include({ worker: 1 })
    expect(gateway.logged('Replaced worker that ended')).to.include({ worker: 1, how: 'SIGKILL' })
    for (let n = 0; n < 10; n++) expect((await gateway.call('GET', '/livez')).status).to.equal(200)
  })

  it('leave a signal to the whole group to it: calls end, and all is well', async () => {
    await start()
    const name = await deploy()
    const pids = workers()
    const call = gateway.call('GET', `/function/${name}?delayMs=1000`)
    await eventually(async () => expect(await gateway.metrics()).to.match(/invocation_inflight\{.*\} 1/))
    for (const pid of [...pids, gateway.child.pid ?? 0]) process.kill(pid, 'SIGINT')
    expect((await call).status).to.equal(200)
    expect(await gateway.exited).to.deep.equal({ code: 0, signal: null })
    expect(gateway.errors).to.equal('')
    expect(pids.filter(isAlive)).to.deep.equal([])
  })

  it('say so and end the start with it when the port is taken', async () => {
    await start()
    const port = await gateway.listening()
    const second = new ServeProcess({
      ...{ INSTANCE_ID: run().instance, STATE_DB_PATH: join(folder, 'second.db') },
      ...{ GATEWAY_WORKERS: '2', GATEWAY_PORT: String(port) }
    })
    second.listening().catch(() => undefined)
    expect((await second.exited).code).to.equal(1)
    expect(second.errors).to.contain(`port ${port} is taken; set GATEWAY_PORT to another one`)
  })
})

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false // there is no such process
  }
}
