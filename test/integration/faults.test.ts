import { expect } from 'chai'
import { type TestRun, useTestRun } from '../helpers/docker-run.ts'
import { eventually } from '../helpers/eventually.ts'
import { TestGateway } from '../helpers/gateway.ts'
import { testkitImage } from '../helpers/images.ts'

describe('faults on a real engine', function () {
  this.timeout(60_000)
  const run = useTestRun()
  let gateway: TestGateway
  let image: string

  before(async () => {
    image = await testkitImage()
    gateway = await TestGateway.start({ READY_TIMEOUT: '2s' })
  })
  after(() => gateway.close())

  /** A container that is not ours, by that name. */
  async function aStranger({ docker, image: busybox, labels }: TestRun, name: string) {
    const container = await docker.createContainer({ name, Image: busybox, Env: ['MODE=sleep'], Labels: { ...labels } })
    await container.start()
    return container
  }

  it('K3: loses no idempotent call when a replica is killed under load, and none at all 100 ms later', async () => {
    await gateway.apply('loaded', { image, replicas: 3 })
    await gateway.converged('loaded')
    const codes: number[] = []
    let calling = true
    const callers = Array.from({ length: 8 }, async () => {
      while (calling) codes.push((await gateway.call('GET', '/function/loaded?delayMs=5')).status)
    })
    await gateway.docker.getContainer('loaded-1').kill()
    await eventually(() => expect(codes.length).to.be.at.least(100))
    calling = false
    await Promise.all(callers)
    expect(codes.filter(code => code !== 200)).to.deep.equal([])
    await gateway.docker.getContainer('loaded-2').kill()
    await new Promise(resolve => setTimeout(resolve, 100))
    const posts = await Promise.all(Array.from({ length: 50 }, () => gateway.call('POST', '/function/loaded', 'x')))
    expect(posts.filter(({ status }) => status !== 200)).to.deep.equal([])
  })

  it('K13: says ReadinessTimeout of a replica that never listens, and comes back when it is mended', async () => {
    await gateway.apply('mute', { image, env: { NEVER_LISTEN: '1' } })
    const condition = await gateway.reason('mute', 'Progressing', 'ReadinessTimeout')
    expect(condition.message).to.contain('ECONNREFUSED')
    await gateway.apply('mute', { image })
    await gateway.converged('mute')
  })

  it('says StartFailed and backs off when the process cannot be started', async () => {
    await gateway.apply('broken', { image: run().brokenImage })
    await gateway.reason('broken', 'Degraded', 'StartFailed')
    const record = await eventually(async () => {
      const [last] = (await gateway.get('broken')).status.restarts
      expect(last?.count).to.be.at.least(2)
      return last
    })
    expect(record).to.include({ started: false })
    expect(record?.lastOutput).to.contain('no-such-program')
    await gateway.call('DELETE', '/v1/functions/broken')
    await eventually(async () => expect(await gateway.containers('broken')).to.deep.equal([]))
  })

  it('says NameConflict when a stranger has the container’s name, leaves it alone, and goes on when it is gone', async () => {
    const name = `${run().prefix}taken`
    const stranger = await aStranger(run(), `${name}-0`)
    await gateway.apply(name, { image })
    await gateway.reason(name, 'Degraded', 'NameConflict')
    expect((await stranger.inspect()).State.Running).to.equal(true)
    await stranger.remove({ force: true })
    await gateway.converged(name)
  })

  it('says NameConflict when a stranger has the network’s name, and leaves that alone after a deletion too', async () => {
    const network = await gateway.docker.createNetwork({
      Name: gateway.networkOf('netless'),
      Labels: run().labels,
      IPAM: { Config: [{ Subnet: run().subnet() }] }
    })
    await gateway.apply('netless', { image })
    await gateway.reason('netless', 'Degraded', 'NameConflict')
    await gateway.call('DELETE', '/v1/functions/netless')
    await eventually(async () => expect((await gateway.call('GET', '/v1/functions/netless')).status).to.equal(404))
    expect((await network.inspect()).Id).to.equal(network.id)
    await network.remove()
  })

  it('accepts a function whose secrets are not there, says SecretMissing, starts nothing and holds no call', async () => {
    await gateway.apply('secretive', { image, secrets: ['db-password'] })
    const condition = await gateway.reason('secretive', 'Degraded', 'SecretMissing')
    expect(condition.message).to.contain('db-password')
    expect(await gateway.containers('secretive')).to.deep.equal([])
    const answer = await gateway.call('GET', '/function/secretive')
    expect([answer.status, answer.headers['retry-after']]).to.deep.equal([503, '5'])
    expect(answer.text).to.contain('SecretMissing')
  })

  it('names the variable to set when its port is taken', async () => {
    const failure = await TestGateway.start({ GATEWAY_PORT: String(gateway.port) }).then(
      () => undefined,
      (err: unknown) => err
    )
    expect((failure as Error | undefined)?.message).to.equal(
      `port ${gateway.port} is taken; set GATEWAY_PORT to another one`
    )
  })

  it('never lets the gateway’s own credentials reach a function', async () => {
    await gateway.apply('curious', { image })
    const answer = await gateway.call('GET', '/function/curious')
    expect(answer.status).to.equal(200)
    expect(JSON.parse(answer.text).headers).not.to.have.property('authorization')
    expect(gateway.log.join('')).not.to.contain('test-password')
  })
})

describe('N7: a gateway that runs in a container', function () {
  this.timeout(60_000)
  const run = useTestRun()

  it('is attached to every function’s network, again when it was detached, and detached after a deletion', async () => {
    const { docker, image: busybox, labels, prefix } = run()
    const name = `${prefix}gateway`
    const stand = await docker.createContainer({ name, Image: busybox, Env: ['MODE=sleep'], Labels: { ...labels } })
    await stand.start()
    const gateway = await TestGateway.start({ GATEWAY_CONTAINER_NAME: name })
    try {
      const networks = async () => Object.keys((await stand.inspect()).NetworkSettings.Networks)
      await gateway.apply('joined', { image: busybox })
      await gateway.converged('joined')
      expect(await networks()).to.include(gateway.networkOf('joined'))
      await docker.getNetwork(gateway.networkOf('joined')).disconnect({ Container: stand.id })
      await eventually(async () => expect(await networks()).to.include(gateway.networkOf('joined')))
      await gateway.call('DELETE', '/v1/functions/joined')
      await eventually(async () => expect(await gateway.networks()).to.deep.equal([]))
      expect(await networks()).not.to.include(gateway.networkOf('joined'))
      expect((await stand.inspect()).State.Running).to.equal(true)
    } finally {
      await gateway.close()
    }
  })
})
