import { copyFile, rename, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { expect } from 'chai'
import { getCondition } from '../../api/condition.ts'
import { LABEL } from '../../api/labels.ts'
import { printPlan } from '../../src/cli/plan.ts'
import type { AdoptionList, AdoptionOutcome } from '../../src/http/deps.ts'
import { anEnvironment } from '../helpers/cli.ts'
import { useTestRun } from '../helpers/docker-run.ts'
import { eventually } from '../helpers/eventually.ts'
import { TestGateway } from '../helpers/gateway.ts'
import { testEnvironment } from '../helpers/gateway-client.ts'
import { PRODUCT_HOST } from '../helpers/product-engine.ts'

describe('a database that is older than what runs', function () {
  this.timeout(60_000)
  const run = useTestRun()
  let gateway: TestGateway

  beforeEach(async () => {
    gateway = await TestGateway.start({ GC_GRACE: '0s', GC_INTERVAL: '1s', RECONCILE_INTERVAL_SECONDS: '1' })
  })
  afterEach(() => gateway.close())

  /** What the instance has on the engine: containers with the time of their start, and networks. */
  async function objects(): Promise<string[]> {
    const filters = { label: [`${LABEL.instance}=${gateway.instance}`] }
    const list = await gateway.docker.listContainers({ all: true, filters })
    const found = await Promise.all(list.map(({ Id }) => gateway.docker.getContainer(Id).inspect()))
    const containers = found.map(({ Name, Id, State }) => `${Name} ${Id} ${State.Status} ${State.StartedAt}`)
    const networks = await gateway.docker.listNetworks({ filters })
    return [...containers, ...networks.map(({ Name, Id }) => `${Name} ${Id}`)].sort()
  }

  const json = async <T>(method: string, path: string, body?: unknown): Promise<T> => {
    const { status, text } = await gateway.call(method, path, body)
    expect(status, text).to.equal(200)
    return JSON.parse(text)
  }
  const question = () => json<AdoptionList>('GET', '/v1/adopt')
  const confirm = (body: object = { action: 'adopt' }) => json<AdoptionOutcome>('POST', '/v1/adopt', body)
  const call = async (name: string) => (await gateway.call('GET', `/function/${name}`)).status
  const loseDatabase = async () => {
    for (const end of ['', '-wal', '-shm']) await rm(`${gateway.databasePath}${end}`, { force: true })
  }

  /** What `docker-faas plan` prints while no gateway runs. */
  async function planned(): Promise<string> {
    const env = {
      ...testEnvironment(dirname(gateway.databasePath), gateway.instance),
      DOCKER_HOST: PRODUCT_HOST
    }
    const environment = anEnvironment({ env })
    await printPlan(environment, { json: false })
    return environment.stdout.text
  }

  it('S5: lost: what runs is left alone and answers, and is the same function after adopting', async () => {
    await gateway.apply('kept', { image: run().image, replicas: 2, env: { A: 'b' } }, { labels: { tier: 'web' } })
    await gateway.converged('kept')
    await gateway.apply('kept', { image: run().image, env: { A: 'c' } }, { labels: { tier: 'web' } })
    const before = await gateway.converged('kept')
    const there = await objects()
    await gateway.stop()
    await loseDatabase()
    for (const _ of ['first', 'again']) {
      await gateway.start()
      await eventually(async () => expect(await call('kept')).to.equal(200), { timeoutMs: 20_000 })
      await gateway.garbageLooks(2)
      expect(await objects()).to.deep.equal(there)
      expect((await gateway.call('GET', '/v1/functions/kept')).status).to.equal(404)
      const { active, adopt } = await question()
      expect({ active, adopt }).to.deep.include({ active: true })
      expect(adopt.map(item => [item.function, item.uid, item.generation, item.replicas, item.image])).to.deep.equal([
        ['openfaas-fn/kept', before.metadata.uid, 2, 2, run().image]
      ])
      const plan = await json<{ garbage: { verdict: string }[] }>('GET', '/v1/plan')
      expect(new Set(plan.garbage.map(({ verdict }) => verdict))).to.deep.equal(new Set(['adopt']))
      expect(await gateway.metrics()).to.match(/^faas_adopt_undecided_functions 1$/m)
      expect(gateway.log.join('')).to.contain('Found database older than what runs')
      await gateway.stop()
    }
    await gateway.start()
    expect(await confirm()).to.deep.equal({ active: false, adopted: ['openfaas-fn/kept'], deleted: [] })
    const after = await gateway.converged('kept')
    expect(after.metadata).to.deep.include({ uid: before.metadata.uid, generation: 2, labels: { tier: 'web' } })
    expect(after.spec).to.deep.equal(before.spec)
    await gateway.garbageLooks(2)
    expect(await objects()).to.deep.equal(there)
    expect(await call('kept')).to.equal(200)
    expect(await question()).to.deep.include({ active: false, adopt: [], delete: [] })
    await gateway.stop()
    await gateway.start()
    await gateway.garbageLooks(2)
    expect(await objects()).to.deep.equal(there)
  })

  it('S11: restored from yesterday: what is newer is held and flagged, and right after adopting', async () => {
    for (const name of ['old', 'settled']) await gateway.apply(name, { image: run().image, env: { V: '1' } })
    for (const name of ['old', 'settled']) await gateway.converged(name)
    await gateway.stop()
    await copyFile(gateway.databasePath, `${gateway.databasePath}.yesterday`)
    await gateway.start()
    await gateway.apply('old', { image: run().image, env: { V: '2' }, replicas: 2 })
    await gateway.apply('young', { image: run().image })
    const [old, young] = [await gateway.converged('old'), await gateway.converged('young')]
    const there = await objects()
    await gateway.stop()
    await loseDatabase()
    await copyFile(`${gateway.databasePath}.yesterday`, gateway.databasePath)
    expect(await planned())
      .to.contain('orphan container young-0: adopt')
      .and.to.contain('wait: generation 2 runs')
    await gateway.start()
    await gateway.reason('old', 'Degraded', 'DatabaseRestored')
    await eventually(async () => expect([await call('old'), await call('young')]).to.deep.equal([200, 200]))
    await gateway.garbageLooks(2)
    expect(await objects()).to.deep.equal(there)
    expect(getCondition((await gateway.get('old')).status.conditions, 'Ready')?.status).to.equal('True')
    expect((await question()).adopt.map(item => [item.function, item.generation, item.replicas])).to.deep.equal([
      ['openfaas-fn/old', 2, 2],
      ['openfaas-fn/young', 1, 1]
    ])
    const events = await json<{ items: { name: string; reason: string }[] }>('GET', '/v1/events')
    const flagged = events.items.filter(({ reason }) => reason === 'DatabaseRestored').map(({ name }) => name)
    expect(new Set(flagged)).to.deep.equal(new Set(['old', 'young']))
    // What agrees with the database is looked after as always.
    await gateway.scale('settled', 2)
    expect((await gateway.converged('settled')).status.readyReplicas).to.equal(2)
    await gateway.scale('settled', 1)
    await gateway.converged('settled')
    // A function that waits is not rolled back by a change of the row either.
    await confirm()
    for (const fn of [old, young]) {
      const after = await gateway.converged(fn.metadata.name)
      expect(after.metadata).to.deep.include({ uid: fn.metadata.uid, generation: fn.metadata.generation })
      expect(after.spec).to.deep.equal(fn.spec)
    }
    await gateway.garbageLooks(2)
    expect(await objects()).to.deep.equal(there)
  })

  it('S11: a function that was written anew since goes on as the next generation of what runs, without a failed call', async () => {
    await gateway.apply('restored', { image: run().image, env: { V: '1' } })
    const { metadata } = await gateway.converged('restored')
    await gateway.stop()
    await loseDatabase()
    await gateway.start()
    await eventually(async () => expect(await call('restored')).to.equal(200), { timeoutMs: 20_000 })
    const there = await objects()
    await gateway.apply('restored', { image: run().image, env: { V: '2' } })
    await gateway.reason('restored', 'Degraded', 'DatabaseRestored')
    expect(await objects()).to.deep.equal(there)
    const { adopt, conflicts } = await question()
    expect([adopt, conflicts.map(item => [item.function, item.runs, item.generation])]).to.deep.equal([
      [],
      [['openfaas-fn/restored', 1, 2]]
    ])
    await confirm()
    const codes = new Set<number>()
    const after = await eventually(
      async () => {
        codes.add(await call('restored'))
        const fn = await gateway.get('restored')
        expect(getCondition(fn.status.conditions, 'Progressing')?.reason).to.equal('Converged')
        return fn
      },
      { timeoutMs: 30_000, intervalMs: 20 }
    )
    expect([...codes]).to.deep.equal([200])
    expect(after.metadata).to.deep.include({ uid: metadata.uid, generation: 2 })
    expect(after.spec.env).to.deep.equal({ V: '2' })
  })

  it('S11: what is given up goes, what is newer is rolled back, and one function at a time can be decided', async () => {
    await gateway.apply('old', { image: run().image, env: { V: '1' } })
    await gateway.converged('old')
    await gateway.stop()
    await copyFile(gateway.databasePath, `${gateway.databasePath}.yesterday`)
    await gateway.start()
    await gateway.apply('old', { image: run().image, env: { V: '2' } })
    for (const name of ['one', 'two']) await gateway.apply(name, { image: run().image })
    for (const name of ['old', 'one', 'two']) await gateway.converged(name)
    await gateway.stop()
    await loseDatabase()
    await copyFile(`${gateway.databasePath}.yesterday`, gateway.databasePath)
    await gateway.start()
    await gateway.reason('old', 'Degraded', 'DatabaseRestored')
    const unknown = await gateway.call('POST', '/v1/adopt', { action: 'adopt', functions: ['none'] })
    expect([unknown.status, JSON.parse(unknown.text).code]).to.deep.equal([404, 'NOT_FOUND'])
    const wrong = await gateway.call('POST', '/v1/adopt', { action: 'keep' })
    expect([wrong.status, JSON.parse(wrong.text).errors[0].field]).to.deep.equal([400, 'action'])
    expect(await confirm({ action: 'adopt', functions: ['one'] })).to.deep.include({
      active: true,
      adopted: ['openfaas-fn/one']
    })
    await gateway.converged('one')
    expect((await question()).adopt.map(item => item.function)).to.deep.equal(['openfaas-fn/old', 'openfaas-fn/two'])
    for (const [name, active] of [
      ['two', true],
      ['old', false]
    ] as const) {
      const outcome = await confirm({ action: 'delete', functions: [name] })
      expect(outcome).to.deep.include({ active, deleted: [`openfaas-fn/${name}`] })
    }
    await eventually(async () => expect(await gateway.containers()).to.deep.equal(['old-0', 'one-0']), {
      timeoutMs: 30_000
    })
    await eventually(async () => expect(await gateway.networks()).to.have.length(2), { timeoutMs: 30_000 })
    const old = await gateway.converged('old')
    expect([old.metadata.generation, old.spec.env]).to.deep.equal([3, { V: '1' }])
    const empty = await gateway.call('POST', '/v1/adopt')
    expect(empty.status).to.equal(400)
    const nothing = await gateway.call('POST', '/v1/adopt', { action: 'adopt' })
    expect([nothing.status, JSON.parse(nothing.text).code]).to.deep.equal([409, 'NOTHING_TO_ADOPT'])
  })

  it('S5: a lost key: nothing is touched, the log says what to do, and all is well when the key is back', async () => {
    await gateway.apply('signed', { image: run().image })
    await gateway.converged('signed')
    const there = await objects()
    await gateway.stop()
    const key = join(dirname(gateway.databasePath), 'instance-key')
    await rename(key, `${key}.away`)
    await gateway.start()
    await gateway.reason('signed', 'Degraded', 'NameConflict')
    await gateway.garbageLooks(2)
    expect(await objects()).to.deep.equal(there)
    const told = gateway.log.find(line => line.includes('Found nothing that the instance key has signed')) ?? ''
    expect(JSON.parse(told)).to.deep.include({ level: 50 }).and.to.have.property('remedy').that.contains('instance-key')
    const { items } = await json<{ items: { reason: string }[] }>('GET', '/v1/functions/signed/events')
    expect(items.map(({ reason }) => reason)).to.include('ForgedObject')
    expect(await question()).to.deep.include({ active: false, adopt: [], delete: [], forged: 2 })
    await gateway.stop()
    await rename(`${key}.away`, key)
    await gateway.start()
    await gateway.converged('signed')
    expect(await call('signed')).to.equal(200)
    expect(await objects()).to.deep.equal(there)
  })
})
