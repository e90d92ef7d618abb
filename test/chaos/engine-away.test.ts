import { expect } from 'chai'
import { getCondition } from '../../api/condition.ts'
import { useChaos } from '../helpers/chaos.ts'
import { eventually } from '../helpers/eventually.ts'

describe('an engine whose socket goes', function () {
  this.timeout(60_000)
  const chaos = useChaos({ ENGINE_TIMEOUT: '2s' })

  it('D4: is Unknown within 5 s, while calls go on, and all is well again when it comes back', async () => {
    const { gateway, proxy, run } = chaos()
    await gateway.apply('lasting', { image: run.image })
    await gateway.converged('lasting')
    const before = await gateway.containers()
    const closedAt = Date.now()
    proxy.close()
    expect(await gateway.unreachableAfter('lasting', closedAt), 'ms').to.be.below(5000)
    expect((await gateway.call('GET', '/readyz')).text).to.contain('degraded')
    expect((await gateway.call('GET', '/livez')).status).to.equal(200)
    expect((await gateway.call('GET', '/function/lasting')).status).to.equal(200)
    await proxy.open()
    await gateway.converged('lasting', 40_000)
    expect(await gateway.containers()).to.deep.equal(before)
  })

  it('D3: is Unknown within 5 s though nobody asks anything of an engine that hangs, and well again without a restart', async () => {
    const { gateway, proxy, run } = chaos()
    await gateway.apply('quiet', { image: run.image })
    await gateway.converged('quiet')
    const before = await gateway.containers()
    await eventually(() => expect(proxy.calls.slice(-2)).to.deep.equal(['GET /_ping', 'GET /_ping']))
    const hungAt = Date.now()
    const hang = proxy.hangAll()
    expect(await gateway.unreachableAfter('quiet', hungAt), 'ms').to.be.below(5000)
    expect((await gateway.call('GET', '/readyz')).text).to.contain('degraded')
    expect((await gateway.call('GET', '/function/quiet')).status).to.equal(200)
    expect(await gateway.metrics()).to.contain('faas_engine_breaker_open 1')
    hang.end()
    await gateway.converged('quiet')
    expect((await gateway.call('GET', '/readyz')).text).to.equal('ready')
    expect(await gateway.metrics()).to.contain('faas_engine_breaker_open 0')
    await eventually(() => expect(gateway.log.filter(line => line.includes('Reached engine again'))).to.have.length(2))
    expect(await gateway.containers()).to.deep.equal(before)
  })

  it('stays Ready when one call of it has no answer while the engine answers others', async () => {
    const { engine, gateway, proxy, run } = chaos()
    await gateway.apply('patient', { image: run.image })
    await gateway.converged('patient')
    const { Id: id } = await engine.docker.getContainer('patient-0').inspect()
    const hang = proxy.when(/GET/, new RegExp(`/containers/${id}/json$`), { kind: 'hang' }, 2)
    await gateway.call('POST', '/v1/reconcile')
    await gateway.reason('patient', 'Degraded', 'EngineError')
    expect(getCondition((await gateway.get('patient')).status.conditions, 'Ready')?.status).to.equal('True')
    await gateway.converged('patient')
    hang.end()
  })
})
