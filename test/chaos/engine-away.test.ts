import { expect } from 'chai'
import { useChaos } from '../helpers/chaos.ts'

describe('an engine whose socket goes', function () {
  this.timeout(60_000)
  const chaos = useChaos()

  it('D4: is Unknown within 5 s, while calls go on, and all is well again when it comes back', async () => {
    const { gateway, proxy, run } = chaos()
    await gateway.apply('lasting', { image: run.image })
    await gateway.converged('lasting')
    const before = await gateway.containers()
    proxy.close()
    await gateway.reason('lasting', 'Ready', 'EngineUnreachable', 5000)
    expect((await gateway.call('GET', '/readyz')).text).to.contain('degraded')
    expect((await gateway.call('GET', '/livez')).status).to.equal(200)
    expect((await gateway.call('GET', '/function/lasting')).status).to.equal(200)
    await proxy.open()
    await gateway.converged('lasting', 40_000)
    expect(await gateway.containers()).to.deep.equal(before)
  })
})
