import { expect } from 'chai'
import Docker from 'dockerode'
import { useTestRun } from '../helpers/docker-run.ts'
import { eventually } from '../helpers/eventually.ts'
import { TestGateway } from '../helpers/gateway.ts'
import { testkitImage } from '../helpers/images.ts'
import { LegacyInstallation } from '../helpers/legacy.ts'

describe('what the older program left running, on a real engine', function () {
  this.timeout(90_000)
  const run = useTestRun()
  let image: string
  let legacy: LegacyInstallation
  let gateway: TestGateway | undefined

  before(async () => {
    image = await testkitImage()
  })
  beforeEach(async () => {
    legacy = await LegacyInstallation.create(new Docker())
  })
  afterEach(async () => {
    // Ours first: they may be on the older program's network.
    await gateway?.close()
    gateway = undefined
    await legacy.clear()
  })

  async function startGateway(env: Record<string, string> = {}): Promise<TestGateway> {
    const own = { STATE_DB_PATH: legacy.databasePath, FUNCTIONS_NETWORK: legacy.base }
    gateway = await TestGateway.start({ ...own, ...env })
    return gateway
  }

  /** Calls the function from several sides; `stop` gives what was answered. */
  function callOn(on: TestGateway, name: string) {
    const failed: string[] = []
    const versions: string[] = []
    let calling = true
    const callers = Array.from({ length: 6 }, async () => {
      while (calling) {
        const answer = await on.call('POST', `/function/${name}?delayMs=10`, 'x')
        if (answer.status === 200) versions.push(JSON.parse(answer.text).env)
        else failed.push(`${answer.status} ${answer.text}`)
      }
    })
    return {
      versions,
      stop: async () => {
        calling = false
        await Promise.all(callers)
        return { failed, versions }
      }
    }
  }

  async function callUntil(on: TestGateway, name: string, answers: number) {
    const calls = callOn(on, name)
    await eventually(() => expect(calls.versions.length).to.be.at.least(answers))
    return calls.stop()
  }

  /** Notes which of these containers start again after somebody asked them to stop. */
  async function watchStarts(ids: readonly string[]) {
    const stream = await legacy.docker.getEvents({ filters: { container: [...ids], event: ['start', 'destroy'] } })
    const seen: string[] = []
    stream.on('data', (chunk: Buffer) => {
      for (const line of chunk.toString().trim().split('\n')) seen.push(JSON.parse(line).Action)
    })
    return { seen, end: () => (stream as unknown as { destroy: () => void }).destroy() }
  }

  for (const replicas of [1, 2]) {
    it(`is replaced by ours without a failed call, ${replicas} of a function`, async () => {
      const name = legacy.nameOf('moved')
      legacy.write(name, { image, replicas })
      const ids = await legacy.run(name, { image, replicas, subnet: run().subnet() })
      const events = await watchStarts(ids)
      const on = await startGateway()
      const calls = callOn(on, name)
      const { status } = await on.converged(name, 60_000)
      await eventually(() => expect(calls.versions.at(-1)).to.equal('new'))
      const { failed, versions } = await calls.stop()
      expect(failed).to.deep.equal([])
      expect([...new Set(versions)].sort()).to.deep.equal(['new', 'old'])
      expect(status).to.include({ replicas, readyReplicas: replicas, outdatedReplicas: 0 })
      expect(await legacy.containers()).to.deep.equal([])
      expect(await on.containers(name)).to.deep.equal(Array.from({ length: replicas }, (_, n) => `${name}-${n}`))
      await eventually(() => expect(events.seen.filter(action => action === 'destroy')).to.have.length(replicas))
      expect(events.seen).not.to.include('start')
      events.end()
    })
  }

  it('serves on, all replicas of it, while no replica of ours gets ready', async () => {
    const name = legacy.nameOf('held')
    legacy.write(name, { image: run().brokenImage, replicas: 2 })
    const ids = await legacy.run(name, { image, replicas: 2, subnet: run().subnet() })
    const on = await startGateway()
    await on.reason(name, 'Degraded', 'StartFailed', 30_000)
    const { failed, versions } = await callUntil(on, name, 50)
    expect(failed).to.deep.equal([])
    expect([...new Set(versions)]).to.deep.equal(['old'])
    expect((await on.get(name)).status).to.include({ readyReplicas: 2, outdatedReplicas: 2 })
    for (const id of ids) expect((await legacy.docker.getContainer(id).inspect()).State.Running).to.equal(true)
    expect(await legacy.containers()).to.deep.equal([`${name}-0-legacy`, `${name}-1`])
  })

  it('has its network replaced by one of ours when the function comes back from zero, the gateway attached to each', async () => {
    const { docker, image: busybox, labels, prefix } = run()
    const stand = await docker.createContainer({
      name: `${prefix}gateway`,
      Image: busybox,
      Env: ['MODE=sleep'],
      Labels: { ...labels }
    })
    await stand.start()
    const name = legacy.nameOf('zero')
    const isAttached = async () =>
      Object.hasOwn((await stand.inspect()).NetworkSettings.Networks, legacy.networkOf(name))
    legacy.write(name, { image, replicas: 1 })
    await legacy.run(name, { image, replicas: 1, subnet: run().subnet() })
    const on = await startGateway({ GATEWAY_CONTAINER_NAME: `${prefix}gateway` })
    await on.converged(name, 60_000)
    expect(await legacy.networks()).to.deep.equal([legacy.networkOf(name)])
    expect(await isAttached()).to.equal(true)
    await on.reason(name, 'Uncovered', 'NetworkOutsidePool')
    const events = await on.call('GET', `/v1/functions/${name}/events`)
    expect(events.text).to.contain('scale the function to 0 and back')
    await on.scale(name, 0)
    await eventually(async () => expect(await legacy.networks()).to.deep.equal([]), { timeoutMs: 30_000 })
    await on.scale(name, 1)
    await on.converged(name)
    expect((await on.get(name)).status.conditions.map(({ type }) => type)).to.not.include('Uncovered')
    expect(await on.networks()).to.deep.equal([legacy.networkOf(name)])
    expect(await isAttached()).to.equal(true)
    expect((await on.call('GET', `/function/${name}`)).status).to.equal(200)
    // The loop detaches it; what a test attaches, nobody else would.
    await on.call('DELETE', `/v1/functions/${name}`)
    await eventually(async () => expect(await on.networks()).to.deep.equal([]), { timeoutMs: 30_000 })
  })

  it('goes with its function when that is deleted, containers and network', async () => {
    const name = legacy.nameOf('deleted')
    legacy.write(name, { image: run().brokenImage, replicas: 1 })
    await legacy.run(name, { image, replicas: 1, subnet: run().subnet() })
    const on = await startGateway()
    await eventually(async () => expect((await on.get(name)).status.readyReplicas).to.equal(1), { timeoutMs: 30_000 })
    expect((await on.call('DELETE', `/v1/functions/${name}`)).status).to.be.within(200, 204)
    await eventually(async () => expect((await on.call('GET', `/v1/functions/${name}`)).status).to.equal(404), {
      timeoutMs: 30_000
    })
    expect(await legacy.containers()).to.deep.equal([])
    expect(await legacy.networks()).to.deep.equal([])
  })

  it('stays when its function is not in the database, or was written down only later; the plan names it', async () => {
    const [known, unknown, later] = [legacy.nameOf('known'), legacy.nameOf('unknown'), legacy.nameOf('later')]
    legacy.write(known, { image, replicas: 1 })
    await legacy.run(known, { image, replicas: 1, subnet: run().subnet() })
    const ids = [
      ...(await legacy.run(unknown, { image, replicas: 1, subnet: run().subnet() })),
      ...(await legacy.run(later, { image, replicas: 1, subnet: run().subnet() }))
    ]
    const on = await startGateway()
    await on.converged(known, 60_000)
    await on.apply(later, { image })
    await on.reason(later, 'Degraded', 'NameConflict')
    const { garbage } = JSON.parse((await on.call('GET', '/v1/plan')).text)
    const told = garbage.filter((orphan: { name: string }) => orphan.name.includes(legacy.id))
    expect(told).to.deep.equal([
      { kind: 'container', name: `${later}-0`, owner: `openfaas-fn/${later}`, verdict: 'legacy' },
      { kind: 'container', name: `${unknown}-0`, owner: `openfaas-fn/${unknown}`, verdict: 'legacy' }
    ])
    expect(await legacy.containers()).to.deep.equal([`${later}-0`, `${unknown}-0`])
    for (const id of ids) expect((await legacy.docker.getContainer(id).inspect()).State.Running).to.equal(true)
  })
})
