import { expect } from 'chai'
import { getCondition } from '../../api/condition.ts'
import { Loop } from '../../test/helpers/loop.ts'

describe('FunctionReconciler, after an outage of the engine', () => {
  let loop: Loop

  beforeEach(async () => {
    loop = await Loop.open()
    await loop.put()
    await loop.settle()
  })
  afterEach(() => loop.close())

  it('D16: replaces at once what ended while the engine was away, though it has run for a moment only', async () => {
    for (let outage = 0; outage < 3; outage++) {
      loop.engine.exit('hello-0', 255)
      loop.clock.advance(1)
      loop.engineSince = loop.clock.now()
      await loop.pass()
      expect(await loop.containers()).to.deep.equal(['hello-0 running'])
    }
    expect((await loop.get()).status.restarts[0]).to.include({ count: 0, exitCode: 255 })
  })

  it('counts an exit that it could have seen', async () => {
    loop.engineSince = loop.clock.now()
    loop.clock.advance(1)
    loop.engine.exit('hello-0', 1)
    await loop.pass()
    expect((await loop.get()).status.restarts[0]).to.include({ count: 1 })
  })

  it('mends nothing before its turn, says so by coming back then, and does what was asked for at once', async () => {
    loop.engine.exit('hello-0', 255)
    loop.clock.advance(1)
    loop.engineSince = loop.clock.now()
    loop.waitMs = 400
    expect(await loop.pass()).to.deep.equal({ requeueAfter: 400 })
    expect(await loop.containers()).to.deep.equal(['hello-0 exited'])
    expect(loop.endpoints.get('openfaas-fn/hello')?.endpoints).to.deep.equal([])
    expect(getCondition((await loop.get()).status.conditions, 'Ready')?.reason).to.equal('ReplicaExited')
    await loop.put({ replicas: 2 })
    await loop.pass()
    expect(await loop.containers()).to.deep.equal(['hello-0 running', 'hello-1 running'])
  })
})
