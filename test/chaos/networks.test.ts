import { expect } from 'chai'
import { pickSubnet } from '../../src/engine/subnets.ts'
import { useChaos } from '../helpers/chaos.ts'
import { eventually } from '../helpers/eventually.ts'

/** Linux, BR_MAX_PORTS less the one that no interface gets. */
const BRIDGE_PORTS = 1023
const POOL = '10.201.0.0/20'
const SHORT = { GC_GRACE: '1s', GC_INTERVAL: '1s', RECONCILE_INTERVAL_SECONDS: '1' }

describe('networks that the engine and the host get in the way of', function () {
  this.timeout(60_000)
  const chaos = useChaos({ ...SHORT, FUNCTIONS_SUBNET_POOL: POOL })

  /** The bridge of a function's network, and the interfaces that are on it. */
  async function bridgeOf(name: string) {
    const { engine, gateway } = chaos()
    const { Id: id } = await gateway.docker.getNetwork(gateway.networkOf(name)).inspect()
    const bridge = `br-${id.slice(0, 12)}`
    const ports = () => engine.namespace.run('ip', ['-o', 'link', 'show', 'master', bridge]).split('\n').length - 1
    return { bridge, ports }
  }

  it('N6: says BridgeFull when the bridge takes no more interfaces, serves on, and goes on when there is room', async () => {
    const { engine, gateway, run } = chaos()
    await gateway.apply('crowded', { image: run.image })
    await gateway.converged('crowded')
    const { bridge, ports } = await bridgeOf('crowded')
    const pairs = Array.from({ length: Math.ceil((BRIDGE_PORTS - ports()) / 2) }, (_, i) => i)
    const batch = (lines: readonly string[]) =>
      engine.namespace.run('sh', ['-c', `ip -batch - <<'END'\n${lines.join('\n')}\nEND`])
    batch(pairs.map(i => `link add full${i} type veth peer name more${i}`))
    batch(pairs.slice(1).flatMap(i => [`link set full${i} master ${bridge}`, `link set more${i} master ${bridge}`]))
    batch(Array.from({ length: BRIDGE_PORTS - ports() }, (_, i) => `link set ${['full', 'more'][i]}0 master ${bridge}`))
    await gateway.scale('crowded', 2)
    const condition = await gateway.reason('crowded', 'Degraded', 'BridgeFull')
    expect(condition.message).to.contain('exchange full')
    expect((await gateway.call('GET', '/function/crowded')).status).to.equal(200)
    expect((await gateway.get('crowded')).status.readyReplicas).to.equal(1)
    batch(['link del full0', 'link del full1'])
    await gateway.converged('crowded')
  })

  it('N2: lets a deletion end though the engine keeps the network, and removes it when the engine lets it go', async () => {
    const { gateway, proxy, run } = chaos()
    await gateway.apply('leaking', { image: run.image })
    await gateway.converged('leaking')
    const network = gateway.networkOf('leaking')
    const { IPAM: ipam } = await gateway.docker.getNetwork(network).inspect()
    const message = `error while removing network: network ${network} id 4d5 has active endpoints`
    const refusal = proxy.when(/DELETE/, /\/networks\//, { kind: 'answer', status: 403, message, done: false })
    await gateway.call('DELETE', '/v1/functions/leaking')
    await eventually(async () => expect((await gateway.call('GET', '/v1/functions/leaking')).status).to.equal(404), {
      timeoutMs: 20_000
    })
    await eventually(async () => expect(await gateway.metrics()).to.match(/faas_gc_leaked_networks 1/), {
      timeoutMs: 20_000
    })
    const events = JSON.parse((await gateway.call('GET', '/v1/events')).text).items as {
      reason: string
      name: string
    }[]
    expect(events.filter(({ name }) => name === 'leaking').map(({ reason }) => reason)).to.include('NetworkLeaked')
    await eventually(() => expect(gateway.log.join('')).to.contain('Left network that engine keeps'))
    await gateway.apply('next', { image: run.image })
    await gateway.converged('next')
    const { IPAM: other } = await gateway.docker.getNetwork(gateway.networkOf('next')).inspect()
    expect(other?.Config).to.not.deep.equal(ipam?.Config)
    expect(await gateway.networks()).to.include(network)
    refusal.end()
    await eventually(async () => expect(await gateway.networks()).to.not.include(network), { timeoutMs: 20_000 })
    await eventually(async () => expect(await gateway.metrics()).to.match(/faas_gc_leaked_networks 0/))
  })

  describe('N4: a route of the host that comes over a function’s network', () => {
    const subnetOf = async (name: string) => {
      const { IPAM: ipam } = await chaos().gateway.docker.getNetwork(chaos().gateway.networkOf(name)).inspect()
      return ipam?.Config?.[0]?.Subnet ?? ''
    }
    const idsOf = async (name: string) => {
      const { docker } = chaos().gateway
      const names = await chaos().gateway.containers(name)
      return Promise.all(names.map(async each => (await docker.getContainer(each).inspect()).Id))
    }
    const route = (verb: 'add' | 'del', cidr: string) =>
      chaos().engine.namespace.run('ip', ['route', verb, 'blackhole', cidr])

    it('N4: is passed over when a network is made, as are the networks of others', async () => {
      const { gateway, run } = chaos()
      const name = gateway.networkOf('choosy')
      // Networks of other functions may have what this one would choose.
      const others = (await gateway.docker.listNetworks()).flatMap(({ IPAM: ipam }) =>
        (ipam?.Config ?? []).flatMap(({ Subnet: subnet }) => subnet ?? [])
      )
      const choose = (more: string[]) =>
        pickSubnet({ pool: POOL, prefix: 28, taken: [...others, ...more], name, avoid: new Set() }) ?? ''
      const first = choose([])
      const second = choose([first])
      const foreign = await gateway.docker.createNetwork({ Name: 'foreign', IPAM: { Config: [{ Subnet: first }] } })
      route('add', second)
      await gateway.apply('choosy', { image: run.image })
      await gateway.converged('choosy')
      expect(await subnetOf('choosy')).to.equal(choose([first, second]))
      expect((await gateway.call('GET', '/function/choosy')).status).to.equal(200)
      route('del', second)
      expect(Object.keys((await foreign.inspect()).Containers ?? {})).to.deep.equal([])
      await foreign.remove()
    })

    it('N4: has it made anew elsewhere when the route takes its traffic, with the replicas that it had', async () => {
      const { gateway, run } = chaos()
      await gateway.apply('moving', { image: run.image, replicas: 2 })
      await gateway.converged('moving')
      const [before, ids] = [await subnetOf('moving'), await idsOf('moving')]
      const halves = halvesOf(before)
      for (const half of halves) route('add', half)
      await eventually(async () => expect(await subnetOf('moving')).to.not.equal(before), { timeoutMs: 30_000 })
      await gateway.converged('moving')
      expect((await gateway.call('GET', '/function/moving')).status).to.equal(200)
      expect(await idsOf('moving')).to.deep.equal(ids)
      expect((await gateway.call('GET', '/v1/functions/moving/events')).text).to.contain('SubnetConflict')
      for (const half of halves) route('del', half)
    })

    it('N4: is a condition that names the remedy when the route goes around it, and it serves on', async () => {
      const { gateway, run } = chaos()
      await gateway.apply('staying', { image: run.image })
      await gateway.converged('staying')
      const before = await subnetOf('staying')
      const pool = before.replace(/^10\..*/, '10.0.0.0/8')
      route('add', pool)
      const condition = await gateway.reason('staying', 'Degraded', 'SubnetConflict')
      expect(condition.message).to.contain('FUNCTIONS_SUBNET_POOL').and.to.contain(pool)
      expect((await gateway.call('GET', '/function/staying')).status).to.equal(200)
      expect(await subnetOf('staying')).to.equal(before)
      route('del', pool)
      await gateway.converged('staying')
    })
  })
})

/** The two /29 of a /28. */
function halvesOf(cidr: string): string[] {
  const [, start = '', last = ''] = /^(.*\.)(\d+)\/28$/.exec(cidr) ?? []
  return [`${start}${last}/29`, `${start}${Number(last) + 8}/29`]
}
