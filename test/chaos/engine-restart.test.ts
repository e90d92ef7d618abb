import { expect } from 'chai'
import { getCondition } from '../../api/condition.ts'
import type { FunctionObject } from '../../api/function.ts'
import { useChaos } from '../helpers/chaos.ts'
import { eventually } from '../helpers/eventually.ts'

/** `FUNCTIONS=100` for the number that the bar speaks of. */
const COUNT = Number(process.env['FUNCTIONS'] ?? 24)
/** The bar is 30 s for 100 functions; machines of tests are busy. */
const BACK_MS = 60_000

const NAMES = Array.from({ length: COUNT }, (_, n) => `fn-${n}`)

describe('an engine that dies and comes back', function () {
  this.timeout(240_000)
  const chaos = useChaos({ FUNCTION_WAIT_TIMEOUT: '2s' }, { daemon: { 'shutdown-timeout': 2 } })

  before('deploy the functions', async () => {
    const { gateway, run } = chaos()
    await Promise.all(NAMES.map(name => gateway.apply(name, { image: run.image })))
    await areReady()
  })

  async function list(): Promise<FunctionObject[]> {
    return JSON.parse((await chaos().gateway.call('GET', '/v1/functions')).text).items
  }

  /** Waits until each function is as wanted. */
  function areReady(): Promise<void> {
    return eventually(
      async () => {
        const reasons = (await list()).map(fn => getCondition(fn.status.conditions, 'Progressing')?.reason)
        expect(reasons).to.deep.equal(NAMES.map(() => 'Converged'))
      },
      { timeoutMs: 180_000, intervalMs: 200 }
    )
  }

  /** Waits until each function says that the engine is away, and came to say so within five seconds. */
  async function areUnknownSoon(since: number): Promise<void> {
    const ready = await eventually(async () => {
      const conditions = (await list()).map(fn => getCondition(fn.status.conditions, 'Ready'))
      expect(conditions.map(condition => condition?.reason)).to.deep.equal(NAMES.map(() => 'EngineUnreachable'))
      return conditions
    })
    const tookMs = ready.map(condition => Date.parse(condition?.lastTransitionTime ?? '') - since)
    expect(Math.max(...tookMs), 'ms').to.be.below(5000)
  }

  /** Starts the engine, and waits until all is well; gives what was created, and prints how long it took. */
  async function comesBack(title: string): Promise<string[]> {
    const { engine, proxy } = chaos()
    const before = proxy.calls.length
    await engine.start()
    const started = performance.now()
    await areReady()
    const tookMs = performance.now() - started
    // biome-ignore lint/suspicious/noConsole: the number is what people look for
    console.log(`        ${title}: ${COUNT} functions back ${(tookMs / 1000).toFixed(1)} s after the engine`)
    expect(tookMs).to.be.below(BACK_MS)
    return proxy.calls.slice(before).filter(call => call === 'POST /containers/create')
  }

  async function expectWhole(created: readonly string[]): Promise<void> {
    const { gateway } = chaos()
    expect(created).to.have.length(COUNT)
    expect(await gateway.containers()).to.deep.equal(NAMES.map(name => `${name}-0`).sort())
    expect((await gateway.call('GET', `/function/${NAMES[0]}`)).status).to.equal(200)
    const counts = (await list()).flatMap(({ status }) => status.restarts.map(({ count }) => count))
    expect(counts, 'exits that are taken for crashes').to.deep.equal(NAMES.map(() => 0))
  }

  it('D1: is Unknown within 5 s when it is stopped, and all are back after its start without waiting for any back-off', async () => {
    const { engine, gateway } = chaos()
    const stoppedAt = Date.now()
    const stopped = engine.stop()
    await areUnknownSoon(stoppedAt)
    await stopped
    const answer = await gateway.call('GET', `/function/${NAMES[0]}`)
    expect(answer.status).to.be.oneOf([502, 503])
    expect((await gateway.call('GET', '/readyz')).text).to.contain('degraded')
    await expectWhole(await comesBack('stopped'))
  })

  it('D16: has all back soon after a loss of power, with one creation each', async () => {
    const { engine, gateway } = chaos()
    const lostAt = Date.now()
    await engine.powerOff()
    await areUnknownSoon(lostAt)
    await expectWhole(await comesBack('power lost'))
    expect(gateway.isAlive).to.equal(true)
    expect(await gateway.metrics()).to.match(/faas_reconcile_panics_total\{controller="function"\} 0/)
  })

  it('D16: has all back soon when the gateway starts anew together with the engine, as after a reboot', async () => {
    const { engine, gateway } = chaos()
    await gateway.kill()
    await engine.powerOff()
    await gateway.start()
    await expectWhole(await comesBack('rebooted'))
  })
})
