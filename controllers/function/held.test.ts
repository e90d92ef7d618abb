import { expect } from 'chai'
import { getCondition } from '../../api/condition.ts'
import { LABEL } from '../../api/labels.ts'
import { Loop } from '../../test/helpers/loop.ts'

const KEY = 'openfaas-fn/hello'

describe('a function that waits for a person', () => {
  let loop: Loop
  let uid: string
  let calls: number

  /** Generation 2 runs with two replicas; the loop forgets all that it remembers, as a new process does. */
  beforeEach(async () => {
    loop = await Loop.open()
    await loop.put()
    const { metadata } = await loop.put({ image: 'hello:2', replicas: 2 })
    uid = metadata.uid
    await loop.settle()
    loop.held.set(KEY, uid)
    loop.restart()
    calls = loop.engine.journal.length
  })
  afterEach(() => loop.close())

  /** What was done on the engine since. */
  const done = () => loop.engine.journal.slice(calls)
  const reasonOf = async (type: 'Ready' | 'Progressing' | 'Degraded') =>
    getCondition((await loop.get()).status.conditions, type)?.reason

  it('S11: is served by what runs, whatever its row says, and nothing of it is touched', async () => {
    await loop.put({ image: 'hello:1', replicas: 0 })
    for (let n = 0; n < 3; n++) await loop.pass()
    expect(done()).to.deep.equal([])
    expect(loop.endpoints.get(KEY)).to.deep.include({ uid, replicas: 2 })
    expect(loop.endpoints.get(KEY)?.endpoints).to.have.length(2)
    expect([await reasonOf('Ready'), await reasonOf('Progressing'), await reasonOf('Degraded')]).to.deep.equal([
      'ReplicasReady',
      'DatabaseRestored',
      'DatabaseRestored'
    ])
    const { status, metadata } = await loop.get()
    expect([status.observedGeneration, status.readyReplicas]).to.deep.equal([metadata.generation, 2])
    expect(await loop.reconciler.preview(await loop.get(), new AbortController().signal)).to.deep.equal([
      'wait: generation 2 runs, which the database does not know'
    ])
  })

  it('S11: is not deleted either', async () => {
    await loop.store.functions.markDeleted(KEY)
    await loop.pass()
    expect(done()).to.deep.equal([])
  })

  it('S5: is served without a row, and a replica that does not answer is no endpoint', async () => {
    await loop.store.functions.markDeleted(KEY)
    await loop.store.functions.remove(KEY, uid)
    await loop.pass()
    expect(loop.endpoints.get(KEY)?.endpoints).to.have.length(2)
    loop.engine.exit('hello-1', 1)
    await loop.pass()
    expect(loop.endpoints.get(KEY)?.endpoints).to.have.length(1)
    expect(done()).to.deep.equal([])
  })

  it('S5: has a gateway in a container attached to its network', async () => {
    loop.gatewayId = await loop.engine.createContainer({
      ...{ name: 'gateway', image: 'hello:1', labels: {}, env: {}, network: 'test-net-hello' },
      ...{ memoryBytes: 0, memoryReservationBytes: 0, nanoCpus: 0, cpuShares: 0, pidsLimit: 0, logMaxBytes: 0 },
      ...{ readOnlyRootFilesystem: false, tmpfs: {}, ports: [] }
    })
    await loop.engine.startContainer('gateway')
    await loop.engine.disconnectNetwork('test-net-hello', 'gateway')
    calls = loop.engine.journal.length
    await loop.pass()
    expect(done()).to.have.length(1)
    expect((await loop.engine.inspectNetwork('test-net-hello'))?.members).to.include(loop.gatewayId)
  })

  it('is as its row says once it does not wait any more, and when nothing of it is left', async () => {
    await loop.put({ image: 'hello:1' })
    for (const { id } of await loop.engine.listContainers({ [LABEL.uid]: uid })) await loop.engine.removeContainer(id)
    await loop.settle()
    expect(await loop.containers()).to.deep.equal(['hello-0 running'])
    loop.held.clear()
    await loop.put({ image: 'hello:2' })
    await loop.settle()
    expect(await reasonOf('Progressing')).to.equal('Converged')
  })
})
