import { expect } from 'chai'
import { Loop } from '../../test/helpers/loop.ts'

const HOUR_MS = 3_600_000

describe('D15: FunctionReconciler, when the clock is set', () => {
  let loop: Loop

  beforeEach(async () => {
    loop = await Loop.open()
  })
  afterEach(() => loop.close())

  for (const [title, jumpMs] of [
    ['forward', HOUR_MS],
    ['back', -HOUR_MS]
  ] as const) {
    it(`by an hour ${title}, changes nothing of a function that is as wanted`, async () => {
      await loop.put({ replicas: 2 })
      await loop.settle()
      const before = loop.engine.journal.length
      loop.clock.jump(jumpMs)
      await loop.settle()
      expect(loop.engine.journal.length).to.equal(before)
    })

    it(`by an hour ${title}, gives a replica that is to go its time, no less and no more`, async () => {
      await loop.put()
      await loop.settle()
      const busy = loop.inflight.acquire((await loop.engine.listContainers({}))[0]?.id ?? '')
      await loop.put({ image: 'hello:2' })
      for (let n = 0; n < 3; n++) await loop.pass()
      loop.clock.jump(jumpMs)
      loop.clock.advance(59_000)
      await loop.pass()
      expect(loop.engine.journal.filter(call => call.startsWith('container_kill'))).to.deep.equal([])
      loop.clock.advance(2000)
      await loop.settle()
      expect(await loop.containers()).to.deep.equal(['hello-0 running'])
      busy()
    })
  }

  it('back by an hour, still starts a replica that exited within its back-off, and counts what exits next', async () => {
    await loop.put()
    await loop.settle()
    for (let n = 0; n < 3; n++) {
      loop.engine.exit('hello-0', 1)
      await loop.settle()
    }
    loop.engine.exit('hello-0', 1)
    await loop.pass()
    loop.clock.jump(-HOUR_MS)
    await loop.pass()
    loop.clock.advance(8000)
    await loop.pass()
    expect(await loop.containers()).to.deep.equal(['hello-0 running'])
    loop.engine.exit('hello-0', 1)
    await loop.pass()
    expect((await loop.get()).status.restarts[0]).to.include({ count: 5 })
  })
})
