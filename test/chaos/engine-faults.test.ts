import { expect } from 'chai'
import { getCondition } from '../../api/condition.ts'
import { useChaos } from '../helpers/chaos.ts'
import { eventually } from '../helpers/eventually.ts'

const CREATE = /\/containers\/create$/
const START = /\/containers\/[^/]+\/start$/
const LIST = /\/containers\/json$/

describe('an engine whose calls go wrong', function () {
  this.timeout(120_000)
  const chaos = useChaos({ RECONCILE_CONCURRENCY: '1' })

  async function containerId(name: string): Promise<string> {
    return (await chaos().engine.docker.getContainer(name).inspect()).Id
  }

  /** What the gateway asked of the engine since so many calls, without what only reads. */
  function changesSince(count: number): string[] {
    return chaos()
      .proxy.calls.slice(count)
      .filter(call => !call.startsWith('GET'))
  }

  it('D6: finds what it made when the engine did it and said 500, and makes it once', async () => {
    const { gateway, proxy, run } = chaos()
    const created = proxy.when(/POST/, CREATE, { kind: 'answer', status: 500, message: 'boom', done: true }, 1)
    const started = proxy.when(/POST/, START, { kind: 'answer', status: 500, message: 'boom', done: true }, 1)
    const before = proxy.calls.length
    await gateway.apply('refused', { image: run.image })
    await gateway.converged('refused')
    expect([created.hits, started.hits]).to.deep.equal([1, 1])
    expect(changesSince(before).filter(call => call === 'POST /containers/create')).to.have.length(1)
    expect(await gateway.containers('refused')).to.deep.equal(['refused-0'])
    for (const rule of [created, started]) rule.end()
  })

  it('D7: looks again before it acts when a connection breaks inside an answer, and makes nothing twice', async () => {
    const { gateway, proxy, run } = chaos()
    const listed = proxy.when(/GET/, LIST, { kind: 'truncate', bytes: 1 }, 2)
    const created = proxy.when(/POST/, CREATE, { kind: 'drop-reply' }, 1)
    const before = proxy.calls.length
    await gateway.apply('broken', { image: run.image, replicas: 2 })
    await gateway.converged('broken')
    expect([listed.hits, created.hits]).to.deep.equal([2, 1])
    const calls = proxy.calls.slice(before).filter(call => /containers\/(create|json)$/.test(call))
    const lost = calls.indexOf('POST /containers/create')
    expect(calls[lost + 1], 'after the answer that was lost').to.equal('GET /containers/json')
    expect(changesSince(before).filter(call => call === 'POST /containers/create')).to.have.length(2)
    expect(await gateway.containers('broken')).to.deep.equal(['broken-0', 'broken-1'])
    for (const rule of [listed, created]) rule.end()
  })

  it('D5: takes longer and does no more when each call takes 2 s, and the queue shows it', async () => {
    const { gateway, proxy, run } = chaos()
    await gateway.apply('slow', { image: run.image })
    await gateway.apply('next', { image: run.image })
    await gateway.converged('slow')
    await gateway.converged('next')
    const delay = proxy.when(/./, /./, { kind: 'delay', ms: 2000 })
    const before = proxy.calls.length
    await gateway.scale('slow', 2)
    await gateway.scale('next', 2)
    await eventually(async () =>
      expect(await gateway.metrics()).to.match(/faas_workqueue_depth\{name="function"\} [1-9]/)
    )
    await eventually(() => expect(changesSince(before).at(-1)).to.equal('POST /containers/{}/start'), {
      timeoutMs: 60_000
    })
    expect(getCondition((await gateway.get('slow')).status.conditions, 'Ready')?.status).to.equal('True')
    expect(await gateway.metrics()).to.contain('faas_engine_breaker_open 0')
    delay.end()
    await gateway.converged('slow')
    await gateway.converged('next')
    expect(changesSince(before).sort()).to.deep.equal([
      'POST /containers/create',
      'POST /containers/create',
      'POST /containers/{}/start',
      'POST /containers/{}/start'
    ])
  })

  it('D12: goes on with an update though the engine says of the old replica that its removal is in progress', async () => {
    const { gateway, proxy, run } = chaos()
    await gateway.apply('stuck', { image: run.image })
    await gateway.converged('stuck')
    const old = await containerId('stuck-0')
    const message = `removal of container ${old} is already in progress`
    const busy = proxy.when(/DELETE/, /\/containers\//, { kind: 'answer', status: 409, message, done: false })
    await gateway.apply('stuck', { image: run.image, env: { REVISION: '2' } })
    await eventually(async () => expect(await containerId('stuck-0')).not.to.equal(old))
    await eventually(async () => expect((await gateway.call('GET', '/function/stuck')).status).to.equal(200))
    await eventually(() => expect(busy.hits).to.be.at.least(2))
    busy.end()
    await gateway.converged('stuck')
    expect(await gateway.containers('stuck')).to.deep.equal(['stuck-0'])
  })

  it('D12: fills the place of a replica that died and whose removal the engine refuses', async () => {
    const { engine, gateway, proxy, run } = chaos()
    await gateway.apply('dead', { image: run.image })
    await gateway.converged('dead')
    const old = await containerId('dead-0')
    const message = `removal of container ${old} is already in progress`
    const busy = proxy.when(/DELETE/, /\/containers\//, { kind: 'answer', status: 409, message, done: false })
    await engine.docker.getContainer(old).kill()
    await eventually(async () => expect(await containerId('dead-0')).not.to.equal(old))
    await eventually(async () => expect((await gateway.call('GET', '/function/dead')).status).to.equal(200))
    busy.end()
    await eventually(async () => expect(await gateway.containers('dead')).to.deep.equal(['dead-0']))
    await gateway.converged('dead')
  })

  it('D13: goes on serving and changes nothing when the firewall’s rules are wiped', async () => {
    const { engine, gateway, proxy, run } = chaos()
    await gateway.apply('walled', { image: run.image })
    await gateway.converged('walled')
    const before = proxy.calls.length
    for (const table of ['filter', 'nat']) engine.namespace.run('iptables', ['-t', table, '-F'])
    await gateway.call('POST', '/v1/reconcile')
    await eventually(() => expect(proxy.calls.slice(before)).to.include('GET /containers/{}/json'))
    await gateway.converged('walled')
    for (let n = 0; n < 20; n++) expect((await gateway.call('GET', '/function/walled')).status).to.equal(200)
    expect(changesSince(before)).to.deep.equal([])
  })
})
