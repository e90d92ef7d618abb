import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect } from 'chai'
import type { ScheduleView } from '../../api/schedule-view.ts'
import { useChaos } from '../helpers/chaos.ts'
import { eventually } from '../helpers/eventually.ts'

describe('D15: a clock that is set while the gateway runs', function () {
  this.timeout(90_000)
  const chaos = useChaos({ RECONCILE_INTERVAL_SECONDS: '2' })

  /** Sets the gateway's clock of the wall, so far from the machine's; the clock that never jumps goes on. */
  async function setClock(offset: string): Promise<void> {
    await writeFile(join(chaos().engine.directory, 'clock'), `${offset}\n`)
  }

  before('start the gateway with a clock of its own', async () => {
    const { engine, gateway } = chaos()
    await gateway.stop()
    await setClock('+0')
    const clock = {
      FAKETIME_TIMESTAMP_FILE: join(engine.directory, 'clock'),
      FAKETIME_CACHE_DURATION: '1',
      FAKETIME_DONT_FAKE_MONOTONIC: '1'
    }
    // The variable that `faketime` sets counts for more than the file, so that it is taken away again.
    await gateway.start(clock, ['faketime', '-f', '+0', 'env', '-u', 'FAKETIME'])
  })

  for (const offset of ['+3600', '-3600']) {
    it(`changes nothing that is well and mends what is not, at ${offset} seconds`, async () => {
      const { engine, gateway, proxy, run } = chaos()
      const name = `at${Number(offset) > 0 ? 'later' : 'earlier'}`
      await gateway.apply(name, { image: run.image })
      await gateway.converged(name)
      const before = proxy.calls.length
      await setClock(offset)
      await eventually(async () => {
        const { lastFullResyncAt } = JSON.parse((await gateway.call('GET', '/v1/reconcile')).text)
        expect(Date.parse(lastFullResyncAt) - Date.now()).to.be.within(
          Number(offset) * 1000 - 60_000,
          Number(offset) * 1000 + 60_000
        )
      })
      expect(proxy.calls.slice(before).filter(call => !call.startsWith('GET'))).to.deep.equal([])
      expect((await gateway.call('GET', `/function/${name}`)).status).to.equal(200)
      const { Id: id } = await engine.docker.getContainer(`${name}-0`).inspect()
      for (let kills = 0; kills < 2; kills++) {
        const { Id: victim } = await engine.docker.getContainer(`${name}-0`).inspect()
        await engine.docker.getContainer(victim).kill()
        await eventually(async () => {
          const { Id, State } = await engine.docker.getContainer(`${name}-0`).inspect()
          expect([Id === victim, State.Running]).to.deep.equal([false, true])
        })
      }
      expect((await engine.docker.getContainer(`${name}-0`).inspect()).Id).not.to.equal(id)
      expect((await gateway.call('GET', '/readyz')).text).to.equal('ready')
    })
  }

  it('calls a function once for all ticks that were skipped, and for none again when the clock goes back', async () => {
    const { gateway, run } = chaos()
    const annotations = { topic: 'cron-function', schedule: '*/10 * * * *' }
    // What is written is looked at at once; otherwise a clock that was set is seen within 30 s.
    const look = (n: number) =>
      gateway.apply('ticker', { image: run.image }, { annotations, labels: { look: String(n) } })
    const schedule = async () => {
      const { text } = await gateway.call('GET', '/v1/functions/ticker/schedules')
      return (JSON.parse(text) as { items: ScheduleView[] }).items[0]
    }
    await setClock('-3600')
    await eventually(async () => {
      await look(0)
      expect(Date.parse((await schedule())?.next ?? '')).to.be.below(Date.now() - 2_000_000)
    })
    await setClock('+0')
    await eventually(async () => {
      await look(1 + Math.random())
      // One of six; one more may come while we look.
      expect((await schedule())?.runs).to.be.within(1, 2)
    })
    expect((await schedule())?.missed).to.be.within(4, 6)
    await setClock('-3600')
    await eventually(async () => {
      await look(2 + Math.random())
      expect((await gateway.call('GET', '/v1/functions/ticker/events')).text).to.contain('ScheduleClockSetBack')
    })
    expect((await schedule())?.runs).to.be.within(1, 2)
  })
})
