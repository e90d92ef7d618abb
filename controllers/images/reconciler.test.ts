import { expect } from 'chai'
import { silentLogger } from '../../src/logging/logger.ts'
import { Loop } from '../../test/helpers/loop.ts'
import { recordedPulls } from './pulls.ts'
import { IMAGES_KEY, ImagesReconciler } from './reconciler.ts'

const GRACE_MS = 60_000
const KEY = 'openfaas-fn/hello'

describe('ImagesReconciler, over the fake engine and a real database', () => {
  let loop: Loop
  let isFull: boolean
  let collected: number
  let space: number

  beforeEach(async () => {
    loop = await Loop.open()
    isFull = false
    collected = 0
    space = 0
  })
  afterEach(() => loop.close())

  function aReconciler({ graceMs = GRACE_MS, isReady = true } = {}): ImagesReconciler {
    return new ImagesReconciler({
      engine: loop.engine,
      images: loop.store.images,
      events: loop.store.events,
      graceMs,
      intervalMs: 1000,
      isUnderPressure: () => isFull,
      isReady: () => isReady,
      onLook: () => undefined,
      onCollected: () => collected++,
      onSpace: () => space++,
      now: loop.clock.now,
      log: silentLogger
    })
  }
  const look = (reconciler = aReconciler()) => reconciler.reconcile(IMAGES_KEY, new AbortController().signal)

  /** Pulls as the gateway does. */
  async function pull(reference: string): Promise<void> {
    const { engine, store } = loop
    const pulls = recordedPulls({ engine, images: store.images, log: silentLogger })
    await pulls.pullImage(reference, () => undefined)
  }
  async function aPulledImage(reference: string): Promise<void> {
    loop.engine.addImage(reference, { remote: true })
    await pull(reference)
  }
  const isThere = async (reference: string) => (await loop.engine.inspectImage(reference)) !== undefined

  it('removes what it pulled when nothing uses it for the grace, and says so', async () => {
    await aPulledImage('remote:1')
    await look()
    loop.clock.advance(GRACE_MS - 1)
    await look()
    expect(await isThere('remote:1')).to.equal(true)
    loop.clock.advance(1)
    await look()
    expect(await isThere('remote:1')).to.equal(false)
    expect(collected).to.equal(1)
    expect(await loop.store.images.list()).to.deep.equal([])
    const [event] = await loop.store.events.list()
    expect(event).to.include({ reason: 'ImageCollected', type: 'Normal' })
    expect(event?.message).to.contain('remote:1')
  })

  it('remembers over a restart since when it is unused', async () => {
    await aPulledImage('remote:1')
    await look()
    loop.clock.advance(GRACE_MS)
    await look(aReconciler())
    expect(await isThere('remote:1')).to.equal(false)
  })

  it('never removes what a person pulled or built, also when it was pulled here again', async () => {
    loop.engine.addImage('persons:1')
    await pull('persons:1')
    for (let i = 0; i < 3; i++) {
      await look()
      loop.clock.advance(GRACE_MS)
    }
    isFull = true
    await look()
    expect(await isThere('persons:1')).to.equal(true)
    expect(await isThere('hello:1')).to.equal(true)
    expect(await loop.store.images.list()).to.deep.equal([])
  })

  it('leaves what a function, a kept revision or any container wants, and takes it when all are gone', async () => {
    await aPulledImage('remote:1')
    await aPulledImage('remote:2')
    await loop.put({ image: 'remote:1' })
    await loop.settle()
    await loop.put({ image: 'remote:2' })
    await loop.settle()
    isFull = true
    await look()
    expect([await isThere('remote:1'), await isThere('remote:2')]).to.deep.equal([true, true])
    await loop.store.functions.markDeleted(KEY)
    await look()
    expect([await isThere('remote:1'), await isThere('remote:2')]).to.deep.equal([true, true])
    await loop.settle()
    expect(await loop.store.functions.get(KEY)).to.equal(undefined)
    await look()
    expect([await isThere('remote:1'), await isThere('remote:2')]).to.deep.equal([false, false])
  })

  it('leaves a name that a person moved to another image while it was busy with the image before', async () => {
    await aPulledImage('remote:1')
    await aPulledImage('remote:2')
    isFull = true
    const { engine } = loop
    const remove = engine.removeImage.bind(engine)
    const begun: string[] = []
    engine.removeImage = async (reference, signal) => {
      begun.push(reference)
      await remove(reference, signal)
      if (begun.length === 1) {
        const other = reference.includes('remote:1') ? 'remote:2' : 'remote:1'
        engine.addImage(other, { digest: `sha256:${'e'.repeat(64)}` })
      }
    }
    await look()
    const kept = begun[0]?.includes('remote:1') === true ? 'remote:2' : 'remote:1'
    expect((await engine.inspectImage(kept))?.digests[0]).to.contain('eeee')
  })

  it('leaves what has a name that a person gave it, and says so in the plan', async () => {
    await aPulledImage('remote:1')
    loop.engine.tag(loop.engine.imageId('remote:1') ?? '', 'mine:1')
    isFull = true
    await look()
    expect(await isThere('remote:1')).to.equal(true)
    const [image] = await aReconciler().preview(new AbortController().signal)
    expect(image?.verdict).to.equal('named-by-others')
  })

  it('D11: waits for no grace when the disk is full, and tells that there is room', async () => {
    await aPulledImage('remote:1')
    isFull = true
    await look()
    expect(await isThere('remote:1')).to.equal(false)
    expect(space).to.equal(1)
    await look()
    expect(space).to.equal(1)
  })

  it('forgets what somebody removed, so that it is a person’s when a person brings it back', async () => {
    await aPulledImage('remote:1')
    loop.engine.loseImage('remote:1')
    await look()
    loop.engine.addImage('remote:1')
    loop.clock.advance(2 * GRACE_MS)
    await look()
    loop.clock.advance(2 * GRACE_MS)
    await look()
    expect(await isThere('remote:1')).to.equal(true)
  })

  it('is off with a grace of 0, and waits for the first resync', async () => {
    await aPulledImage('remote:1')
    isFull = true
    expect(await look(aReconciler({ graceMs: 0 }))).to.deep.equal({ requeueAfter: 1000 })
    expect(await aReconciler({ graceMs: 0 }).preview(new AbortController().signal)).to.deep.equal([])
    expect(await look(aReconciler({ isReady: false }))).to.deep.equal({ requeueAfter: 1000 })
    expect(await isThere('remote:1')).to.equal(true)
  })

  it('goes on with the others when one is kept by the engine or fails', async () => {
    await aPulledImage('remote:1')
    await aPulledImage('remote:2')
    await aPulledImage('remote:3')
    isFull = true
    loop.engine.fail('image_remove', 'busy')
    loop.engine.fail('image_remove', 'other')
    const errors: unknown[] = []
    await look().catch(err => errors.push(err))
    expect(errors).to.have.length(1)
    expect(await isThere('remote:3')).to.equal(false)
    await look()
    expect([await isThere('remote:1'), await isThere('remote:2')]).to.deep.equal([false, false])
  })

  it('looks at no image of the engine as long as it pulled none', async () => {
    loop.engine.fail('image_list', 'other')
    expect(await look()).to.deep.equal({ requeueAfter: 1000 })
  })

  it('keeps a pull that could not be written down, and takes its image for a stranger’s', async () => {
    loop.engine.addImage('remote:1', { remote: true })
    const record = async () => {
      throw new Error('the disk is full')
    }
    const images = { list: () => loop.store.images.list(), record }
    await recordedPulls({ engine: loop.engine, images, log: silentLogger }).pullImage('remote:1', () => undefined)
    expect(await isThere('remote:1')).to.equal(true)
  })
})
