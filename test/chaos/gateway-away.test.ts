import { expect } from 'chai'
import { useChaos } from '../helpers/chaos.ts'
import { eventually } from '../helpers/eventually.ts'

/** What it takes to undo what C8 does, in the order of the alphabet. */
const REPAIRS = [
  'DELETE /containers/{}',
  'POST /containers/create',
  'POST /containers/create',
  'POST /containers/{}/rename',
  'POST /containers/{}/start',
  'POST /containers/{}/start',
  'POST /containers/{}/unpause',
  'POST /networks/{}/connect'
]

describe('a gateway that is not there, or does not get to run', function () {
  this.timeout(90_000)
  const chaos = useChaos()

  it('C8: repairs all that happened while it was down, each thing once, and leaves the rest alone', async () => {
    const { engine, gateway, proxy, run } = chaos()
    const names = ['removed', 'killed', 'paused', 'renamed', 'detached', 'untouched']
    for (const name of names) await gateway.apply(name, { image: run.image })
    for (const name of names) await gateway.converged(name)
    await gateway.stop()
    const { docker } = engine
    await docker.getContainer('removed-0').remove({ force: true })
    await docker.getContainer('killed-0').kill()
    await docker.getContainer('paused-0').pause()
    await docker.getContainer('renamed-0').rename({ name: 'elsewhere' })
    await docker.getNetwork(gateway.networkOf('detached')).disconnect({ Container: 'detached-0' })
    const before = proxy.calls.length
    await gateway.start()
    await eventually(() =>
      expect(
        proxy.calls
          .slice(before)
          .filter(call => !call.startsWith('GET'))
          .sort()
      ).to.deep.equal(REPAIRS)
    )
    for (const name of names) await gateway.converged(name)
    expect(await gateway.containers()).to.deep.equal(names.map(name => `${name}-0`).sort())
    for (const name of names) expect((await gateway.call('GET', `/function/${name}`)).status).to.equal(200)
    expect(proxy.calls.slice(before).filter(call => !call.startsWith('GET'))).to.have.length(REPAIRS.length)
  })

  it('C4: tells of a stall of 5 s, doubles nothing, and goes on', async () => {
    const { engine, gateway, proxy, run } = chaos()
    await gateway.apply('stalled', { image: run.image })
    await gateway.converged('stalled')
    const before = proxy.calls.length
    const away = gateway.log.filter(line => line.includes('Lost engine')).length
    await gateway.scale('stalled', 3)
    gateway.freeze()
    await engine.docker.getContainer('stalled-0').kill()
    await new Promise(resolve => setTimeout(resolve, 5000))
    gateway.thaw()
    await eventually(async () => expect(await gateway.metrics()).to.match(/faas_event_loop_stalls_total 1/))
    await gateway.converged('stalled')
    await eventually(async () =>
      expect(await gateway.containers('stalled')).to.deep.equal(['stalled-0', 'stalled-1', 'stalled-2'])
    )
    const stall = () => JSON.parse(gateway.log.find(text => text.includes('Stalled event loop')) ?? '{}')
    await eventually(() => expect(stall().seconds).to.be.within(4, 15))
    const created = proxy.calls.slice(before).filter(call => call === 'POST /containers/create')
    expect(created).to.have.length(3)
    expect(gateway.log.filter(text => text.includes('Lost engine'))).to.have.length(away)
    expect((await gateway.call('GET', '/readyz')).text).to.equal('ready')
  })
})
