import { expect } from 'chai'
import { AutoscalerBench, keyOf, SECOND } from '../../test/fixtures/autoscaler-bench.ts'
import { aDraft } from '../../test/fixtures/db/files.ts'

describe('the autoscaler over a database', function () {
  this.timeout(30_000)
  let bench: AutoscalerBench

  beforeEach(async () => {
    bench = await AutoscalerBench.open()
  })
  afterEach(() => bench.close())

  it('follows the calls a second up and, when they are over, down, and tells', async () => {
    await bench.put('rps', { target: '10', 'target-proportion': '1', max: '20' })
    await bench.start()
    await bench.pass(10 * SECOND)
    const up = await bench.calls('rps', { perSecond: 47, seconds: 10 })
    expect(up.at(-1)).to.equal(5)
    expect(up).to.deep.equal([...up].sort((a, b) => a - b))
    expect(new Set(await bench.calls('rps', { perSecond: 47, seconds: 120 }))).to.deep.equal(new Set([5]))
    await bench.pass(50 * SECOND)
    expect((await bench.get('rps')).spec.replicas).to.equal(5)
    await bench.pass(120 * SECOND)
    expect((await bench.get('rps')).spec.replicas).to.equal(1)
    const events = await bench.events('rps')
    expect(events.every(event => /^Scaled from \d+ to \d+ replicas: (above|below)-target$/.test(event))).to.equal(true)
    expect(events.at(-1)).to.match(/to 1 replicas: below-target$/)
    expect(bench.enqueued.length).to.equal(events.length)
    const text = (await bench.metrics.expose()).text
    expect(text).to.match(/faas_autoscaler_decisions_total\{direction="up",reason="above-target"\} [1-9]/)
    expect(text).to.match(/faas_autoscaler_decisions_total\{direction="down",reason="below-target"\} [1-9]/)
  })

  it('goes down at most once in a window under a load that only wavers, and never far', async () => {
    await bench.put('wavering', { target: '10', 'target-proportion': '1', max: '20' })
    await bench.start()
    await bench.pass(10 * SECOND)
    await bench.calls('wavering', { perSecond: 50, seconds: 60 })
    const counts: number[] = []
    let seed = 7
    for (let second = 0; second < 600; second++) {
      seed = (seed * 1_103_515_245 + 12_345) % 2 ** 31
      counts.push(...(await bench.calls('wavering', { perSecond: 40 + ((seed >> 8) % 21), seconds: 1 })))
    }
    const downs = counts.filter((count, second) => count < (counts[second - 1] ?? count)).length
    expect(Math.min(...counts)).to.be.at.least(5)
    expect(Math.max(...counts)).to.be.at.most(7)
    expect(downs).to.be.at.most(600 / 60)
  })

  it('goes up once and stays under a load that does not change, however short the window for going down', async () => {
    await bench.put('steady', { target: '20', max: '4', 'down.window': '10s' })
    await bench.start()
    await bench.pass(10 * SECOND)
    const counts = await bench.calls('steady', { perSecond: 56, seconds: 90 })
    expect(counts).to.deep.equal([...counts].sort((a, b) => a - b))
    expect(counts.at(-1)).to.equal(4)
  })

  it('goes up as far as the quota of the namespace lets it, says so once, and asks the database now and then only', async () => {
    await bench.put('other', {}, { replicas: 2, scale: { pinned: true } })
    await bench.put('bounded', { target: '10', 'target-proportion': '1', max: '20' })
    await bench.quota(6)
    await bench.start()
    await bench.pass(10 * SECOND)
    let asked = 0
    bench.beforeWrite = () => void asked++
    expect((await bench.calls('bounded', { perSecond: 90, seconds: 60 })).at(-1)).to.equal(4)
    expect(asked).to.be.within(5, 20)
    const reached = async () => (await bench.events('bounded')).filter(event => event.startsWith('QuotaReached'))
    expect(await reached()).to.have.length(1)
    expect((await reached())[0]).to.match(/leaves it \d replicas of \d+ that its calls ask for: raise the quota/)
    expect((await bench.metrics.expose()).text).to.match(
      /faas_autoscaler_decisions_total\{direction="hold",reason="quota"\} [1-9]/
    )
    await bench.quota(1)
    expect(new Set(await bench.calls('bounded', { perSecond: 90, seconds: 20 }))).to.deep.equal(new Set([4]))
    await bench.quota(undefined)
    expect((await bench.calls('bounded', { perSecond: 90, seconds: 30 })).at(-1)).to.equal(9)
    expect(await reached()).to.have.length(1)
  })

  it('counts calls in flight, those that wait among them', async () => {
    await bench.put('capacity', { target: '5', 'target-proportion': '1', type: 'capacity' })
    await bench.start()
    await bench.pass(10 * SECOND)
    for (let call = 0; call < 23; call++) bench.meter('capacity').started()
    await bench.pass(90 * SECOND)
    expect((await bench.get('capacity')).spec.replicas).to.equal(5)
  })

  it('follows the asynchronous calls that wait, whatever else is called', async () => {
    await bench.put('queue', { target: '10', 'target-proportion': '1', type: 'queue', max: '8' })
    await bench.start()
    await bench.pass(10 * SECOND)
    bench.queued.set(keyOf('queue'), 42)
    await bench.calls('queue', { perSecond: 2, seconds: 70 })
    expect((await bench.get('queue')).spec.replicas).to.equal(5)
    bench.queued.set(keyOf('queue'), 0)
    await bench.calls('queue', { perSecond: 2, seconds: 180 })
    expect((await bench.get('queue')).spec.replicas).to.equal(1)
  })

  it('follows CPU, of functions that are called, and holds while it cannot be read', async () => {
    await bench.put('cpu', { target: '100', 'target-proportion': '1', type: 'cpu', max: '8' })
    await bench.put('rps', { target: '100' })
    await bench.start()
    await bench.pass(10 * SECOND)
    expect(bench.readings).to.deep.equal([])
    bench.millicores = 250
    const call = { perSecond: 1, seconds: 1 }
    for (let second = 0; second < 20; second++) {
      await bench.calls('rps', call)
      await bench.calls('cpu', call)
      const { replicas } = (await bench.get('cpu')).spec
      // 500 thousandths of a core in all, however many share them.
      bench.millicores = 500 / replicas
    }
    expect((await bench.get('cpu')).spec.replicas).to.equal(5)
    expect(new Set(bench.readings.map(id => id.replace(/-\d+$/, '')))).to.deep.equal(new Set([keyOf('cpu')]))
    bench.millicores = undefined
    await bench.calls('cpu', { perSecond: 1, seconds: 180 })
    expect((await bench.get('cpu')).spec.replicas).to.equal(5)
    expect((await bench.metrics.expose()).text).to.match(
      /faas_autoscaler_decisions_total\{direction="hold",reason="no-data"\} [1-9]/
    )
    bench.millicores = 10
    await bench.calls('cpu', { perSecond: 1, seconds: 180 })
    expect((await bench.get('cpu')).spec.replicas).to.equal(1)
  })

  it('follows the rule of OpenFaaS CE without a target: a step each half minute, and back at its end', async () => {
    await bench.put('plain', { max: '10' })
    await bench.start()
    await bench.pass(40 * SECOND)
    const counts = await bench.calls('plain', { perSecond: 6, seconds: 80 })
    expect([...new Set(counts)]).to.deep.equal([1, 3, 5, 7])
    expect(counts.slice(0, 9)).to.deep.equal(Array(9).fill(1))
    await bench.pass(75 * SECOND)
    expect((await bench.get('plain')).spec.replicas).to.equal(1)
    expect(await bench.events('plain')).to.include('Scaled from 7 to 1 replicas: calm')
  })

  it('leaves a function that is called 5 times a second, or fails, without a target as it is', async () => {
    await bench.put('slow')
    await bench.put('failing')
    await bench.start()
    await bench.pass(40 * SECOND)
    expect(new Set(await bench.calls('slow', { perSecond: 5, seconds: 30 }))).to.deep.equal(new Set([1]))
    const failing = await bench.calls('failing', { perSecond: 50, seconds: 30, code: 500 })
    expect(new Set(failing)).to.deep.equal(new Set([1]))
  })

  it('does not scale it beyond what its network has room for', async () => {
    bench.capacities.set(keyOf('small'), 12)
    await bench.put('small', { target: '1', 'target-proportion': '1', max: '40' })
    await bench.start()
    await bench.pass(10 * SECOND)
    expect((await bench.calls('small', { perSecond: 60, seconds: 20 })).at(-1)).to.equal(10)
  })

  it('leaves what a person has set, until the next deployment', async () => {
    await bench.put('pinned', { target: '10' }, { replicas: 3, scale: { pinned: true } })
    await bench.start()
    await bench.calls('pinned', { perSecond: 90, seconds: 20 })
    await bench.pass(300 * SECOND)
    expect((await bench.get('pinned')).spec.replicas).to.equal(3)
    await bench.put('pinned', { target: '10' }, { replicas: 3 })
    await bench.pass(150 * SECOND)
    expect((await bench.get('pinned')).spec.replicas).to.equal(1)
  })

  it('brings a function within bounds that a deployment has changed', async () => {
    await bench.put('bounds', { min: '1', max: '9' }, { replicas: 5 })
    await bench.start()
    await bench.quiet()
    await bench.put('bounds', { min: '7', max: '9' }, { replicas: 5 })
    expect((await bench.get('bounds')).spec.replicas).to.equal(7)
    await bench.put('bounds', { min: '1', max: '2' }, { replicas: 7 })
    expect((await bench.get('bounds')).spec.replicas).to.equal(2)
  })

  it('holds after a start what it finds, until the windows have filled', async () => {
    await bench.put('found', { target: '10' }, { replicas: 6 })
    await bench.start()
    await bench.pass(59 * SECOND)
    expect((await bench.get('found')).spec.replicas).to.equal(6)
    await bench.pass(2 * SECOND)
    expect((await bench.get('found')).spec.replicas).to.equal(1)
  })

  it('decides nothing before every function has been looked at', async () => {
    bench.isReady = false
    await bench.put('early', { min: '3' })
    await bench.start()
    await bench.pass(5 * SECOND)
    expect((await bench.get('early')).spec.replicas).to.equal(1)
    bench.isReady = true
    await bench.pass(2 * SECOND)
    expect((await bench.get('early')).spec.replicas).to.equal(3)
  })

  it('does not take the calls of a function that was deleted for those of its successor', async () => {
    await bench.put('again', { target: '10' })
    await bench.start()
    await bench.pass(10 * SECOND)
    await bench.calls('again', { perSecond: 5, seconds: 200 })
    await bench.functions.markDeleted(keyOf('again'))
    await bench.put('again', { target: '10' })
    expect(await bench.calls('again', { perSecond: 1, seconds: 5 })).to.deep.equal([1, 1, 1, 1, 1])
  })

  it('tries again later and later when it cannot write, however often the function is called', async () => {
    await bench.put('unwritable', { target: '1' })
    await bench.start()
    await bench.pass(10 * SECOND)
    bench.writeFailure = new Error('the disk is full')
    await bench.calls('unwritable', { perSecond: 9, seconds: 60 })
    expect(bench.writes).to.be.within(2, 20)
    bench.writeFailure = undefined
    await bench.calls('unwritable', { perSecond: 9, seconds: 300 })
    expect((await bench.get('unwritable')).spec.replicas).to.equal(10)
  })

  it('adds no more while what was added does not answer', async () => {
    await bench.put('starting', { target: '1', 'target-proportion': '1' })
    await bench.start()
    await bench.pass(10 * SECOND)
    bench.isFollowed = false
    expect((await bench.calls('starting', { perSecond: 40, seconds: 30 })).at(-1)).to.equal(5)
  })

  it('costs neither a write nor a pass for functions that are idle', async () => {
    for (let n = 0; n < 50; n++) {
      await bench.functions.put(keyOf(`fn-${n}`), () => aDraft(`fn-${n}`))
      bench.meter(`fn-${n}`).started()
      bench.meter(`fn-${n}`).finished(200, 0.01)
    }
    await bench.start()
    await bench.pass(65 * SECOND)
    const [passes, version] = [bench.passes, await bench.functions.resourceVersion()]
    await bench.pass(60 * SECOND)
    expect(bench.passes).to.equal(passes)
    expect(await bench.functions.resourceVersion()).to.equal(version)
  })
})
