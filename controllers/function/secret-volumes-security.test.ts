import { expect } from 'chai'
import { getCondition } from '../../api/condition.ts'
import { BARE_SPEC } from '../../test/helpers/builders.ts'
import { Loop } from '../../test/helpers/loop.ts'

const KEY = 'openfaas-fn/hello'

describe('volumes with secrets of a function', () => {
  let loop: Loop
  beforeEach(async () => {
    loop = await Loop.open()
  })
  afterEach(() => loop.close())

  const put = (value: string) => loop.store.secrets.put('openfaas-fn/a', Buffer.from(value))
  const volumes = () => loop.engine.volumes().map(({ name }) => name)
  const reasons = async () => (await loop.store.events.list()).map(({ reason }) => reason)
  const removals = () => loop.engine.journal.filter(line => line.startsWith('volume_remove ')).length
  const degraded = async () => getCondition((await loop.get()).status.conditions, 'Degraded')

  /** Passes one after the other, each when the one before asks for it, for so many seconds. */
  async function passes(seconds: number): Promise<void> {
    for (const end = loop.clock.now() + 1000 * seconds; loop.clock.now() < end; ) {
      const { requeueAfter = 60_000 } = await loop.pass()
      loop.clock.advance(Math.max(1, requeueAfter))
    }
  }

  /** A function with a secret, whose volume somebody else's container has mounted; its name. */
  async function aBusyVolume(): Promise<string> {
    await put('1')
    await loop.put({ secrets: ['a'] })
    await loop.settle()
    const [name = ''] = volumes()
    await loop.engine.createNetwork({ name: 'foreign', labels: {}, subnet: '10.9.0.0/24' })
    const secrets = { volume: name, access: 'read', labels: {} } as const
    await loop.engine.createContainer({ ...BARE_SPEC, name: 'backup', network: 'foreign', secrets })
    return name
  }

  it('S26: an old one that a container of somebody else uses keeps no replica from coming and being mended', async () => {
    const old = await aBusyVolume()
    await put('2')
    await passes(30)
    expect(await loop.containers()).to.deep.equal(['backup created', 'hello-0 running'])
    expect(loop.engine.secretsIn('hello-0')).to.deep.equal({ a: '2' })
    expect(await degraded()).to.include({ status: 'False' })
    loop.engine.exit('hello-0', 1)
    await passes(30)
    expect(await loop.containers()).to.deep.equal(['backup created', 'hello-0 running'])
    await loop.put({ replicas: 2, secrets: ['a'] })
    await passes(30)
    expect(await loop.containers()).to.deep.equal(['backup created', 'hello-0 running', 'hello-1 running'])
    expect(volumes()).to.have.length(2).and.include(old)
  })

  it('S26: an old one that is used is told of once, is tried again ever more seldom, and goes when it can', async () => {
    const old = await aBusyVolume()
    await put('2')
    await passes(600)
    expect(removals()).to.be.within(5, 20)
    const told = (await loop.store.events.list()).filter(({ reason }) => reason === 'VolumeBusy')
    expect(told.map(({ count, message }) => [count, message.includes(old)])).to.deep.equal([[1, true]])
    await loop.engine.removeContainer('backup')
    await passes(61)
    expect(volumes()).to.have.length(1).and.not.include(old)
    await loop.settle()
    expect(loop.left.get(KEY), 'at rest').to.be.a('string')
  })

  it('S26: a removal that fails otherwise comes after what its replicas need', async () => {
    await put('1')
    await loop.put({ secrets: ['a'] })
    await loop.settle()
    await put('2')
    loop.engine.fail('volume_remove', 'other', { times: 1000 })
    const pass = async () => {
      await loop.pass().catch(() => undefined)
      loop.clock.advance(60_000)
    }
    for (let n = 0; n < 10; n++) await pass()
    loop.engine.exit('hello-0', 1)
    for (let n = 0; n < 5; n++) await pass()
    expect(await loop.containers()).to.deep.equal(['hello-0 running'])
    expect(await degraded()).to.include({ status: 'True', reason: 'EngineError' })
    loop.engine.heal()
    await loop.settle()
    expect(volumes()).to.have.length(1)
  })

  it('S26: one that is used when its function is deleted is left to the garbage collector', async () => {
    const name = await aBusyVolume()
    await loop.store.functions.markDeleted(KEY)
    await loop.settle()
    expect(await loop.store.functions.get(KEY)).to.equal(undefined)
    expect(await loop.containers()).to.deep.equal(['backup created'])
    expect([...loop.deserted]).to.deep.equal([name])
    expect(await reasons()).to.include.members(['VolumeBusy', 'Deleted'])
  })

  it('S26: one of secrets that the function had before goes with it', async () => {
    await put('1')
    await loop.put({ secrets: ['a'] })
    await loop.settle()
    await loop.put({ secrets: [] })
    await loop.settle()
    expect(volumes(), 'as the garbage collector has it').to.have.length(1)
    await loop.store.functions.markDeleted(KEY)
    await loop.settle()
    expect(await loop.store.functions.get(KEY)).to.equal(undefined)
    expect(volumes()).to.deep.equal([])
    expect([...loop.deserted]).to.deep.equal([])
  })

  for (const secrets of [[], ['a']]) {
    it(`S26: a look that fails keeps the record of restarts of a function with ${secrets.length} secrets`, async () => {
      await put('1')
      await loop.put({ secrets })
      await loop.settle()
      for (let n = 0; n < 4; n++) {
        loop.engine.exit('hello-0', 1)
        for (let pass = 0; pass < 6; pass++) {
          const { requeueAfter = 1 } = await loop.pass()
          loop.clock.advance(Math.max(1, requeueAfter))
        }
      }
      loop.engine.exit('hello-0', 1)
      await loop.pass()
      const before = (await loop.get()).status
      expect(before.restarts.map(({ count }) => count)).to.deep.equal([5])
      loop.engine.fail('container_list', 'other')
      await loop.pass().catch(() => undefined)
      await loop.pass()
      const { restarts, specHash } = (await loop.get()).status
      expect({ restarts, specHash }).to.deep.equal({ restarts: before.restarts, specHash: before.specHash })
      expect(await loop.containers()).to.deep.equal(['hello-0 exited'])
    })
  }
})
