import { expect } from 'chai'
import { underCalls } from '../helpers/callers.ts'
import { useTestRun } from '../helpers/docker-run.ts'
import { eventually } from '../helpers/eventually.ts'
import { TestGateway } from '../helpers/gateway.ts'
import { testkitImage } from '../helpers/images.ts'

const REPAIRED = { timeoutMs: 20_000 }

describe('the network of a function that somebody meddles with', function () {
  this.timeout(90_000)
  const run = useTestRun()
  let gateway: TestGateway
  let image: string

  before(async () => {
    image = await testkitImage()
    gateway = await TestGateway.start({ STOP_GRACE: '1s' })
    await gateway.apply('netted', { image, replicas: 2 })
    await gateway.converged('netted')
  })
  after(() => gateway.close())

  async function subnetOf(name: string): Promise<string | undefined> {
    const { IPAM } = await gateway.docker.getNetwork(gateway.networkOf(name)).inspect()
    return IPAM?.Config?.[0]?.Subnet
  }

  /** Takes everything off the network and removes it; the loop puts replicas back meanwhile, so it may take several tries. */
  async function removeNetwork(name: string): Promise<void> {
    const { Id: id } = await gateway.docker.getNetwork(gateway.networkOf(name)).inspect()
    const network = gateway.docker.getNetwork(id)
    await eventually(async () => {
      const { Containers: members } = (await network.inspect()) as { Containers: Record<string, unknown> }
      await Promise.all(Object.keys(members).map(member => network.disconnect({ Container: member, Force: true })))
      await network.remove()
    })
  }

  async function answers(name: string): Promise<void> {
    expect((await gateway.call('GET', `/function/${name}`)).status).to.equal(200)
  }

  it('N1: is made again on the same subnet when it was removed, with the same replicas on it', async () => {
    const ids = async () =>
      Promise.all(['netted-0', 'netted-1'].map(async name => (await gateway.docker.getContainer(name).inspect()).Id))
    const [subnet, replicas] = [await subnetOf('netted'), await ids()]
    await removeNetwork('netted')
    await eventually(async () => {
      const { Containers } = (await gateway.docker.getNetwork(gateway.networkOf('netted')).inspect()) as {
        Containers: Record<string, unknown>
      }
      expect(Object.keys(Containers).sort()).to.deep.equal([...(await ids())].sort())
    }, REPAIRED)
    expect([await subnetOf('netted'), await ids()]).to.deep.equal([subnet, replicas])
    await gateway.converged('netted')
    const codes = await underCalls(gateway, '/function/netted', () => answers('netted'))
    expect(codes.filter(code => code !== 200)).to.deep.equal([])
  })

  it('N1: is made again on the same subnet after a restart of the gateway, too', async () => {
    const subnet = await subnetOf('netted')
    await gateway.stop()
    await removeNetwork('netted')
    await gateway.start()
    await eventually(() => answers('netted'), REPAIRED)
    expect(await subnetOf('netted')).to.equal(subnet)
  })

  it('N5: is the one with our labels when there is a second of its name, which is left alone', async () => {
    const { labels, subnet } = run()
    const second = await gateway.docker.createNetwork({
      ...{ Name: gateway.networkOf('netted'), CheckDuplicate: false, Labels: labels },
      IPAM: { Config: [{ Subnet: subnet() }] }
    })
    try {
      await gateway.docker.getContainer('netted-0').kill()
      await eventually(async () => {
        const { State, NetworkSettings } = await gateway.docker.getContainer('netted-0').inspect()
        expect(State.Running).to.equal(true)
        expect(Object.values(NetworkSettings.Networks)[0]?.NetworkID).to.not.equal(second.id)
      }, REPAIRED)
      await eventually(() => answers('netted'), REPAIRED)
      expect((await second.inspect()).Id).to.equal(second.id)
    } finally {
      await second.remove()
    }
  })
})
