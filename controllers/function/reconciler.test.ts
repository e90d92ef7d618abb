import { expect } from 'chai'
import { getCondition } from '../../api/condition.ts'
import { Loop } from '../../test/helpers/loop.ts'

import { onFunctionChange } from './events.ts'

describe('FunctionReconciler, over the fake engine and a real database', () => {
  let loop: Loop

  beforeEach(async () => {
    loop = await Loop.open()
  })
  afterEach(() => loop.close())

  const reasonOf = async (type: 'Ready' | 'Progressing' | 'Degraded') =>
    getCondition((await loop.get()).status.conditions, type)?.reason

  it('brings a function up: network, replicas, endpoints, status', async () => {
    await loop.put({ replicas: 3 })
    await loop.settle()
    expect(await loop.containers()).to.deep.equal(['hello-0 running', 'hello-1 running', 'hello-2 running'])
    expect(loop.endpoints.get('openfaas-fn/hello')?.endpoints).to.have.length(3)
    const { status } = await loop.get()
    expect(status).to.include({ observedGeneration: 1, replicas: 3, readyReplicas: 3, outdatedReplicas: 0 })
    expect(await reasonOf('Progressing')).to.equal('Converged')
  })

  it('does nothing at all when everything is as wanted: no mutating call, no write', async () => {
    await loop.put({ replicas: 2 })
    await loop.settle()
    const calls = loop.engine.journal.length
    const version = loop.store.functions.resourceVersion()
    loop.clock.advance(60_000)
    expect(await loop.pass()).to.deep.equal({})
    expect(loop.engine.journal.length).to.equal(calls)
    expect(loop.store.functions.resourceVersion()).to.equal(version)
  })

  it('shows what a pass would do, the pull of an image that is not there first, and does none of it', async () => {
    const preview = async () => loop.reconciler.preview(await loop.get(), new AbortController().signal)
    await loop.put()
    expect(await preview()).to.deep.equal([
      'create network test-net-hello: missing',
      'create hello-0: missing',
      'start hello-0: missing'
    ])
    await loop.put({ image: 'absent:1' })
    expect(await preview()).to.deep.equal(['pull absent:1: missing', 'create network test-net-hello: missing'])
    expect(await loop.containers()).to.deep.equal([])
  })

  it('adopts everything after a restart and recreates nothing', async () => {
    await loop.put({ replicas: 2 })
    await loop.settle()
    const before = await loop.engine.listContainers({})
    loop.restart()
    await loop.settle()
    expect(await loop.engine.listContainers({})).to.deep.equal(before)
    expect(loop.endpoints.get('openfaas-fn/hello')?.endpoints).to.have.length(2)
  })

  it('replaces replicas of an old revision, the new one first', async () => {
    await loop.put({ replicas: 2 })
    await loop.settle()
    await loop.put({ replicas: 2, image: 'hello:2' })
    const from = loop.engine.journal.length
    await loop.settle()
    const calls = loop.engine.journal.slice(from).map(call => call.split(' ')[0])
    expect(calls.indexOf('container_start')).to.be.below(calls.indexOf('container_kill'))
    const images = (await loop.engine.listContainers({})).map(c => c.imageId)
    expect(new Set(images).size).to.equal(1)
    expect((await loop.get()).status).to.include({ readyReplicas: 2, outdatedReplicas: 0, observedGeneration: 2 })
  })

  it('holds an update whose replica does not get ready, and the old one serves', async () => {
    await loop.put()
    await loop.settle()
    const [old] = loop.endpoints.get('openfaas-fn/hello')?.endpoints ?? []
    loop.answers.status = new Error('nobody listens')
    await loop.put({ image: 'hello:2' })
    for (let i = 0; i < 5; i++) await loop.pass()
    expect(loop.endpoints.get('openfaas-fn/hello')?.endpoints).to.deep.equal([old])
    loop.clock.advance(60_000)
    await loop.pass()
    expect(await reasonOf('Progressing')).to.equal('ReadinessTimeout')
    expect(await reasonOf('Ready')).to.equal('ReplicasReady')
  })

  it('gives a replica that has run for long the whole time to answer a gateway that starts anew', async () => {
    await loop.put()
    await loop.settle()
    loop.clock.advance(3_600_000)
    loop.restart()
    loop.answers.status = new Error('no answer within 100 ms')
    await loop.pass()
    expect(await reasonOf('Ready')).to.equal('WaitingForReadiness')
    expect(await reasonOf('Degraded')).to.equal('AsWanted')
    loop.clock.advance(60_000)
    await loop.pass()
    expect(await reasonOf('Degraded')).to.equal('ReadinessTimeout')
  })

  it('replaces a replica that exits with growing waits, and says why', async () => {
    await loop.put()
    await loop.settle()
    for (const wait of [1000, 2000, 4000]) {
      loop.engine.log('hello-0', 'out of cheese')
      loop.engine.exit('hello-0', 3)
      const { requeueAfter } = await loop.pass()
      expect(requeueAfter).to.equal(wait)
      expect(loop.endpoints.get('openfaas-fn/hello')?.endpoints).to.deep.equal([])
      loop.clock.advance(wait)
      await loop.pass()
      expect(await loop.containers()).to.deep.equal(['hello-0 running'])
    }
    const events = await loop.store.events.list({ name: 'hello' })
    expect(events.find(e => e.reason === 'ReplicaExited')?.message).to.contain('out of cheese')
  })

  it('tells CrashLoopBackOff, the exit code and the last output in the condition', async () => {
    await loop.put()
    await loop.settle()
    for (let i = 0; i < 2; i++) {
      loop.engine.log('hello-0', 'out of cheese')
      loop.engine.exit('hello-0', 3)
      loop.clock.advance((await loop.pass()).requeueAfter ?? 0)
      if (i === 0) await loop.pass()
    }
    const { conditions } = (await loop.get()).status
    expect(getCondition(conditions, 'Degraded')).to.include({ status: 'True', reason: 'CrashLoopBackOff' })
    expect(getCondition(conditions, 'Degraded')?.message).to.match(/exited with code 3, 2 times.*out of cheese/)
  })

  it('removes everything of a deleted function, then its row', async () => {
    await loop.put({ replicas: 2 })
    await loop.settle()
    await loop.store.functions.markDeleted('openfaas-fn/hello')
    await loop.settle()
    expect(await loop.containers()).to.deep.equal([])
    expect(await loop.engine.listNetworks()).to.deep.equal([])
    expect(await loop.store.functions.get('openfaas-fn/hello')).to.equal(undefined)
    expect(loop.endpoints.get('openfaas-fn/hello')).to.equal(undefined)
  })

  it('never lets a new function of the same name serve with the old one’s replicas', async () => {
    await loop.put()
    await loop.settle()
    const [old] = await loop.engine.listContainers({})
    await loop.store.functions.markDeleted('openfaas-fn/hello')
    await loop.put()
    await loop.pass()
    expect(loop.endpoints.get('openfaas-fn/hello')?.endpoints.map(e => e.containerId)).not.to.include(old?.id)
    await loop.settle()
    const [now, ...others] = await loop.engine.listContainers({})
    expect(others).to.deep.equal([])
    expect(now?.id).not.to.equal(old?.id)
  })

  it('takes no call for a deleted function from the tick on in which that is written down, whatever a pass still puts', async () => {
    await loop.put()
    await loop.settle()
    const stop = loop.store.functions.onChange(change => onFunctionChange(loop.endpoints, change))
    const pass = loop.pass()
    await loop.store.functions.markDeleted('openfaas-fn/hello')
    expect(loop.endpoints.get('openfaas-fn/hello')).to.equal(undefined)
    await pass
    expect(loop.endpoints.get('openfaas-fn/hello')).to.equal(undefined)
    await loop.put()
    await loop.pass()
    expect(loop.endpoints.get('openfaas-fn/hello')).to.include({ replicas: 1 })
    stop()
  })

  it('waits for the calls of a replica before it stops it', async () => {
    await loop.put()
    await loop.settle()
    const [endpoint] = loop.endpoints.get('openfaas-fn/hello')?.endpoints ?? []
    const release = loop.inflight.acquire(endpoint?.containerId ?? '')
    await loop.put({ replicas: 0 })
    for (let i = 0; i < 3; i++) await loop.pass()
    expect(loop.endpoints.get('openfaas-fn/hello')?.endpoints).to.deep.equal([])
    expect(await loop.containers()).to.deep.equal(['hello-0 running'])
    release()
    await loop.settle()
    expect(await loop.containers()).to.deep.equal([])
  })

  it('comes again at once when the last call of a leaving replica ended before the pass began to wait for it', async () => {
    await loop.put()
    await loop.settle()
    const [endpoint] = loop.endpoints.get('openfaas-fn/hello')?.endpoints ?? []
    const release = loop.inflight.acquire(endpoint?.containerId ?? '')
    await loop.put({ replicas: 0 })
    const put = loop.endpoints.put.bind(loop.endpoints)
    loop.endpoints.put = route => {
      if (route.endpoints.length === 0) release()
      put(route)
    }
    expect((await loop.pass()).requeueAfter).to.equal(0)
  })

  it('says Unknown while the engine is away, keeps the endpoints, and goes on when it is back', async () => {
    await loop.put()
    await loop.settle()
    loop.engine.fail('container_list', 'unavailable', { times: 1 })
    const failure = await loop.pass().then(
      () => undefined,
      (err: unknown) => err
    )
    expect(failure).to.have.property('fault', 'unavailable')
    expect(getCondition((await loop.get()).status.conditions, 'Ready')).to.include({ status: 'Unknown' })
    expect(loop.endpoints.get('openfaas-fn/hello')?.endpoints).to.have.length(1)
    await loop.settle()
    expect(await reasonOf('Ready')).to.equal('ReplicasReady')
  })

  it('G6: makes new replicas of the pinned image although its tag has moved', async () => {
    await loop.put()
    await loop.settle()
    const [first] = await loop.engine.listContainers({})
    loop.engine.addImage('hello:1', { digest: `sha256:${'f'.repeat(64)}` })
    await loop.put({ replicas: 2 })
    await loop.settle()
    const images = (await loop.engine.listContainers({})).map(c => c.imageId)
    expect(images).to.deep.equal([first?.imageId, first?.imageId])
  })

  it('G5: serves on when its image is removed by hand, and brings it back by digest when it needs it', async () => {
    await loop.put()
    await loop.settle()
    const image = (await loop.get()).status.image
    loop.engine.loseImage('hello:1')
    await loop.settle()
    expect(await reasonOf('Progressing')).to.equal('Converged')
    loop.engine.addImage(image?.digest ?? '', { remote: true, digest: image?.digest?.split('@')[1] ?? '' })
    await loop.put({ replicas: 2 })
    await loop.settle()
    const images = (await loop.engine.listContainers({})).map(c => c.imageId)
    expect(images).to.deep.equal([image?.id, image?.id])
  })

  describe('brings several replicas', () => {
    /** The most creations that were under way at the same time while the function settled. */
    async function mostAtOnce(): Promise<number> {
      let now = 0
      let most = 0
      loop.restart(
        new Proxy(loop.engine, {
          get: (target, name) => {
            const value: unknown = Reflect.get(target, name)
            if (typeof value !== 'function') return value
            if (name !== 'createContainer') return value.bind(target)
            return async (...args: unknown[]) => {
              most = Math.max(most, ++now)
              await new Promise(resolve => setImmediate(resolve))
              return Promise.resolve(Reflect.apply(value, target, args)).finally(() => now--)
            }
          }
        })
      )
      await loop.settle()
      return most
    }

    it('all at once of a revision that answers', async () => {
      await loop.put({ replicas: 1 })
      await loop.settle()
      await loop.put({ replicas: 10 })
      expect(await mostAtOnce()).to.equal(9)
    })

    it('of one that never answered first a single one, then more, so that one fails where all would', async () => {
      await loop.put({ replicas: 10 })
      expect(await mostAtOnce()).to.equal(4)
      await loop.put({ replicas: 10, image: 'hello:2' })
      loop.engine.fail('container_create', 'other', { times: 1000 })
      const before = loop.engine.journal.length
      await loop.pass().catch(() => undefined)
      expect(loop.engine.journal.slice(before).filter(call => call.startsWith('container_create'))).to.have.length(1)
    })
  })
})
