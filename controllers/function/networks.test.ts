import { expect } from 'chai'
import { getCondition } from '../../api/condition.ts'
import { Loop } from '../../test/helpers/loop.ts'

describe('the network of a function, over the fake engine and a real database', () => {
  let loop: Loop

  beforeEach(async () => {
    loop = await Loop.open()
  })
  afterEach(() => loop.close())

  const degraded = async () => getCondition((await loop.get()).status.conditions, 'Degraded')

  /** Passes, whatever becomes of them, as the work queue runs them. */
  async function passes(count: number): Promise<void> {
    for (let i = 0; i < count; i++) {
      await loop.pass().catch(() => undefined)
      loop.clock.advance(1000)
    }
  }

  it('N6: says BridgeFull of a bridge that takes no more interfaces, backs off, and goes on when there is room', async () => {
    loop.engine.limitBridges(2)
    await loop.put({ replicas: 3 })
    await passes(10)
    expect(await degraded()).to.include({ status: 'True', reason: 'BridgeFull' })
    expect((await degraded())?.message).to.contain('ask for fewer replicas')
    expect((await loop.get()).status.readyReplicas).to.equal(2)
    const starts = loop.engine.journal.filter(call => call.startsWith('container_start')).length
    expect(starts).to.be.at.most(8)
    loop.engine.limitBridges(3)
    await loop.settle()
    expect((await loop.get()).status.readyReplicas).to.equal(3)
    expect((await degraded())?.status).to.equal('False')
  })

  it('N2: lets a deletion end though the engine keeps the network, and says so', async () => {
    await loop.put()
    await loop.settle()
    const uid = (await loop.get()).metadata.uid
    const [subnet] = (await loop.engine.inspectNetwork('test-net-hello'))?.subnets ?? []
    await loop.store.functions.markDeleted('openfaas-fn/hello')
    loop.engine.fail('network_remove', 'busy', { times: 1000 })
    await passes(30)
    expect(await degraded()).to.include({ status: 'True', reason: 'NetworkBusy' })
    await passes(40)
    expect(await loop.store.functions.get('openfaas-fn/hello')).to.equal(undefined)
    expect(loop.endpoints.get('openfaas-fn/hello')).to.equal(undefined)
    const events = (await loop.store.events.list()).filter(event => event.uid === uid)
    expect(events.map(({ reason }) => reason)).to.include.members(['NetworkBusy', 'NetworkLeaked', 'Deleted'])
    expect((await loop.engine.inspectNetwork('test-net-hello'))?.subnets).to.deep.equal([subnet])
  })

  it('N2: waits for a network that is let go within the grace', async () => {
    await loop.put()
    await loop.settle()
    await loop.store.functions.markDeleted('openfaas-fn/hello')
    loop.engine.fail('network_remove', 'busy', { times: 10 })
    await passes(30)
    expect(await loop.store.functions.get('openfaas-fn/hello')).to.equal(undefined)
    expect(loop.engine.networks()).to.deep.equal([])
    expect((await loop.store.events.list()).map(({ reason }) => reason)).to.not.include('NetworkLeaked')
  })

  it('N2: gives the addresses of a network that the engine keeps to nobody else, and uses it again for its name', async () => {
    await loop.put()
    await loop.settle()
    const before = await loop.engine.inspectNetwork('test-net-hello')
    await loop.store.functions.markDeleted('openfaas-fn/hello')
    loop.engine.fail('network_remove', 'busy', { times: 1000 })
    await passes(70)
    await loop.put({ name: 'other' })
    await loop.settle('other')
    expect((await loop.engine.inspectNetwork('test-net-other'))?.subnets).to.not.deep.equal(before?.subnets)
    await loop.put()
    await loop.settle()
    expect((await loop.get()).status.readyReplicas).to.equal(1)
    expect((await loop.engine.inspectNetwork('test-net-hello'))?.id).to.equal(before?.id)
  })

  describe('N4: when a route of the host comes', () => {
    const subnet = async () => (await loop.engine.inspectNetwork('test-net-hello'))?.subnets[0] ?? ''
    const route = (cidr: string) => {
      loop.routes = [{ cidr, interface: 'tun0' }]
    }
    beforeEach(async () => {
      await loop.put({ replicas: 2 })
      await loop.settle()
    })

    it('that takes its traffic, it moves as soon as no replica answers, and all is well again', async () => {
      const before = await subnet()
      const ids = loop.engine.containers().map(({ id }) => id)
      route(before)
      await passes(3)
      expect(await degraded()).to.include({ status: 'True', reason: 'SubnetConflict' })
      expect((await degraded())?.message)
        .to.contain(before)
        .and.to.contain('it moves')
      expect(await subnet()).to.equal(before)
      loop.answers.status = new Error('connect ETIMEDOUT')
      loop.restart() // whose prober knows of no answer from before
      await passes(3)
      loop.answers.status = 200
      loop.restart()
      await loop.settle()
      expect(await subnet()).to.not.equal(before)
      expect(loop.engine.containers().map(({ id }) => id)).to.deep.equal(ids)
      expect((await loop.get()).status.readyReplicas).to.equal(2)
      expect((await degraded())?.status).to.equal('False')
      expect(loop.engine.networks()).to.have.length(1)
    })

    it('that is wider, it stays while it serves, and moves when the function is scaled to 0', async () => {
      const before = await subnet()
      route(before.replace(/\/28$/, '/27'))
      loop.answers.status = new Error('connect ETIMEDOUT')
      loop.restart()
      await passes(5)
      expect(await degraded()).to.include({ reason: 'SubnetConflict' })
      expect(await subnet()).to.equal(before)
      loop.answers.status = 200
      loop.restart()
      await loop.put({ replicas: 0 })
      await loop.settle()
      expect(loop.engine.networks()).to.deep.equal([])
      await loop.put({ replicas: 1 })
      await loop.settle()
      expect(await subnet()).to.not.equal(before)
    })

    it('that takes the whole pool, it stays whatever happens, and the condition names the remedy', async () => {
      const before = await subnet()
      route('10.0.0.0/8')
      loop.answers.status = new Error('connect ETIMEDOUT')
      loop.restart()
      await passes(5)
      expect((await degraded())?.message).to.contain('set FUNCTIONS_SUBNET_POOL')
      expect(await subnet()).to.equal(before)
      loop.routes = []
      loop.answers.status = 200
      loop.restart()
      await loop.settle()
      expect((await degraded())?.status).to.equal('False')
    })
  })
})
