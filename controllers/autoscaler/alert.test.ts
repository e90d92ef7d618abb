import { expect } from 'chai'
import type { AlertStatus } from '../../api/alert.ts'
import type { FunctionScale } from '../../api/function.ts'
import { silentLogger } from '../../src/logging/logger.ts'
import { AutoscalerBench, keyOf, SECOND } from '../../test/fixtures/autoscaler-bench.ts'
import { aFunction } from '../../test/helpers/builders.ts'
import { AlertDesk, decideAlert } from './alert.ts'

const label = (name: string) => `com.openfaas.scale.${name}`

describe('decideAlert', () => {
  type Said = { labels?: Record<string, string>; scale?: FunctionScale; isAutoscaling?: boolean }
  const cases: readonly (readonly [string, AlertStatus, number, Said, string])[] = [
    ['a fifth of the most is added', 'firing', 1, {}, '3 alerted'],
    ['the step is rounded up', 'firing', 1, { labels: { [label('factor')]: '11' } }, '3 alerted'],
    ['and again each time', 'firing', 3, { scale: { alerted: true } }, '5 alerted'],
    ['up to the most', 'firing', 9, {}, '10 alerted'],
    ['what is at its most holds it', 'firing', 10, {}, '10 alerted'],
    ['factor 100 goes to the most', 'firing', 1, { labels: { [label('factor')]: '100' } }, '10 alerted'],
    ['factor 0 switches it off', 'firing', 1, { labels: { [label('factor')]: '0' } }, 'left'],
    ['what is at zero is woken', 'firing', 0, {}, '2 alerted'],
    ['what is frozen runs', 'firing', 1, { scale: { frozenSince: '2026-01-01T00:00:00Z' } }, '3 alerted'],
    ['what is over goes to the least', 'resolved', 7, { scale: { alerted: true } }, '1'],
    ['also where nobody saw it fire', 'resolved', 7, {}, '1'],
    ['what sleeps is not woken by that', 'resolved', 0, {}, 'left'],
    ['nor what is frozen', 'resolved', 1, { scale: { frozenSince: '2026-01-01T00:00:00Z' } }, 'left'],
    ['what a person has set holds', 'firing', 4, { scale: { pinned: true } }, 'left'],
    ['also when it is over', 'resolved', 4, { scale: { pinned: true } }, 'left'],
    ['what has a target of its own is not fought over', 'firing', 1, { labels: { [label('target')]: '50' } }, 'left'],
    [
      'but where nobody scales by it',
      'firing',
      1,
      { labels: { [label('target')]: '50' }, isAutoscaling: false },
      '3 alerted'
    ]
  ]
  for (const [what, status, replicas, said, expected] of cases) {
    it(`${what}: ${status} at ${replicas}`, () => {
      const { metadata, spec } = aFunction({ replicas })
      const { labels = {}, scale, isAutoscaling = true } = said
      const object = { metadata: { ...metadata, labels }, spec, ...(scale === undefined ? {} : { scale }) }
      const decision = decideAlert(object, status, { min: 1, max: 10, isAutoscaling })
      const told =
        decision.kind === 'leave' ? 'left' : `${decision.replicas}${decision.scale?.alerted === true ? ' alerted' : ''}`
      expect(told).to.equal(expected)
    })
  }
})

describe('alerts and the autoscaler', () => {
  let bench: AutoscalerBench
  const told: string[] = []
  const act = (name: string, status: AlertStatus, over: Partial<ConstructorParameters<typeof AlertDesk>[0]> = {}) =>
    new AlertDesk({
      functions: bench.functions,
      events: { record: async ({ message }) => void told.push(message) },
      policy: { maxReplicas: 50, defaultReplicas: 1 },
      isAutoscaling: true,
      capacityOf: () => undefined,
      isHeld: () => false,
      enqueue: key => bench.enqueued.push(key),
      onDecision: ({ direction, reason }) => bench.metrics.scaleDecided(direction, reason),
      log: silentLogger,
      ...over
    }).act(keyOf(name), status)
  const replicas = async (name: string) => (await bench.get(name)).spec.replicas

  beforeEach(async () => {
    told.length = 0
    bench = await AutoscalerBench.open()
    await bench.put('fn', { max: '10' })
    await bench.start()
  })
  afterEach(() => bench.close())

  it('keep what an alert asked for until it is over, without a call, and over a restart', async () => {
    expect(await act('fn', 'firing')).to.deep.equal({ outcome: 'scaled', replicas: 3 })
    expect(bench.enqueued).to.deep.equal([keyOf('fn')])
    await bench.pass(90 * SECOND)
    await bench.restart()
    await bench.pass(200 * SECOND)
    expect(await replicas('fn')).to.equal(3)
    expect(await act('fn', 'firing')).to.deep.equal({ outcome: 'scaled', replicas: 5 })
    expect(await act('fn', 'resolved')).to.deep.equal({ outcome: 'scaled', replicas: 1 })
    expect(await act('fn', 'resolved')).to.deep.equal({ outcome: 'unchanged', replicas: 1 })
    expect(told).to.deep.equal([
      'from 1 to 3 replicas: alert-firing',
      'from 3 to 5 replicas: alert-firing',
      'from 5 to 1 replicas: alert-resolved'
    ])
    const { text } = await bench.metrics.expose()
    expect(text).to.contain('faas_autoscaler_decisions_total{direction="up",reason="alert-firing"} 2')
    expect(text).to.contain('faas_autoscaler_decisions_total{direction="down",reason="alert-resolved"} 1')
  })

  it('leave the function to the autoscaler when the alert is over', async () => {
    await bench.pass(40 * SECOND)
    await act('fn', 'firing')
    await act('fn', 'resolved')
    const counts = await bench.calls('fn', { perSecond: 6, seconds: 45 })
    expect(counts.at(-1)).to.equal(3)
  })

  it('leave a person what a person has set', async () => {
    await bench.put('pinned', {}, { replicas: 4, scale: { pinned: true } })
    expect(await act('pinned', 'firing')).to.include({ outcome: 'left', replicas: 4 })
  })

  it('know nothing of what is not there, or is going', async () => {
    expect((await act('none', 'firing')).outcome).to.equal('unknown')
    await bench.functions.markDeleted(keyOf('fn'))
    expect((await act('fn', 'firing')).outcome).to.equal('unknown')
  })

  it('leave what waits for a person after a restored backup', async () => {
    expect(await act('fn', 'firing', { isHeld: () => true })).to.include({ outcome: 'left', replicas: 1 })
    expect(await replicas('fn')).to.equal(1)
  })

  it('stay within what the network of the function holds', async () => {
    expect(await act('fn', 'firing', { capacityOf: () => 3 })).to.include({ outcome: 'scaled', replicas: 2 })
  })
})
