import { expect } from 'chai'
import { useChaos } from '../helpers/chaos.ts'
import { eventually } from '../helpers/eventually.ts'

describe('an engine that restarts below its running containers', function () {
  this.timeout(90_000)
  const chaos = useChaos({ RECONCILE_INTERVAL_SECONDS: '2' }, { daemon: { 'live-restore': true } })

  it('D2: goes on serving meanwhile, and makes nothing anew', async () => {
    const { engine, gateway, proxy, run } = chaos()
    for (const name of ['left', 'right']) await gateway.apply(name, { image: run.image, replicas: 2 })
    for (const name of ['left', 'right']) await gateway.converged(name)
    const running = async () => (await engine.docker.listContainers()).map(({ Id: id }) => id).sort()
    const before = await running()
    const calls = proxy.calls.length
    const killedAt = Date.now()
    await engine.kill()
    expect(await gateway.unreachableAfter('left', killedAt), 'ms').to.be.below(5000)
    for (let n = 0; n < 10; n++) expect((await gateway.call('GET', '/function/left')).status).to.equal(200)
    await engine.start()
    for (const name of ['left', 'right']) await gateway.converged(name)
    expect(await running()).to.deep.equal(before)
    expect(proxy.calls.slice(calls).filter(call => !call.startsWith('GET'))).to.deep.equal([])
    expect((await gateway.call('GET', '/function/right')).status).to.equal(200)
  })

  it('D2: lets reachability decide when a network is lost below a container that runs', async () => {
    const { engine, gateway } = chaos()
    const { Id: network } = await engine.docker.getNetwork(gateway.networkOf('left')).inspect()
    const bridge = `br-${network.slice(0, 12)}`
    const before = await gateway.containers()
    engine.namespace.run('ip', ['link', 'set', bridge, 'down'])
    await eventually(async () => expect((await gateway.get('left')).status.readyReplicas).to.equal(0), {
      timeoutMs: 30_000
    })
    expect((await gateway.call('GET', '/function/right')).status).to.equal(200)
    engine.namespace.run('ip', ['link', 'set', bridge, 'up'])
    await gateway.converged('left')
    expect((await gateway.call('GET', '/function/left')).status).to.equal(200)
    expect(await gateway.containers()).to.deep.equal(before)
  })
})
