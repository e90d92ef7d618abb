import { copyFile, rm } from 'node:fs/promises'
import { expect } from 'chai'
import { getCondition } from '../../api/condition.ts'
import { LABEL } from '../../api/labels.ts'
import type { AdoptionList, AdoptionOutcome } from '../../src/http/deps.ts'
import { useTestRun } from '../helpers/docker-run.ts'
import { eventually } from '../helpers/eventually.ts'
import { TestGateway } from '../helpers/gateway.ts'

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
  const confirm = (body: object = {}) => json<AdoptionOutcome>('POST', '/v1/adopt', body)
  const call = async (name: string) => (await gateway.call('GET', `/function/${name}`)).status
  const loseDatabase = async () => {
    for (const end of ['', '-wal', '-shm']) await rm(`${gateway.databasePath}${end}`, { force: true })
  }

  /** Several looks of the garbage collector and of the function controller. */
  async function looks(count: number): Promise<void> {
    const passes = async () => {
      const counts = (await gateway.metrics()).matchAll(
        /^faas_reconcile_total\{controller="gc",result="\w+"\} (\d+)$/gm
      )
      return [...counts].reduce((sum, [, n]) => sum + Number(n), 0)
    }
    const before = await passes()
    await eventually(async () => expect(await passes()).to.be.at.least(before + count), { timeoutMs: 20_000 })
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
      await looks(2)
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
    await looks(2)
    expect(await objects()).to.deep.equal(there)
    expect(await call('kept')).to.equal(200)
    expect(await question()).to.deep.include({ active: false, adopt: [], delete: [] })
    await gateway.stop()
    await gateway.start()
    await looks(2)
    expect(await objects()).to.deep.equal(there)
  })

  it('S11: restored from yesterday: what is newer is held and flagged, and right after adopting', async () => {
    for (const name of ['old', 'same']) await gateway.apply(name, { image: run().image, env: { V: '1' } })
    for (const name of ['old', 'same']) await gateway.converged(name)
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
    await gateway.start()
    await gateway.reason('old', 'Degraded', 'DatabaseRestored')
    await eventually(async () => expect([await call('old'), await call('young')]).to.deep.equal([200, 200]))
    await looks(2)
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
    await gateway.scale('same', 2)
    expect((await gateway.converged('same')).status.readyReplicas).to.equal(2)
    await gateway.scale('same', 1)
    await gateway.converged('same')
    // A function that waits is not rolled back by a change of the row either.
    await confirm()
    for (const fn of [old, young]) {
      const after = await gateway.converged(fn.metadata.name)
      expect(after.metadata).to.deep.include({ uid: fn.metadata.uid, generation: fn.metadata.generation })
      expect(after.spec).to.deep.equal(fn.spec)
    }
    await looks(2)
    expect(await objects()).to.deep.equal(there)
  })
})
