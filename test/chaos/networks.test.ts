import { expect } from 'chai'
import { useChaos } from '../helpers/chaos.ts'

/** Linux, BR_MAX_PORTS less the one that no interface gets. */
const BRIDGE_PORTS = 1023

describe('networks that the engine and the host get in the way of', function () {
  this.timeout(60_000)
  const chaos = useChaos({ GC_GRACE: '1s', GC_INTERVAL: '1s' })

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
})
