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
})
