import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import type { AcceptedInvocation, InvocationDraft } from '../../api/invocation.ts'
import { aFunction } from '../../test/helpers/builders.ts'
import { eventually } from '../../test/helpers/eventually.ts'
import { loadConfig } from '../config/load.ts'
import { silentLogger } from '../logging/logger.ts'
import { createMetrics } from '../metrics/metrics.ts'
import { openStore, type Store } from '../store/open.ts'
import { ScheduleComponent } from './schedules.ts'

const MINUTE = 60_000
/** It stands still, so that no tick comes that a test does not speak of. */
const NOW = Date.parse('2026-01-01T00:20:30Z')
const clock = { now: () => NOW, monotonic: () => performance.now() }
const CRON = { topic: 'cron-function', schedule: '* * * * *' }

describe('ScheduleComponent', () => {
  let directory: string
  let store: Store
  let metrics: ReturnType<typeof createMetrics>
  let component: ScheduleComponent
  const handedOver: string[] = []

  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'schedules-'))
    store = await openStore({ path: join(directory, 'test.db'), clock })
    handedOver.length = 0
    start()
  })
  afterEach(async () => {
    await component.stop()
    await store.close()
    await rm(directory, { recursive: true })
  })

  function start(): void {
    metrics = createMetrics({ nodeMetrics: false })
    const config = loadConfig({ AUTH_PASSWORD: 'x'.repeat(20), SCHEDULE_SPREAD: '0s' })
    component = new ScheduleComponent({ config, store, enqueue, metrics, log: silentLogger, clock })
  }

  async function enqueue(draft: InvocationDraft): Promise<AcceptedInvocation> {
    const accepted = await store.invocations.accept({ ...draft, id: crypto.randomUUID(), now: NOW })
    if (accepted.isNew) handedOver.push(draft.name)
    return accepted
  }

  async function deploy(name: string, annotations: Record<string, string>): Promise<string> {
    const draft = { namespace: 'ns', name, labels: {}, annotations, spec: aFunction().spec }
    return (await store.functions.put(`ns/${name}`, () => draft)).object.metadata.uid
  }

  /** As if it had last been looked at so long ago. */
  async function deployBefore(name: string, agoMs: number): Promise<void> {
    const uid = await deploy(name, CRON)
    const at = NOW - agoMs
    const counts = { runs: 0, skipped: 0, missed: 0 }
    await store.schedules.put({
      ...{ uid, schedule: '* * * * *', timezone: 'UTC', done: [[at, at]], seenUntil: at, isSuspended: false },
      ...counts
    })
  }

  const shown = async (line: RegExp) => expect((await metrics.expose()).text).to.match(line)

  it('reads at its start what is due, runs it once, and counts what was missed', async () => {
    await deployBefore('a', 10 * MINUTE)
    await deploy('unscheduled', {})
    await component.start()
    await eventually(() => shown(/^faas_schedule_next_due_timestamp_seconds\{function_name="a.ns"\} \d+$/m))
    expect(handedOver).to.deep.equal(['a'])
    await shown(/^faas_schedule_runs_total\{function_name="a.ns"\} 1$/m)
    await shown(/^faas_schedule_missed_total\{function_name="a.ns"\} 9$/m)
    await shown(/^faas_schedule_invalid\{function_name="a.ns"\} 0$/m)
    await component.stop()
    start()
    await component.start()
    await eventually(() => shown(/^faas_schedule_next_due/m))
    await shown(/^faas_schedule_missed_total\{function_name="a.ns"\} 0$/m)
  })

  it('looks at a function when it is written, and forgets it when it has no schedule any more', async () => {
    await component.start()
    await deploy('a', { ...CRON, schedule: 'often' })
    await eventually(() => shown(/^faas_schedule_invalid\{function_name="a.ns"\} 1$/m))
    await deploy('a', CRON)
    await eventually(() => shown(/^faas_schedule_invalid\{function_name="a.ns"\} 0$/m))
    await eventually(async () => expect(await store.schedules.list()).to.have.length(1))
    await deploy('a', {})
    await eventually(async () => {
      expect(await store.schedules.list()).to.deep.equal([])
      expect((await metrics.expose()).text).to.not.contain('faas_schedule_invalid{')
    })
  })
})
