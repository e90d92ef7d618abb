import { expect } from 'chai'
import { FakeEngine } from '../../test/helpers/fake-engine.ts'
import { EngineFacts } from './engine-facts.ts'

describe('what the engine says of itself', () => {
  it('is asked once, and afresh when that is asked for', async () => {
    const engine = new FakeEngine({ now: () => 0 })
    const facts = new EngineFacts(engine)
    expect((await facts.get()).runtimes).to.deep.equal(['runc'])
    engine.runtimes.add('runsc')
    engine.fail('info', 'unavailable')
    expect((await facts.get()).runtimes).to.deep.equal(['runc'])
    engine.heal()
    expect((await facts.refresh()).runtimes).to.deep.equal(['runc', 'runsc'])
    expect((await facts.get()).runtimes).to.deep.equal(['runc', 'runsc'])
  })
})
