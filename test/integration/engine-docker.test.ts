import { expect } from 'chai'
import { createDockerEngine, type DockerEngine } from '../../src/engine/docker.ts'
import type { ContainerSpec } from '../../src/engine/specs.ts'
import { createTestRun, useTestRun } from '../helpers/docker-run.ts'
import { rejects } from '../helpers/engine-contract-world.ts'
import { eventually } from '../helpers/eventually.ts'

/** What only the real engine can show: that what is asked of it also holds. */
describe('DockerEngine on a real engine', () => {
  const run = useTestRun()
  let engine: DockerEngine
  let count = 0
  let network: string

  before(async () => {
    engine = createDockerEngine({ host: run().host })
    network = `${run().prefix}net`
    await engine.createNetwork({ name: network, labels: run().labels, subnet: run().subnet() })
  })
  after(() => engine[Symbol.asyncDispose]())

  async function create(over: Partial<ContainerSpec> = {}): Promise<string> {
    const name = `${run().prefix}e${count++}`
    const { image, labels } = run()
    await engine.createContainer({
      ...{ name, image, labels, network, env: {}, tmpfs: { '/tmp': 1024 * 1024 }, ports: [] },
      ...{ memoryBytes: 32 * 1024 * 1024, memoryReservationBytes: 16 * 1024 * 1024, nanoCpus: 500_000_000 },
      ...{ cpuShares: 512, pidsLimit: 32, readOnlyRootFilesystem: true, logMaxBytes: 10_000 },
      ...over
    })
    return name
  }
  async function start(over: Partial<ContainerSpec> = {}): Promise<string> {
    const name = await create(over)
    await engine.startContainer(name)
    return name
  }
  const exited = (name: string) =>
    eventually(async () => {
      const found = await engine.inspectContainer(name)
      expect(found?.state).to.equal('exited')
      return found
    })
  /** Runs a command inside, by hand; gives what it wrote. */
  async function execute(name: string, ...Cmd: string[]): Promise<string> {
    const exec = await run().docker.getContainer(name).exec({ Cmd, AttachStdout: true, AttachStderr: true, Tty: true })
    const stream = await exec.start({ Tty: true })
    let text = ''
    for await (const chunk of stream) text += chunk
    return text
  }

  it('S1 S2 S4 S5 S6 S7: confines what it creates', async () => {
    const name = await start()
    const { HostConfig: host, Config: config } = await run().docker.getContainer(name).inspect()
    expect(host).to.deep.include({
      CapDrop: ['ALL'],
      CapAdd: null,
      SecurityOpt: ['no-new-privileges'],
      Privileged: false,
      ReadonlyRootfs: true,
      Binds: null,
      PidMode: '',
      UTSMode: '',
      UsernsMode: '',
      Memory: 32 * 1024 * 1024,
      MemoryReservation: 16 * 1024 * 1024,
      NanoCpus: 500_000_000,
      CpuShares: 512,
      PidsLimit: 32,
      RestartPolicy: { Name: 'no', MaximumRetryCount: 0 },
      LogConfig: { Type: 'json-file', Config: { 'max-size': '10000', 'max-file': '2' } }
    })
    expect(host.Devices ?? []).to.deep.equal([])
    expect(host.IpcMode).to.equal('private')
    // -1 where the kernel cannot limit swap.
    expect(host.MemorySwap).to.be.oneOf([32 * 1024 * 1024, -1])
    expect(config.Healthcheck).to.deep.equal({ Test: ['NONE'] })
    const status = await execute(name, 'cat', '/proc/1/status')
    expect(status).to.match(/CapEff:\s+0{16}/)
    expect(status).to.match(/CapBnd:\s+0{16}/)
    expect(status).to.match(/NoNewPrivs:\s+1/)
    expect(status).to.match(/Seccomp:\s+2/)
    expect(await execute(name, 'cat', '/proc/1/limits')).to.match(/Max open files\s+16384\s+16384/)
    expect(await execute(name, 'sh', '-c', 'echo x > /x')).to.contain('Read-only file system')
    expect(await execute(name, 'mount')).to.match(/tmpfs on \/tmp type tmpfs \(.*nosuid.*size=1024k/)
    expect(await execute(name, 'dd', 'if=/dev/zero', 'of=/tmp/x', 'bs=2M', 'count=1')).to.contain('No space left')
    expect(await execute(name, 'ls', '-ld', '/tmp')).to.match(/^drwxrwxrwt/)
  })

  it('K1: tells of a container that was killed for its memory', async () => {
    const name = await start({ env: { MODE: 'hog' } })
    const found = await exited(name)
    expect(found).to.include({ oomKilled: true, exitCode: 137 })
  })

  it('K2: tells the exit code of one that ended', async () => {
    const name = await start({ env: { MODE: 'exit', EXIT_CODE: '42' } })
    expect(await exited(name)).to.include({ exitCode: 42, oomKilled: false })
  })

  it('K13: tells why a process could not be started', async () => {
    const name = await create({ image: run().brokenImage })
    await rejects('other', engine.startContainer(name))
    const found = await engine.inspectContainer(name)
    expect(found?.state).to.not.equal('running')
    expect(found?.error).to.contain('no-such-program')
  })

  it('K14: removes one that ignores SIGTERM', async () => {
    const name = await start({ env: { MODE: 'stubborn' } })
    await engine.signalContainer(name, 'SIGTERM')
    await engine.removeContainer(name)
    expect(await engine.inspectContainer(name)).to.equal(undefined)
  })

  it('reads the log, stdout and stderr together', async () => {
    const name = await start({ env: { MODE: 'log' } })
    const lines = () => engine.tailLogs(name, 10).then(text => text.trimEnd().split('\n').toSorted())
    await eventually(async () => expect(await lines()).to.deep.equal(['to stderr', 'to stdout']))
    expect((await engine.tailLogs(name, 1)).trimEnd().split('\n')).to.have.length(1)
    expect(await engine.tailLogs(name, 0)).to.equal('')
  })

  it('N5: finds the network that has our labels among several of one name', async () => {
    const name = `${run().prefix}twin`
    const { docker, labels, subnet } = run()
    const twin = (Labels: Record<string, string>) => {
      const IPAM = { Driver: 'default', Config: [{ Subnet: subnet() }] }
      return docker.createNetwork({ Name: name, CheckDuplicate: false, IPAM, Labels })
    }
    const foreign = await twin({})
    try {
      // 20.10 makes a second network of a name; 26.1 refuses it whatever CheckDuplicate says.
      const ours = await twin({ ...labels }).catch(err => (err.statusCode === 409 ? undefined : Promise.reject(err)))
      expect((await engine.inspectNetwork(name))?.id).to.equal(ours?.id ?? foreign.id)
    } finally {
      await foreign.remove()
    }
  })

  it('D12: answers busy or done when several removals of one container race', async () => {
    const name = await start()
    const outcomes = await Promise.allSettled([1, 2, 3, 4].map(() => engine.removeContainer(name)))
    for (const outcome of outcomes) {
      if (outcome.status === 'rejected') expect(outcome.reason).to.include({ fault: 'busy' })
    }
    expect(outcomes.some(({ status }) => status === 'fulfilled')).to.equal(true)
    expect(await engine.inspectContainer(name)).to.equal(undefined)
  })

  it('two creates of one name at the same time: one is refused', async () => {
    const name = `${run().prefix}race`
    const outcomes = await Promise.allSettled([create({ name }), create({ name }), create({ name })])
    expect(outcomes.filter(({ status }) => status === 'fulfilled')).to.have.length(1)
    for (const outcome of outcomes) {
      if (outcome.status === 'rejected') expect(outcome.reason).to.include({ fault: 'name-in-use' })
    }
  })

  it('G3: tells of a registry that refuses, and of one that has no address', async () => {
    await rejects(
      'unavailable',
      engine.pullImage('127.0.0.1:1/nothing:1', () => undefined)
    )
    await rejects(
      'unavailable',
      engine.pullImage('registry.invalid/nothing:1', () => undefined)
    )
  })

  it('a run leaves nothing behind', async () => {
    const other = await createTestRun()
    const net = `${other.prefix}net`
    await engine.createNetwork({ name: net, labels: other.labels, subnet: other.subnet() })
    await start({ image: other.image, labels: other.labels, network: net })
    await other.docker.createVolume({ Name: `${other.prefix}v`, Labels: { ...other.labels } })
    await other.reap()
    expect(await engine.listContainers(other.labels)).to.deep.equal([])
    expect(await engine.inspectNetwork(net)).to.equal(undefined)
    expect(await engine.listVolumes(other.labels)).to.deep.equal([])
    expect(await engine.inspectImage(other.image)).to.equal(undefined)
    expect(await engine.inspectImage(other.brokenImage)).to.equal(undefined)
  })
})
