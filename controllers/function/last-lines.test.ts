import { expect } from 'chai'
import { Loop } from '../../test/helpers/loop.ts'

describe('the last lines of replicas', () => {
  let loop: Loop
  beforeEach(async () => {
    loop = await Loop.open()
    loop.engine.addImage('hello:2')
  })
  afterEach(() => loop.close())

  const kept = async () => {
    const { uid } = (await loop.get()).metadata
    const records = await loop.store.lastLines.list(uid)
    return records.map(({ instance, lines }) => `${instance}: ${lines.map(({ text }) => text).join(', ')}`)
  }

  it('are kept of one that crashed, when it is replaced, and outlive the gateway', async () => {
    await loop.put()
    await loop.settle()
    loop.engine.log('hello-0', 'one', { text: 'out of cheese', stream: 'stderr' })
    loop.engine.exit('hello-0', 3)
    await loop.settle()
    expect(await loop.containers()).to.deep.equal(['hello-0 running'])
    loop.restart()
    expect(await kept()).to.deep.equal(['hello-0: one, out of cheese'])
  })

  it('are kept of those that a rollout removes', async () => {
    await loop.put()
    await loop.settle()
    loop.engine.log('hello-0', 'goodbye')
    await loop.put({ image: 'hello:2' })
    await loop.settle()
    expect(await kept()).to.have.length(1)
    expect((await kept())[0]).to.match(/^hello-0-[0-9a-f]{8}: goodbye$/)
  })

  it('are the last 200, and 32 KiB', async () => {
    await loop.put({ replicas: 2 })
    await loop.settle()
    loop.engine.log('hello-0', ...Array.from({ length: 300 }, (_, n) => `${n}`))
    loop.engine.log('hello-1', ...Array.from({ length: 100 }, (_, n) => `${n} ${'x'.repeat(1000)}`))
    await loop.put({ replicas: 0 })
    await loop.settle()
    const { uid } = (await loop.get()).metadata
    const records = await loop.store.lastLines.list(uid)
    const textsOf = (name: string) => records.find(({ instance }) => instance === name)?.lines.map(({ text }) => text)
    const [first, second] = [textsOf('hello-0'), textsOf('hello-1')]
    expect([first?.length, first?.[0], first?.at(-1)]).to.deep.equal([200, '100', '299'])
    expect(second?.at(-1)).to.match(/^99 /)
    expect(second?.length).to.be.within(25, 33)
  })

  it('cost nothing where nothing is removed, and are not kept of a function that is deleted', async () => {
    await loop.put()
    await loop.settle()
    loop.engine.log('hello-0', 'one')
    let reads = 0
    const { engine } = loop
    const readLogs = engine.readLogs.bind(engine)
    engine.readLogs = (...args) => {
      reads++
      return readLogs(...args)
    }
    await loop.pass()
    await loop.pass()
    await loop.store.functions.markDeleted('openfaas-fn/hello')
    await loop.settle().catch(() => undefined)
    expect(await loop.containers()).to.deep.equal([])
    expect(reads).to.equal(0)
  })

  it('keep no replica from going when the engine does not give them', async () => {
    await loop.put()
    await loop.settle()
    loop.engine.log('hello-0', 'one')
    loop.engine.exit('hello-0', 3)
    await loop.pass()
    loop.engine.fail('container_logs', 'other', { times: 10 })
    loop.clock.advance(1000)
    await loop.pass()
    expect(await loop.containers()).to.deep.equal(['hello-0 running'])
    expect(await kept()).to.deep.equal([])
  })
})
