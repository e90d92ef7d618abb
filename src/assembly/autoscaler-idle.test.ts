import { expect } from 'chai'
import { AutoscalerBench, keyOf, SECOND } from '../../test/fixtures/autoscaler-bench.ts'
import { aDraft } from '../../test/fixtures/db/files.ts'

describe('the autoscaler and an idle function', function () {
  this.timeout(30_000)
  let bench: AutoscalerBench

  beforeEach(async () => {
    bench = await AutoscalerBench.open()
  })
  afterEach(() => bench.close())

  const IDLE = { zero: 'true', 'zero-duration': '2m' }
  const annotations = { 'com.docker-faas.scale.freeze-duration': '5m' }

  it('is frozen, and then goes to zero', async () => {
    await bench.put('idle', IDLE, { annotations })
    await bench.start()
    await bench.pass(119 * SECOND)
    expect((await bench.get('idle')).scale).to.equal(undefined)
    await bench.pass(2 * SECOND)
    const frozen = await bench.get('idle')
    expect(frozen.spec.replicas).to.equal(1)
    expect(frozen.scale?.frozenSince).to.be.a('string')
    await bench.pass(295 * SECOND)
    expect((await bench.get('idle')).spec.replicas).to.equal(1)
    await bench.pass(10 * SECOND)
    expect(await bench.get('idle')).to.deep.include({ spec: { ...frozen.spec, replicas: 0 } })
    expect((await bench.get('idle')).scale).to.equal(undefined)
    expect(await bench.events('idle')).to.deep.equal(['Scaled from 1 to 0 replicas: frozen-long-enough'])
  })

  it('goes to zero as if nothing had happened when the gateway is restarted while it is frozen', async () => {
    await bench.put('idle', IDLE, { annotations })
    await bench.start()
    await bench.pass(200 * SECOND)
    await bench.restart()
    await bench.pass(200 * SECOND)
    expect((await bench.get('idle')).spec.replicas).to.equal(1)
    await bench.pass(30 * SECOND)
    expect((await bench.get('idle')).spec.replicas).to.equal(0)
  })

  it('is not idle while a call runs, however long, nor soon after it', async () => {
    await bench.put('long', IDLE, { annotations })
    await bench.start()
    bench.meter('long').started()
    await bench.pass(300 * SECOND)
    bench.meter('long').finished(200, 300)
    await bench.pass(115 * SECOND)
    expect((await bench.get('long')).scale).to.equal(undefined)
    await bench.pass(10 * SECOND)
    expect((await bench.get('long')).scale?.frozenSince).to.be.a('string')
  })

  for (const [when, hasEnded] of [
    ['runs', false],
    ['came and ended', true]
  ] as const) {
    it(`X12: is not frozen when a call ${when} in the moment of the decision`, async () => {
      await bench.put('race', IDLE, { annotations })
      await bench.start()
      await bench.pass(119 * SECOND)
      // No tick has seen it when the decision is due.
      const advanced = bench.time.advance(SECOND)
      bench.meter('race').started()
      if (hasEnded) bench.meter('race').finished(200, 0.01)
      await advanced
      await bench.quiet()
      expect((await bench.get('race')).scale).to.equal(undefined)
    })
  }

  it('X12: is not frozen when a call comes, or a person scales it, between the decision and the write', async () => {
    await bench.put('called', IDLE, { annotations })
    await bench.start()
    bench.beforeWrite = () => bench.meter('called').started()
    await bench.pass(130 * SECOND)
    expect((await bench.get('called')).scale).to.equal(undefined)
    const scaledByHand = aDraft('scaled', { replicas: 4 }, { annotations, scale: { pinned: true } })
    bench.beforeWrite = () => bench.functions.put(keyOf('scaled'), () => scaledByHand)
    await bench.put('scaled', IDLE, { annotations })
    await bench.pass(130 * SECOND)
    expect((await bench.get('scaled')).scale).to.deep.equal({ pinned: true })
    expect((await bench.get('scaled')).spec.replicas).to.equal(4)
  })

  it('is thawed by what the meters say, too, when it was called while frozen', async () => {
    await bench.put('woken', IDLE, { annotations })
    await bench.start()
    await bench.pass(130 * SECOND)
    expect((await bench.get('woken')).scale?.frozenSince).to.be.a('string')
    await bench.calls('woken', { perSecond: 1, seconds: 2 })
    expect((await bench.get('woken')).scale).to.equal(undefined)
    await bench.pass(110 * SECOND)
    expect((await bench.get('woken')).scale).to.equal(undefined)
  })

  it('goes to zero at once when it is not to be frozen, and stays there', async () => {
    await bench.put('direct', IDLE, { annotations: { 'com.docker-faas.scale.freeze-duration': '0' } })
    await bench.start()
    await bench.pass(125 * SECOND)
    expect((await bench.get('direct')).spec.replicas).to.equal(0)
    await bench.pass(300 * SECOND)
    expect(await bench.events('direct')).to.deep.equal(['Scaled from 1 to 0 replicas: idle'])
  })

  it('is left alone when a person has scaled it', async () => {
    await bench.put('kept', IDLE, { annotations, replicas: 3, scale: { pinned: true } })
    await bench.start()
    await bench.pass(600 * SECOND)
    expect(await bench.get('kept')).to.deep.include({ scale: { pinned: true } })
    expect((await bench.get('kept')).spec.replicas).to.equal(3)
  })
})
