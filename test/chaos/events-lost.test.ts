import { expect } from 'chai'
import { useChaos } from '../helpers/chaos.ts'
import { eventually } from '../helpers/eventually.ts'

/** More than the engine keeps for a slow reader (1,024), and than it remembers (256). */
const BURST = 1100

describe('a stream of events that is open and loses them', function () {
  this.timeout(90_000)
  const chaos = useChaos({ RECONCILE_INTERVAL_SECONDS: '3600' })

  async function gaps(): Promise<number> {
    const line = /faas_engine_watch_resyncs_total\{reason="gap"\} (\d+)/.exec(await chaos().gateway.metrics())
    return Number(line?.[1])
  }

  /** Removes the replica, and waits until another one took its place. */
  async function replaced(name: string, removed: () => Promise<void>): Promise<void> {
    const { engine, gateway } = chaos()
    const { Id: id } = await engine.docker.getContainer(`${name}-0`).inspect()
    await engine.docker.getContainer(id).remove({ force: true })
    await removed()
    await eventually(
      async () => expect((await engine.docker.getContainer(`${name}-0`).inspect()).Id).not.to.equal(id),
      { timeoutMs: 30_000 }
    )
    await gateway.converged(name)
  }

  it('D8: repairs within 30 s what nobody heard of, and hears again', async () => {
    const { gateway, proxy, run } = chaos()
    await gateway.apply('unheard', { image: run.image })
    await gateway.converged('unheard')
    const before = await gaps()
    const silence = proxy.when(/GET/, /\/events$/, { kind: 'deafen' })
    await replaced('unheard', async () => undefined)
    await eventually(async () => expect(await gaps()).to.equal(before + 1), { timeoutMs: 30_000 })
    await eventually(() =>
      expect(gateway.log.filter(line => line.includes('the stream of events lost'))).to.have.length(1)
    )
    await replaced('unheard', async () => undefined)
    expect(await gaps(), 'heard of, and not found missing').to.equal(before + 1)
    silence.end()
  })

  it('D9: looks at everything after a burst out of which events were lost, though later ones come', async () => {
    const { engine, gateway, proxy, run } = chaos()
    await gateway.apply('drowned', { image: run.image })
    await gateway.converged('drowned')
    const stranger = await engine.docker.createContainer({ name: 'stranger', Image: run.image, Labels: run.labels })
    const before = await gaps()
    const silence = proxy.when(/GET/, /\/events$/, { kind: 'deafen' })
    await replaced('drowned', async () => {
      for (let n = 0; n < BURST; n++) await stranger.rename({ name: `stranger-${n}` })
      silence.end()
      await stranger.rename({ name: 'stranger' })
    })
    await eventually(async () => expect(await gaps()).to.be.greaterThan(before))
    expect(await gateway.containers('drowned')).to.deep.equal(['drowned-0'])
  })
})
