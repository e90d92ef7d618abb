import { expect } from 'chai'
import { getCondition } from '../../api/condition.ts'
import { eventually } from '../../test/helpers/eventually.ts'
import { Loop } from '../../test/helpers/loop.ts'

const KEY = 'openfaas-fn/hello'

describe('FunctionReconciler, of a function that is frozen', () => {
  let loop: Loop
  beforeEach(async () => {
    loop = await Loop.open()
    await loop.put({ replicas: 2 })
    await loop.settle()
  })
  afterEach(() => loop.close())

  const route = () => {
    const { endpoints = [], frozen } = loop.endpoints.get(KEY) ?? {}
    return [endpoints.length, frozen?.length]
  }
  const idOf = async (name: string) => (await loop.engine.inspectContainer(name))?.id ?? ''
  const reasonsOf = async () => (await loop.store.events.list({ name: 'hello' })).map(({ reason }) => reason)
  const frozen = async () => {
    await loop.freeze()
    await loop.settle()
  }
  /** The waker has written down that it is to run. */
  const written = () => eventually(() => expect(loop.due).to.include(KEY), { intervalMs: 1 })
  /** What a call brings about. */
  const wake = async () => {
    loop.waker.wake(KEY)
    await written()
    await loop.settle()
  }

  it('pauses its replicas, says so by one event, and rests', async () => {
    const before = await reasonsOf()
    await frozen()
    expect(await loop.containers()).to.deep.equal(['hello-0 paused', 'hello-1 paused'])
    expect(route()).to.deep.equal([0, 2])
    const { status } = await loop.get()
    expect([status.replicas, status.readyReplicas, status.frozenReplicas]).to.deep.equal([2, 0, 2])
    expect(getCondition(status.conditions, 'Ready')).to.include({ status: 'True', reason: 'Frozen' })
    expect(getCondition(status.conditions, 'Progressing')).to.include({ status: 'False', reason: 'Converged' })
    expect(getCondition(status.conditions, 'Degraded')).to.include({ status: 'False' })
    expect(loop.left.get(KEY)).to.be.a('string')
    const reasons = await reasonsOf()
    expect(reasons).to.have.members([...before, 'Frozen'])
  })

  it('says so when the engine does not thaw them, and goes on with what is asked for', async () => {
    await frozen()
    loop.engine.fail('container_unpause', 'other', { times: 4 })
    loop.waker.wake(KEY)
    const outcome = await loop.pass().then(
      () => 'fine',
      () => 'failed'
    )
    expect(outcome).to.equal('failed')
    const { conditions } = (await loop.get()).status
    expect(getCondition(conditions, 'Degraded')).to.include({ status: 'True', reason: 'EngineError' })
    await loop.put({ replicas: 2, image: 'hello:2' })
    await written()
    await loop.settle()
    const object = await loop.get()
    expect(object.status.observedGeneration).to.equal(object.metadata.generation)
    expect(await loop.containers()).to.deep.equal(['hello-0 running', 'hello-1 running'])
    expect(loop.waker.wakingOf(KEY)).to.equal(undefined)
  })

  it('thaws them for a call before it looks at anything, writes that down, and is as before', async () => {
    await frozen()
    const before = loop.engine.journal.length
    loop.waker.wake(KEY)
    expect(loop.due).to.deep.equal([`${KEY} urgent`])
    expect(await loop.pass()).to.deep.equal({ requeueAfter: 50 })
    expect(loop.engine.journal.slice(before).map(call => call.split(' ')[0])).to.deep.equal([
      'container_unpause',
      'container_unpause'
    ])
    expect(route()).to.deep.equal([2, 0])
    await written()
    await loop.settle()
    expect(route()).to.deep.equal([2, undefined])
    expect(await loop.containers()).to.deep.equal(['hello-0 running', 'hello-1 running'])
    expect([(await loop.get()).scale, loop.woken]).to.deep.equal([undefined, [`${KEY} from frozen`]])
    const events = await loop.store.events.list({ name: 'hello' })
    expect(events.filter(({ reason }) => reason === 'Thawed' || reason === 'DriftRepaired')).to.have.length(1)
  })

  it('X12: freezes no replica in which a call runs, lets no other call in, and freezes it when that has ended', async () => {
    const end = loop.inflight.acquire(await idOf('hello-0'))
    await frozen()
    expect(await loop.containers()).to.deep.equal(['hello-0 running', 'hello-1 paused'])
    expect(route()).to.deep.equal([0, 2])
    expect(getCondition((await loop.get()).status.conditions, 'Progressing')).to.include({ status: 'True' })
    loop.clock.advance(3_600_000)
    await loop.settle()
    expect(await loop.containers()).to.include('hello-0 running')
    end()
    await loop.settle()
    expect(await loop.containers()).to.deep.equal(['hello-0 paused', 'hello-1 paused'])
  })

  it('X12: freezes no replica that a call was given to after the look, before its endpoint left', async () => {
    const id = await idOf('hello-0')
    await loop.freeze()
    const { put } = loop.endpoints
    loop.endpoints.put = route => {
      if (loop.inflight.count(id) === 0) loop.inflight.acquire(id)
      put.call(loop.endpoints, route)
    }
    await loop.pass()
    expect(await loop.containers()).to.deep.equal(['hello-0 running', 'hello-1 paused'])
  })

  it('X12: freezes nothing that a call waits for since the endpoints left', async () => {
    await loop.freeze()
    const { put } = loop.endpoints
    loop.endpoints.put = route => {
      put.call(loop.endpoints, route)
      loop.waker.wake(KEY)
    }
    await loop.pass()
    loop.endpoints.put = put
    await written()
    await loop.settle()
    expect(loop.engine.journal.filter(call => call.startsWith('container_pause'))).to.deep.equal([])
    expect(route()).to.deep.equal([2, undefined])
  })

  it('starts nothing while it is frozen, also not what ended, and makes it anew for a call', async () => {
    await frozen()
    loop.engine.exit('hello-0', 137)
    await loop.settle()
    expect(await loop.containers()).to.deep.equal(['hello-0 exited', 'hello-1 paused'])
    expect(getCondition((await loop.get()).status.conditions, 'Degraded')).to.include({ status: 'False' })
    await wake()
    expect(await loop.containers()).to.deep.equal(['hello-0 running', 'hello-1 running'])
  })

  it('freezes again what somebody unpaused', async () => {
    await frozen()
    await loop.engine.unpauseContainer('hello-0')
    await loop.settle()
    expect(await loop.containers()).to.deep.equal(['hello-0 paused', 'hello-1 paused'])
  })

  it('stays frozen over a restart of the gateway, and the first call thaws it', async () => {
    await frozen()
    loop.restart()
    await loop.settle()
    expect([await loop.containers(), route()]).to.deep.equal([
      ['hello-0 paused', 'hello-1 paused'],
      [0, 2]
    ])
    loop.waker.wake(KEY)
    await loop.pass()
    expect(route()).to.deep.equal([2, 0])
  })

  it('runs when that is written down, whoever wrote it', async () => {
    await frozen()
    await loop.freeze(false)
    await loop.settle()
    expect([await loop.containers(), route()]).to.deep.equal([
      ['hello-0 running', 'hello-1 running'],
      [2, undefined]
    ])
    const events = await loop.store.events.list({ name: 'hello' })
    expect(events.filter(({ reason }) => reason === 'DriftRepaired')).to.deep.equal([])
  })

  it('is thawed and replaced by a new deployment, and serves meanwhile', async () => {
    await frozen()
    await loop.put({ replicas: 2, image: 'hello:2' })
    await loop.pass()
    expect(route()[0]).to.be.above(0)
    await loop.settle()
    expect(await loop.containers()).to.deep.equal(['hello-0 running', 'hello-1 running'])
    expect((await loop.get()).status).to.include({ frozenReplicas: 0, readyReplicas: 2, outdatedReplicas: 0 })
  })

  it('is thawed to be stopped, when it is scaled to zero and when it is deleted', async () => {
    await frozen()
    await loop.put({ replicas: 0 })
    await loop.settle()
    expect(await loop.containers()).to.deep.equal([])
    expect(loop.engine.journal.filter(call => call.startsWith('container_kill'))).to.have.length(2)
    await loop.put({ replicas: 1 })
    await loop.settle()
    await frozen()
    await loop.store.functions.markDeleted(KEY)
    await loop.settle()
    expect([await loop.containers(), loop.endpoints.get(KEY)]).to.deep.equal([[], undefined])
  })
})
