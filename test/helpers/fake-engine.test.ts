import { expect } from 'chai'
import { BARE_SPEC } from './builders.ts'
import { describeEngine } from './engine-contract.ts'
import { rejects, watchInto } from './engine-contract-world.ts'
import { eventually } from './eventually.ts'
import { FakeEngine } from './fake-engine.ts'

const SPEC = { ...BARE_SPEC, pidsLimit: 32, readOnlyRootFilesystem: true, logMaxBytes: 1024 }

describeEngine('FakeEngine', () => {
  let now = 1_700_000_000_000
  let subnets = 0
  const engine = new FakeEngine({ now: () => now++ })
  engine.addImage('test/image:1')
  return {
    engine,
    labels: { 'com.docker-faas.instance': 'test' },
    prefix: 'test-',
    image: 'test/image:1',
    subnet: () => `10.0.${subnets++}.0/28`,
    pause: async name => engine.pause(name),
    addImage: async (reference, { user = '' } = {}) => engine.addImage(reference, { user }),
    addTag: async (imageId, reference) => engine.tag(imageId, reference),
    addVolume: async (name, labels) => engine.addVolume(name, labels),
    freePort: async () => 9000,
    holdPort: async port => {
      engine.holdPort(port)
      return async () => engine.releasePort(port)
    }
  }
})

describe('FakeEngine', () => {
  const aFake = () => new FakeEngine({ now: () => 0 })
  const net = { name: 'net', labels: {}, subnet: '10.0.0.0/28' }

  it('fails as often as it is told, before or after the effect', async () => {
    const engine = aFake()
    engine.fail('network_create', 'unavailable', { times: 2 })
    await rejects('unavailable', engine.createNetwork(net))
    await rejects('unavailable', engine.createNetwork(net))
    expect(await engine.inspectNetwork('net')).to.equal(undefined)
    engine.fail('network_create', 'timeout', { after: true })
    await rejects('timeout', engine.createNetwork(net))
    expect((await engine.inspectNetwork('net'))?.name).to.equal('net')
    expect(engine.journal).to.deep.equal(['network_create net', 'network_create net', 'network_create net'])
  })

  it('N5: holds several networks of one name, and finds the one with our labels', async () => {
    const engine = aFake()
    engine.addNetwork('net')
    const ours = engine.addNetwork('net', { labels: { 'com.docker-faas.instance': 'x' } })
    expect((await engine.inspectNetwork('net'))?.id).to.equal(ours)
  })

  it('D12: keeps the name of a container while its removal goes on, and refuses another one', async () => {
    const engine = aFake()
    engine.addImage('hello:1')
    await engine.createNetwork(net)
    const spec = { ...SPEC, name: 'slow', network: 'net' }
    const id = await engine.createContainer(spec)
    await engine.startContainer(id)
    const finish = engine.beginRemoval(id)
    expect((await engine.inspectContainer('slow'))?.state).to.equal('removing')
    await rejects('name-in-use', engine.createContainer(spec))
    await rejects('busy', engine.startContainer(id))
    await rejects('busy', engine.removeContainer(id))
    finish()
    expect(await engine.inspectContainer('slow')).to.equal(undefined)
    await engine.createContainer(spec)
  })

  it('pulls what the registry has', async () => {
    const engine = aFake()
    const id = engine.addImage('hello:1', { remote: true })
    expect(await engine.inspectImage('hello:1')).to.equal(undefined)
    await rejects(
      'no-image',
      engine.pullImage('other:1', () => undefined)
    )
    await engine.pullImage('hello:1', () => undefined)
    expect((await engine.inspectImage('hello:1'))?.id).to.equal(id)
  })

  it('ends streams of events by throwing when they break', async () => {
    const engine = aFake()
    const seen = watchInto(engine.watch(new AbortController().signal))
    await eventually(() => expect(seen.events).to.have.length(1))
    engine.breakStreams()
    await rejects('unavailable', seen.ended)
  })
})
