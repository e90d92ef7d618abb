import { expect } from 'chai'
import { LABEL } from '../../api/labels.ts'
import { overlaps } from '../../src/engine/subnets.ts'
import { useTestRun } from '../helpers/docker-run.ts'
import { eventually } from '../helpers/eventually.ts'
import { TestGateway } from '../helpers/gateway.ts'

describe('two installations on one engine', function () {
  this.timeout(90_000)
  const run = useTestRun()
  const gateways: TestGateway[] = []
  let left: TestGateway
  let right: TestGateway

  /** Both have the same base of networks and the same small pool of addresses; orphans go at once. */
  const start = async (env: Record<string, string> = {}) => {
    const gateway = await TestGateway.start({
      FUNCTIONS_NETWORK: `${run().prefix}net`,
      FUNCTIONS_SUBNET_POOL: '10.127.240.0/24',
      GC_GRACE: '0s',
      GC_INTERVAL: '1s',
      RECONCILE_INTERVAL_SECONDS: '1',
      ...env
    })
    gateways.push(gateway)
    return gateway
  }

  beforeEach(async () => {
    left = await start()
    right = await start()
  })
  afterEach(async () => {
    await Promise.all(gateways.map(gateway => gateway.stop()))
    for (const gateway of gateways.splice(0)) await gateway.close()
  })

  /** Ids of all that the gateway has on the engine, and since when its containers run. */
  async function objects({ docker, instance }: TestGateway): Promise<string[]> {
    const filters = { label: [`${LABEL.instance}=${instance}`] }
    const list = await docker.listContainers({ all: true, filters })
    const found = await Promise.all(list.map(({ Id }) => docker.getContainer(Id).inspect()))
    const networks = await docker.listNetworks({ filters })
    return [
      ...found.map(({ Name, Id, State }) => `${Name} ${Id} ${State.Status} ${State.StartedAt}`),
      ...networks.map(({ Name, Id }) => `${Name} ${Id}`)
    ].sort()
  }

  async function subnets({ docker, instance }: TestGateway): Promise<string[]> {
    const networks = await docker.listNetworks({ filters: { label: [`${LABEL.instance}=${instance}`] } })
    return networks.map(network => network.IPAM?.Config?.[0]?.Subnet ?? '')
  }

  /** What the gateway would do with what has no owner, but for what others run of the older program. */
  async function orphans(gateway: TestGateway): Promise<string[]> {
    const plan = JSON.parse((await gateway.call('GET', '/v1/plan')).text) as { garbage: { verdict: string }[] }
    return plan.garbage.map(({ verdict }) => verdict).filter(verdict => verdict !== 'legacy')
  }

  it('C7: share its address pool, and leave each other alone', async () => {
    const names = (side: string) => [0, 1, 2].map(n => `${side}-${n}`)
    await Promise.all([
      ...names('left').map(name => left.apply(name, { image: run().image })),
      ...names('right').map(name => right.apply(name, { image: run().image }))
    ])
    for (const name of names('left')) await left.converged(name)
    for (const name of names('right')) await right.converged(name)
    const all = [...(await subnets(left)), ...(await subnets(right))]
    expect(all).to.have.length(6)
    for (const subnet of all) expect(all.filter(other => overlaps(subnet, other))).to.deep.equal([subnet])
    const theirs = await objects(right)
    await left.apply('left-0', { image: run().image, env: { V: '2' } })
    await left.call('DELETE', '/v1/functions/left-1')
    await left.converged('left-0')
    await eventually(async () => expect((await left.call('GET', '/v1/functions/left-1')).status).to.equal(404))
    await Promise.all([left.garbageLooks(2), right.garbageLooks(2)])
    expect(await objects(right)).to.deep.equal(theirs)
    for (const gateway of [left, right]) {
      expect(await orphans(gateway)).to.deep.equal([])
    }
    for (const name of names('right')) expect((await right.call('GET', `/function/${name}`)).status).to.equal(200)
  })

  it('C7: the second function of one name says NameConflict, and touches nothing of the first; it comes up when that is gone', async () => {
    await left.apply('shared', { image: run().image })
    await left.converged('shared')
    const theirs = await objects(left)
    await right.apply('shared', { image: run().image })
    await right.reason('shared', 'Degraded', 'NameConflict')
    await right.garbageLooks(2)
    await right.call('DELETE', '/v1/functions/shared')
    await eventually(async () => expect((await right.call('GET', '/v1/functions/shared')).status).to.equal(404))
    await right.apply('shared', { image: run().image })
    await right.reason('shared', 'Degraded', 'NameConflict')
    expect(await objects(left)).to.deep.equal(theirs)
    expect((await left.call('GET', '/function/shared')).status).to.equal(200)
    await left.call('DELETE', '/v1/functions/shared')
    await right.converged('shared', 60_000)
    expect(await objects(left)).to.deep.equal([])
    expect((await right.call('GET', '/function/shared')).status).to.equal(200)
  })

  it('C7: a third with the id of the first and a key of its own takes nothing of it for its own, and says so', async () => {
    await left.apply('shared', { image: run().image })
    await left.converged('shared')
    const theirs = await objects(left)
    const third = await start({ INSTANCE_ID: left.instance })
    await third.apply('third-ours', { image: run().image })
    await third.converged('third-ours')
    await third.garbageLooks(2)
    const told = third.log.join('')
    expect(told).to.contain('Found nothing that the instance key has signed')
    expect((await objects(left)).filter(object => theirs.includes(object))).to.deep.equal(theirs)
    expect(await orphans(third)).to.deep.equal(['forged', 'forged'])
    expect((await left.call('GET', '/function/shared')).status).to.equal(200)
  })
})
