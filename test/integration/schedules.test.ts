import { expect } from 'chai'
import type { ScheduleView } from '../../api/schedule-view.ts'
import { systemClock } from '../../src/clock.ts'
import { openStore } from '../../src/store/open.ts'
import { eventually } from '../helpers/eventually.ts'
import { TestGateway } from '../helpers/gateway.ts'
import { testkitImage } from '../helpers/images.ts'

const HOUR = 3_600_000
const ANNOTATIONS = { topic: 'cron-function', schedule: '* * * * *' }

describe('schedules of functions', function () {
  this.timeout(60_000)
  let gateway: TestGateway
  before(async () => {
    gateway = await TestGateway.start({ SCHEDULE_SPREAD: '0s' })
  })
  after(() => gateway.close())

  const schedule = async (): Promise<ScheduleView | undefined> => {
    const { text } = await gateway.call('GET', '/v1/functions/ticker/schedules')
    return (JSON.parse(text) as { items: ScheduleView[] }).items[0]
  }

  /** As if the gateway had not run for so long. */
  async function sleepFor(ms: number): Promise<void> {
    await using store = await openStore({ path: gateway.databasePath, clock: systemClock })
    const [record] = await store.schedules.list()
    if (record === undefined) throw new Error('the schedule is not written down')
    const at = record.seenUntil - ms
    await store.schedules.put({ ...record, done: [[at, at]], seenUntil: at })
  }

  it('call them for what came while the gateway did not run: once, and it says how many there were', async () => {
    await gateway.apply('ticker', { image: await testkitImage() }, { annotations: ANNOTATIONS })
    await gateway.converged('ticker')
    await eventually(async () =>
      expect(Date.parse((await schedule())?.next ?? '')).to.be.within(0, Date.now() + 60_000)
    )
    await gateway.stop()
    await sleepFor(2 * HOUR)
    await gateway.start()
    const view = await eventually(async () => {
      const found = await schedule()
      expect(found?.last).to.include({ phase: 'done', status: 200 })
      return found
    })
    // A minute may begin meanwhile.
    expect(view?.runs).to.be.within(1, 2)
    expect(view?.missed).to.be.within(118, 121)
    const { text } = await gateway.call('GET', '/v1/functions/ticker/events')
    expect(text).to.match(/1[12]\d ticks of \\"\* \* \* \* \*\\" \(UTC\) from .* came while the gateway did not run/)
    expect(await gateway.metrics()).to.match(
      /^faas_schedule_missed_total\{function_name="ticker.openfaas-fn"\} 1[12]\d$/m
    )
  })
})
