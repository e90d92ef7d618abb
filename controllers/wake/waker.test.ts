import { expect } from 'chai'
import { silentLogger } from '../../src/logging/logger.ts'
import { aFunction } from '../../test/helpers/builders.ts'
import { eventually } from '../../test/helpers/eventually.ts'
import { Loop } from '../../test/helpers/loop.ts'
import { decideAwake } from './decide.ts'
import { Waker } from './waker.ts'

const KEY = 'openfaas-fn/hello'

describe('decideAwake', () => {
  const frozenSince = '2026-01-01T00:00:00.000Z'
  const sized = (replicas: number, scale = {}, min?: string) => ({
    ...aFunction({ replicas, labels: min === undefined ? {} : { 'com.openfaas.scale.min': min } }),
    scale
  })

  it('brings a function back with the least that its autoscaler leaves, and as many as the operator allows', () => {
    expect(decideAwake(sized(0), 'zero', 10)).to.deep.equal({ replicas: 1 })
    expect(decideAwake(sized(0, {}, '3'), 'zero', 10)).to.deep.equal({ replicas: 3 })
    expect(decideAwake(sized(0, {}, '30'), 'zero', 10)).to.deep.equal({ replicas: 10 })
  })

  it("ends a person's zero, and lets another number of theirs stand", () => {
    expect(decideAwake(sized(0, { pinned: true }), 'zero', 10)).to.deep.equal({ replicas: 1 })
    expect(decideAwake(sized(2, { pinned: true, frozenSince }), 'frozen', 10)).to.deep.equal({
      replicas: 2,
      scale: { pinned: true }
    })
  })

  it('leaves what is to run', () => {
    expect(decideAwake(sized(2, { pinned: true }), 'zero', 10)).to.equal(undefined)
  })
})

describe('Waker', () => {
  let loop: Loop
  beforeEach(async () => {
    loop = await Loop.open()
    await loop.put({ replicas: 0 })
    await loop.settle()
  })
  afterEach(() => loop.close())

  it('X11: writes once for many calls, tells once, and wakes again only what sleeps again', async () => {
    const { resourceVersion } = (await loop.get()).metadata
    for (let n = 0; n < 100; n++) loop.waker.wake(KEY)
    await eventually(() => expect(loop.due).to.deep.equal([KEY]), { intervalMs: 1 })
    expect((await loop.get()).metadata.resourceVersion).to.equal(resourceVersion + 1)
    await loop.settle()
    expect(await loop.containers()).to.deep.equal(['hello-0 running'])
    expect(loop.woken).to.deep.equal([`${KEY} from zero`])
    expect(loop.waker.wakingOf(KEY)).to.equal(undefined)
    const events = await loop.store.events.list({ name: 'hello' })
    expect(events.filter(({ reason }) => reason === 'Woken').map(({ count }) => count)).to.deep.equal([1])
  })

  it('wakes a function that a person scales to zero while calls wait for it', async () => {
    loop.waker.wake(KEY)
    await eventually(() => expect(loop.due).to.have.length(1), { intervalMs: 1 })
    await loop.put({ replicas: 0 })
    loop.waker.wake(KEY)
    await loop.pass()
    await eventually(() => expect(loop.due).to.have.length(2), { intervalMs: 1 })
    expect((await loop.get()).spec.replicas).to.equal(1)
  })

  it('leaves a function at zero that a person scaled to zero after its thaw, until the next call', async () => {
    await loop.put({ replicas: 1 })
    await loop.settle()
    await loop.freeze()
    await loop.settle()
    loop.due.length = 0
    loop.waker.wake(KEY)
    await loop.pass()
    await loop.put({ replicas: 0 })
    await eventually(() => expect(loop.due).to.have.length(2), { intervalMs: 1 })
    await loop.settle()
    expect([(await loop.get()).spec.replicas, await loop.containers()]).to.deep.equal([0, []])
    loop.waker.wake(KEY)
    await eventually(async () => expect((await loop.get()).spec.replicas).to.equal(1), { intervalMs: 1 })
  })

  it('tries again when it cannot be written down, and gives up what is gone', async () => {
    const { functions } = loop.store
    const putScale = functions.putScale.bind(functions)
    let failures = 2
    functions.putScale = async (...args) => {
      if (failures-- > 0) throw new Error('the disk is full')
      return putScale(...args)
    }
    loop.waker.wake(KEY)
    await eventually(() => expect(loop.due).to.deep.equal([KEY]))
    expect([failures, (await loop.get()).spec.replicas]).to.deep.equal([-1, 1])
    await loop.settle()
    await loop.put({ replicas: 0 })
    await loop.settle()
    await functions.markDeleted(KEY)
    loop.waker.wake(KEY)
    await eventually(() => expect(loop.waker.wakingOf(KEY)).to.equal(undefined), { intervalMs: 1 })
  })

  it('brings it back with what the quota of its namespace leaves, and with nothing where that is nothing, and says so once', async () => {
    const { namespaces, functions, events } = loop.store
    const quota = (replicas: string) =>
      namespaces.put('openfaas-fn', () => ({
        ...{ labels: {}, annotations: { 'com.docker-faas.quota.replicas': replicas } }
      }))
    const later: { run: () => void; ms: number }[] = []
    const asked: string[] = []
    const waker = new Waker({
      ...{ functions, events, endpoints: loop.endpoints, maxReplicas: 10, log: silentLogger },
      ...{ addUrgent: key => void asked.push(key), addFirst: key => void asked.push(key) },
      ...{ onWoken: () => undefined, onWriteFailed: () => undefined },
      timers: { set: (run, ms) => later.push({ run, ms }), clear: () => undefined }
    })
    const reached = async () => (await events.list({ name: 'hello' })).filter(({ reason }) => reason === 'QuotaReached')
    const { uid } = (await loop.get()).metadata
    await functions.put(KEY, current => ({
      ...{ namespace: 'openfaas-fn', name: 'hello', labels: { 'com.openfaas.scale.min': '3' }, annotations: {} },
      spec: current?.spec ?? expect.fail('it is gone')
    }))
    await loop.settle()
    await quota('0')
    for (let round = 1; round <= 2; round++) {
      waker.wake(KEY)
      await eventually(() => expect(later).to.have.length(round), { intervalMs: 1 })
      await eventually(async () => expect(await reached()).to.have.length(1), { intervalMs: 1 })
      expect([(await loop.get()).spec.replicas, waker.wakingOf(KEY)]).to.deep.equal([0, undefined])
      expect(asked, 'a pass that lets calls ask again').to.have.length(round - 1)
      later.at(-1)?.run()
      expect(asked).to.have.length(round)
    }
    expect((await reached()).map(({ uid: of, type, count }) => [of, type, count])).to.deep.equal([[uid, 'Warning', 1]])
    await quota('2')
    waker.wake(KEY)
    await eventually(async () => expect((await loop.get()).spec.replicas).to.equal(2), { intervalMs: 1 })
    await eventually(() => expect(waker.wakingOf(KEY)?.isWritten).to.equal(true), { intervalMs: 1 })
  })

  it('does nothing for a function that is not known, or that is awake by now', async () => {
    await loop.put({ replicas: 1 })
    await loop.settle()
    for (const key of ['openfaas-fn/other', KEY]) {
      loop.waker.wake(key)
      expect(loop.waker.wakingOf(key)).to.equal(undefined)
    }
  })
})
