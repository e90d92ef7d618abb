import { expect } from 'chai'
import { LABEL } from '../../api/labels.ts'
import { heirOf } from '../../api/legacy.ts'
import { BARE_SPEC, POLICY } from '../../test/helpers/builders.ts'
import { legacyLabels } from '../../test/helpers/legacy.ts'
import { Loop } from '../../test/helpers/loop.ts'
import { survey } from './survey.ts'

const KEY = 'openfaas-fn/hello'
const NETWORK = `${POLICY.functionsNetwork}-hello`

describe('survey', () => {
  let loop: Loop

  beforeEach(async () => {
    loop = await Loop.open()
  })
  afterEach(() => loop.close())

  /** What a look shows of the function. */
  async function look(): Promise<string | undefined> {
    const { engine, inherited } = loop
    const { instance, functionsNetwork } = POLICY
    const deps = {
      ...{ engine, instance, functionsNetwork, gatewayId: () => loop.gatewayId, ...loop.store },
      routes: async () => loop.routes,
      heirOf: (object: Awaited<ReturnType<Loop['get']>>) =>
        inherited.has(object.metadata.uid) ? heirOf(object, functionsNetwork) : undefined
    }
    return (await survey(deps, await loop.store.functions.list(), new AbortController().signal)).get(KEY)
  }

  async function atRest(replicas = 2): Promise<string | undefined> {
    await loop.put({ replicas })
    await loop.settle()
    return loop.left.get(KEY)
  }

  it('shows of a function at rest what its last pass saw', async () => {
    expect(await atRest()).to.be.a('string')
    expect(await look()).to.equal(loop.left.get(KEY))
  })

  it('shows it of a function without replicas, and of one with a gateway on its network', async () => {
    await loop.engine.createNetwork({ name: 'bridge', labels: {}, subnet: '10.9.0.0/24' })
    loop.gatewayId = await loop.engine.createContainer({ ...BARE_SPEC, name: 'gateway', network: 'bridge' })
    await loop.engine.startContainer('gateway')
    expect(await atRest()).to.be.a('string')
    expect(await look()).to.equal(loop.left.get(KEY))
    await loop.engine.disconnectNetwork(NETWORK, 'gateway')
    expect(await look()).to.not.equal(loop.left.get(KEY))
    await atRest(0)
    expect(await look()).to.equal(loop.left.get(KEY))
  })

  it('shows it of a function with a forged container beside it', async () => {
    await atRest()
    const labels = { [LABEL.instance]: POLICY.instance, [LABEL.namespace]: 'openfaas-fn', [LABEL.function]: 'hello' }
    await loop.engine.createContainer({ ...BARE_SPEC, name: 'forged', labels, network: NETWORK })
    expect(await look()).to.not.equal(loop.left.get(KEY))
    await loop.settle()
    expect(loop.left.get(KEY)).to.be.a('string')
    expect(await look()).to.equal(loop.left.get(KEY))
  })

  it('shows it of an heir, and what of the older program comes back', async () => {
    const { metadata } = await loop.put({ replicas: 1 })
    loop.inherited.add(metadata.uid)
    await loop.settle()
    expect(await look())
      .to.be.a('string')
      .and.equal(loop.left.get(KEY))
    const labels = legacyLabels('hello', 5, NETWORK)
    await loop.engine.createContainer({ ...BARE_SPEC, name: 'hello-5', labels, network: NETWORK })
    expect(await look()).to.not.equal(loop.left.get(KEY))
  })

  it('shows when the profiles of a function come to something else, or one goes', async () => {
    const write = (name: string, user: string, labels = {}) =>
      loop.store.profiles.put(name, () => ({ name, labels, annotations: {}, spec: { user } }))
    await write('a', '1000')
    await loop.put({ annotations: { 'com.openfaas.profile': 'a' } })
    await loop.settle()
    expect(loop.left.get(KEY)).to.be.a('string')
    expect(await look()).to.equal(loop.left.get(KEY))
    await write('a', '1000', { x: 'y' })
    await write('b', '1001')
    expect(await look()).to.equal(loop.left.get(KEY))
    await write('a', '1001')
    expect(await look()).to.not.equal(loop.left.get(KEY))
  })

  it('shows it of a function with secrets, and when they change, or go', async () => {
    const key = 'openfaas-fn/key'
    await loop.store.secrets.put(key, Buffer.from('1'))
    await loop.put({ secrets: ['key'] })
    await loop.settle()
    const before = loop.left.get(KEY)
    expect(before).to.be.a('string')
    expect(await look()).to.equal(before)
    await loop.store.secrets.put('openfaas-fn/other', Buffer.from('1'))
    await loop.store.secrets.put('team-a/key', Buffer.from('1'))
    expect(await look(), 'others').to.equal(before)
    await loop.store.secrets.put(key, Buffer.from('2'))
    expect(await look(), 'another value').to.not.equal(before)
    await loop.settle()
    expect(await look()).to.equal(loop.left.get(KEY))
    await loop.store.secrets.delete(key)
    expect(await look(), 'none').to.not.equal(loop.left.get(KEY))
  })

  const CHANGES: Readonly<Record<string, () => unknown>> = {
    'an exit': () => loop.engine.exit('hello-0', 0),
    'a removal': () => loop.engine.removeContainer('hello-1'),
    'a pause': () => loop.engine.pause('hello-0'),
    'a rename': () => loop.engine.renameContainer('hello-0', 'other'),
    'a removal that does not end': () => loop.engine.beginRemoval('hello-0'),
    'being taken off its network': () => loop.engine.disconnectNetwork(NETWORK, 'hello-0'),
    'being put on another network': async () => {
      await loop.engine.createNetwork({ name: 'foreign', labels: {}, subnet: '10.9.0.0/24' })
      await loop.engine.connectNetwork('foreign', 'hello-0')
    },
    'another address': async () => {
      await loop.engine.disconnectNetwork(NETWORK, 'hello-0')
      await loop.engine.disconnectNetwork(NETWORK, 'hello-1')
      await loop.engine.connectNetwork(NETWORK, 'hello-1')
      await loop.engine.connectNetwork(NETWORK, 'hello-0')
    },
    'another network of its name': () => {
      loop.engine.addNetwork(NETWORK, { labels: { [LABEL.instance]: 'other' } })
      return loop.engine.inspectNetwork(NETWORK).then(async () => {
        for (const name of ['hello-0', 'hello-1']) await loop.engine.removeContainer(name)
        const ours = loop.engine.networks().find(({ name, subnets }) => name === NETWORK && subnets.length > 0)
        await loop.engine.removeNetwork(ours?.id ?? '')
      })
    },
    'another container of its labels': async () => {
      const { labels, imageId } = loop.engine.containers()[0] ?? { labels: {}, imageId: '' }
      await loop.engine.createContainer({ ...BARE_SPEC, name: 'twin', image: imageId, labels, network: NETWORK })
    },
    'N4: a route of the host over its network': async () => {
      const cidr = (await loop.engine.inspectNetwork(NETWORK))?.subnets[0] ?? ''
      loop.routes = [{ cidr, interface: 'tun0' }]
    },
    'another spec': () => loop.put({ replicas: 2, env: { A: '1' } }),
    'a deletion': () => loop.store.functions.markDeleted(KEY)
  }
  for (const [change, make] of Object.entries(CHANGES)) {
    it(`shows ${change}`, async () => {
      const before = await atRest()
      await make()
      expect(await look())
        .to.be.a('string')
        .and.not.equal(before)
    })
  }

  it('has nothing to compare with while something is to be waited for, or a pass failed', async () => {
    await atRest()
    loop.engine.exit('hello-0', 1)
    await loop.pass()
    expect(loop.left.get(KEY), 'a crash').to.equal(undefined)
    loop.engine.fail('container_list', 'unavailable')
    await loop.pass().catch(() => undefined)
    expect(loop.left.get(KEY), 'a failure').to.equal(undefined)
  })

  it('asks the engine for the same whatever the number of functions', async () => {
    const calls: string[] = []
    const engine = new Proxy(loop.engine, {
      get: (target, name) => {
        calls.push(String(name))
        const value: unknown = Reflect.get(target, name)
        return typeof value === 'function' ? value.bind(target) : value
      }
    })
    for (const name of ['a', 'b', 'c']) {
      await loop.put({ name, replicas: 3 })
      await loop.settle(name)
    }
    const { instance, functionsNetwork } = POLICY
    const deps = { engine, instance, functionsNetwork, gatewayId: () => undefined, ...loop.store }
    await survey(deps, await loop.store.functions.list(), new AbortController().signal)
    expect(calls.toSorted()).to.deep.equal(['listContainers', 'listNetworks'])
  })
})
