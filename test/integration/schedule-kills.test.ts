import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect } from 'chai'
import { systemClock } from '../../src/clock.ts'
import { openStore, type Store } from '../../src/store/open.ts'
import { aReconciler, KEY, quickTime } from '../fixtures/schedules/runner.ts'
import { aFunction } from '../helpers/builders.ts'

const RUNNER = new URL('../fixtures/schedules/runner.ts', import.meta.url).pathname
/** A process takes most of a second to come up; at night there are more. */
const KILLS = Number(process.env['KILLS'] ?? 4)
const ANNOTATIONS = {
  ...{ topic: 'cron-function', schedule: '* * * * *' },
  'com.docker-faas.schedule.concurrency': 'allow'
}

describe('schedules of a gateway that is killed', function () {
  this.timeout(60_000 + KILLS * 3000)
  let directory: string
  let path: string
  before(async () => {
    directory = await mkdtemp(join(tmpdir(), 'schedule-kills-'))
    path = join(directory, 'test.db')
  })
  after(() => rm(directory, { recursive: true }))

  /** Runs schedules for a while that nobody can foresee, and then never again. */
  async function runAndKill(epoch: number): Promise<void> {
    const child = spawn(process.execPath, [RUNNER, path, String(epoch)], { stdio: ['ignore', 'pipe', 'inherit'] })
    const exited = once(child, 'exit')
    await Promise.race([once(child.stdout, 'data'), exited])
    expect(child.exitCode, 'it runs').to.equal(null)
    await sleep(Math.random() * 300)
    child.kill('SIGKILL')
    await exited
  }

  /** The ticks of all calls that were written down. */
  async function calledTicks({ invocations }: Store): Promise<string[]> {
    const options = {
      namespace: 'ns',
      name: 'a',
      phase: 'queued',
      owner: 'test',
      now: Date.now(),
      leaseUntil: 0
    } as const
    const { claimed } = await invocations.claim({ ...options, limit: 100_000 })
    return claimed.map(({ payload: { head } }) => head[head.indexOf('X-Schedule-Tick') + 1] ?? '')
  }

  it('makes one call of each tick at most, and each that is none is counted as missed', async () => {
    const epoch = Date.now()
    const { spec } = aFunction()
    await using store = await openStore({ path, clock: systemClock })
    await store.functions.put(KEY, () => ({ namespace: 'ns', name: 'a', labels: {}, annotations: ANNOTATIONS, spec }))
    let now = quickTime(epoch)
    const reconciler = aReconciler(store, () => now)
    await reconciler.reconcile(KEY, new AbortController().signal)
    const begun = now
    for (let kill = 0; kill < KILLS; kill++) await runAndKill(epoch)
    now = quickTime(epoch)
    await reconciler.reconcile(KEY, new AbortController().signal)
    const ticks = await calledTicks(store)
    const [record] = await store.schedules.list()
    expect(new Set(ticks).size, 'no tick has two calls').to.equal(ticks.length)
    expect(ticks.length, 'it did run').to.be.above(KILLS)
    expect(record).to.include({ runs: ticks.length, skipped: 0 }).and.not.have.property('claim')
    const all = Math.floor(now / 60_000) - Math.floor(begun / 60_000)
    expect((record?.runs ?? 0) + (record?.missed ?? 0), 'every tick is accounted for').to.equal(all)
  })
})
