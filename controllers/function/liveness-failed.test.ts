import { expect } from 'chai'
import { getCondition } from '../../api/condition.ts'
import { aDesired, anObserved, aReplica, BARE_SPEC, NOW } from '../../test/helpers/builders.ts'
import { Loop } from '../../test/helpers/loop.ts'
import { planFunction } from './plan.ts'
import { recordExits } from './restarts.ts'
import { formatPlan } from './step.ts'

const KEY = 'openfaas-fn/hello'
const ANNOTATIONS = { 'com.openfaas.health.http.path': '/alive', 'com.openfaas.health.http.failureThreshold': '2' }
const FAILED = { isFailed: true, failures: 3, failedAt: NOW, lastError: 'answered 503' }

describe('a replica that fails its liveness probe', () => {
  let loop: Loop

  beforeEach(async () => {
    loop = await Loop.open()
  })
  afterEach(() => loop.close())

  const ids = async () => (await loop.engine.listContainers({})).map(({ id }) => id)
  const failing = async (rounds: number) => {
    Object.assign(loop.answers.byPath ?? {}, { '/alive': 503 })
    for (let round = 0; round < rounds; round++) await loop.probe()
  }

  it('is replaced, with a reason, an event and a back-off, and not before its threshold', async () => {
    await loop.put({ annotations: ANNOTATIONS })
    await loop.settle()
    const [first] = await ids()
    await failing(1)
    await loop.settle()
    expect(await ids()).to.deep.equal([first])
    await failing(1)
    await loop.pass()
    const { status } = await loop.get()
    expect(status.restarts[0]).to.include({ unhealthy: true, count: 1, lastOutput: 'answered 503' })
    expect(getCondition(status.conditions, 'Degraded')).to.include({ status: 'True', reason: 'LivenessFailed' })
    expect(loop.endpoints.get(KEY)?.endpoints).to.deep.equal([])
    Object.assign(loop.answers.byPath ?? {}, { '/alive': 200 })
    await loop.settle()
    const after = await ids()
    expect(after).to.have.length(1)
    expect(after).to.not.include(first)
    expect(loop.unhealthy).to.deep.equal([KEY])
    const events = await loop.store.events.list()
    const told = events.filter(({ reason }) => reason === 'LivenessFailed').map(({ message }) => message)
    expect(told).to.deep.equal(['replica 0 failed its liveness probe and is replaced: answered 503'])
    expect(getCondition((await loop.get()).status.conditions, 'Degraded')?.status).to.equal('False')
  })

  it('ends in CrashLoopBackOff when its successors fail as well', async () => {
    await loop.put({ annotations: ANNOTATIONS })
    await loop.settle()
    for (let life = 0; life < 3; life++) {
      await failing(2)
      await loop.pass()
      await loop.settle()
    }
    await failing(2)
    await loop.pass()
    const { status } = await loop.get()
    expect(status.restarts[0]).to.include({ unhealthy: true, count: 4 })
    expect(getCondition(status.conditions, 'Degraded')).to.include({ reason: 'CrashLoopBackOff' })
    expect(Date.parse(status.restarts[0]?.notBefore ?? '') - loop.clock.now()).to.be.within(7000, 8000)
  })

  it('stays when the gateway was off its network: nobody could hear it', async () => {
    await loop.engine.createNetwork({ name: 'bridge', labels: {}, subnet: '10.9.0.0/24' })
    loop.gatewayId = await loop.engine.createContainer({ ...BARE_SPEC, name: 'gateway', network: 'bridge' })
    await loop.engine.startContainer(loop.gatewayId)
    await loop.put({ annotations: ANNOTATIONS })
    await loop.settle()
    const before = await ids()
    await loop.engine.disconnectNetwork('test-net-hello', loop.gatewayId)
    await failing(3)
    Object.assign(loop.answers.byPath ?? {}, { '/alive': 200 })
    await loop.settle()
    expect(await ids()).to.deep.equal(before)
  })

  it('is not asked while it is frozen', async () => {
    await loop.put({ annotations: ANNOTATIONS })
    await loop.settle()
    const before = await ids()
    await loop.freeze()
    await loop.settle()
    await failing(4)
    await loop.settle()
    expect(await ids()).to.deep.equal(before)
    expect(await loop.containers()).to.deep.equal(['hello-0 paused'])
  })

  it('of an earlier revision is asked what that was asked', async () => {
    await loop.put({ annotations: { 'com.openfaas.ready.http.path': '/old' } })
    await loop.settle()
    Object.assign(loop.answers.byPath ?? {}, { '/new': 503 })
    await loop.put({ image: 'hello:2', annotations: { 'com.openfaas.ready.http.path': '/new' } })
    for (let passes = 0; passes < 5; passes++) await loop.pass()
    expect((await loop.get()).status).to.include({ readyReplicas: 1, outdatedReplicas: 1 })
    Object.assign(loop.answers.byPath ?? {}, { '/new': 200, '/old': 404 })
    await loop.probe()
    await loop.settle()
    expect((await loop.get()).status).to.include({ readyReplicas: 1, outdatedReplicas: 0, replicas: 1 })
  })

  it('of an earlier revision is asked the same while the new one waits for a secret, and though that names no probe', async () => {
    Object.assign(loop.answers.byPath ?? {}, { '/new': 503, '/_/health': 503 })
    await loop.put({ annotations: { 'com.openfaas.ready.http.path': '/old' } })
    await loop.settle()
    for (const annotations of [{ 'com.openfaas.ready.http.path': '/new' }, {}]) {
      await loop.put({ image: 'hello:2', secrets: ['absent'], annotations })
      for (let passes = 0; passes < 3; passes++) await loop.pass()
      expect((await loop.get()).status).to.include({ readyReplicas: 1 })
    }
  })

  it('is started again while nothing can take its place, with a back-off', async () => {
    await loop.put({ annotations: ANNOTATIONS })
    await loop.settle()
    const [first] = await ids()
    await loop.put({ image: 'absent:1', annotations: ANNOTATIONS })
    await loop.pass()
    await failing(2)
    await loop.pass()
    expect((await loop.get()).status.outdatedRestarts[0]).to.include({ unhealthy: true, count: 1 })
    Object.assign(loop.answers.byPath ?? {}, { '/alive': 200 })
    for (let passes = 0; passes < 4; passes++) {
      await loop.pass()
      loop.clock.advance(1000)
    }
    expect(await ids()).to.deep.equal([first])
    expect(await loop.containers()).to.deep.equal(['hello-0 running'])
    expect(loop.endpoints.get(KEY)?.endpoints).to.have.length(1)
    expect(loop.engine.journal.filter(line => line.includes('container_kill'))).to.have.length(1)
    expect(loop.unhealthy).to.deep.equal([KEY])
  })

  it('of an old revision is started again while the new one is not ready', () => {
    const old = aReplica({ hash: 'aaaaaaaa', name: 'hello-0-aaaaaaaa', phase: 'unready', liveness: FAILED })
    const coming = aReplica({ phase: 'starting' })
    const plan = (inflight: number, now = NOW) =>
      formatPlan(planFunction(aDesired(), anObserved([{ ...old, inflight }, coming]), now).steps)
    expect(plan(0)).to.equal('kill hello-0-aaaaaaaa: failed its liveness probe')
    expect(plan(1)).to.equal('')
    expect(plan(1, NOW + 60_000)).to.equal('kill hello-0-aaaaaaaa: failed its liveness probe')
  })

  it('stays where the policy lets no other one come', () => {
    const refusal = { reason: 'PolicyViolation', message: 'no' } as const
    const isolation = { ...aDesired().isolation, refusal }
    const hung = aReplica({ phase: 'unready', liveness: FAILED })
    const plan = planFunction(aDesired({ isolation }), anObserved([hung]), NOW)
    expect(formatPlan(plan.steps)).to.equal('')
  })

  it('makes room for its successor, and gets no calls while the ones in it end', () => {
    const hung = aReplica({ phase: 'unready', inflight: 1, liveness: FAILED })
    const plan = planFunction(aDesired(), anObserved([hung]), NOW)
    expect(plan.leaving).to.deep.equal(new Set([hung.id]))
    expect(plan.endpoints).to.deep.equal([])
    expect(formatPlan(plan.steps)).to.equal(
      [
        'rename hello-0 to hello-0-bbbbbbbb: makes room',
        'create hello-0: failed its liveness probe',
        'start hello-0: failed its liveness probe'
      ].join('\n')
    )
    const idle = planFunction(aDesired(), anObserved([{ ...hung, inflight: 0 }]), NOW)
    expect(formatPlan(idle.steps)).to.contain('stop hello-0: failed its liveness probe')
  })

  it('did well only for as long as it lived, and its record stays while the next one fails', () => {
    const at = { exited: [], alive: [], replicas: 1, now: NOW }
    const hung = (aliveAt: number, id: string) =>
      aReplica({
        ...{ id: id.padEnd(12, '0'), phase: 'unready', liveness: { ...FAILED, aliveAt } },
        container: { startedAt: NOW - 90_000 }
      })
    const once = recordExits([], { ...at, exited: [hung(NOW - 80_000, 'a')] })
    const twice = recordExits(once, { ...at, exited: [hung(NOW - 80_000, 'b')] })
    expect(twice[0]).to.include({ count: 2 })
    const silent = aReplica({ phaseSince: NOW - 70_000, liveness: { isFailed: false, failures: 1 } })
    expect(recordExits(twice, { ...at, alive: [silent] })).to.have.length(1)
    const lives = aReplica({ phaseSince: NOW - 70_000, liveness: { isFailed: false, failures: 0 } })
    expect(recordExits(twice, { ...at, alive: [lives] })).to.deep.equal([])
    expect(recordExits(twice, { ...at, exited: [hung(NOW - 30_000, 'c')] })[0]).to.include({ count: 0 })
  })
})
