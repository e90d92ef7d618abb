import { expect } from 'chai'
import type { Image } from './engine.ts'
import { EngineError, type EngineFault } from './faults.ts'
import { ImagePuller, type PullPolicy } from './images.ts'

const ID = `sha256:${'a'.repeat(64)}`
const DIGEST = `sha256:${'d'.repeat(64)}`
const REFERENCE = 'registry.example:5000/team/fn:1'
const IMAGE: Image = {
  id: ID,
  digests: [`mirror.example/team/fn@${DIGEST}`, `registry.example:5000/team/fn@${DIGEST}`],
  user: ''
}
const STALE = { fresh: false }
const FRESH = { fresh: true }

/** A puller over an engine whose pulls end when the test says so. */
function aPuller({ policy = 'IfNotPresent' as PullPolicy, concurrency = 2, random = () => 0.5 } = {}) {
  const time = { now: 1_000_000 }
  const store = new Map<string, Image>()
  const pulls: {
    reference: string
    signal: AbortSignal | undefined
    progress: (n: number) => void
    end: (fault?: EngineFault) => void
  }[] = []
  const settled: string[] = []
  const looks = { before: () => Promise.resolve() }
  const puller = new ImagePuller({
    engine: {
      inspectImage: async reference => {
        const image = store.get(reference)
        await looks.before()
        return image
      },
      pullImage: (reference, onProgress, signal) =>
        new Promise((resolve, reject) => {
          const fail = (fault: EngineFault) =>
            reject(new EngineError('image_pull', fault, `pull of ${reference}: ${fault}`))
          signal?.addEventListener('abort', () => fail('aborted'))
          pulls.push({
            reference,
            signal,
            progress: currentBytes => onProgress({ currentBytes, totalBytes: 100 }),
            end: fault => {
              if (fault !== undefined) return fail(fault)
              store.set(reference, store.get(reference) ?? IMAGE)
              resolve()
            }
          })
        })
    },
    policy,
    clock: { now: () => time.now, monotonic: () => time.now - 999_000 },
    random,
    onSettled: reference => settled.push(reference),
    concurrency
  })
  /** Ends the oldest pull and lets the puller note it. */
  const end = async (fault?: EngineFault) => {
    pulls.shift()?.end(fault)
    const before = settled.length
    while (settled.length === before) await new Promise(resolve => setImmediate(resolve))
  }
  return { puller, time, store, pulls, settled, looks, end }
}

describe('ImagePuller', () => {
  it('needs no registry for an image that is present, and gives the digest of its own repository', async () => {
    const { puller, store, pulls } = aPuller()
    store.set(REFERENCE, IMAGE)
    const digest = `registry.example:5000/team/fn@${DIGEST}`
    expect(await puller.ensure(REFERENCE, FRESH)).to.deep.equal({ state: 'present', id: ID, digest })
    expect(pulls).to.have.length(0)
  })

  it('gives no digest for an image that no registry of the reference knows', async () => {
    const { puller, store } = aPuller()
    store
      .set('fn', IMAGE)
      .set(ID, IMAGE)
      .set('nginx', { id: ID, digests: [`nginx@${DIGEST}`], user: '' })
    expect(await puller.ensure('fn', STALE)).to.deep.equal({ state: 'present', id: ID })
    expect(await puller.ensure(ID, STALE)).to.deep.equal({ state: 'present', id: ID })
    expect(await puller.ensure('nginx', STALE)).to.deep.equal({ state: 'present', id: ID, digest: `nginx@${DIGEST}` })
  })

  it('gives the digest that the reference names, of an image that has several in one repository', async () => {
    const { puller, store } = aPuller()
    const pinned = `nginx@${DIGEST}`
    store.set(pinned, { id: ID, digests: [`nginx@sha256:${'e'.repeat(64)}`, pinned], user: '' })
    expect(await puller.ensure(pinned, STALE)).to.deep.equal({ state: 'present', id: ID, digest: pinned })
  })

  it('G4: pulls once for all who wait, tells the progress, and says when it is over', async () => {
    const { puller, time, pulls, settled, end } = aPuller()
    const answers = await Promise.all(Array.from({ length: 10 }, () => puller.ensure(REFERENCE, STALE)))
    const since = time.now
    for (const answer of answers)
      expect(answer).to.deep.equal({ state: 'pulling', since, currentBytes: 0, totalBytes: 0 })
    expect(pulls).to.have.length(1)
    time.now += 5
    pulls[0]?.progress(40)
    expect(await puller.ensure(REFERENCE, STALE)).to.deep.equal({
      state: 'pulling',
      since,
      currentBytes: 40,
      totalBytes: 100
    })
    await end()
    expect(settled).to.deep.equal([REFERENCE])
    expect(await puller.ensure(REFERENCE, STALE)).to.include({ state: 'present', id: ID })
  })

  it('pulls several references side by side, and no more than allowed', async () => {
    const { puller, pulls, end } = aPuller({ concurrency: 2 })
    for (const name of ['a', 'b', 'c']) expect(await puller.ensure(name, STALE)).to.include({ state: 'pulling' })
    expect(pulls.map(p => p.reference)).to.deep.equal(['a', 'b'])
    await end()
    expect(pulls.map(p => p.reference)).to.deep.equal(['b', 'c'])
  })

  it('does not pull twice when a pull ends during a look that began before', async () => {
    const { puller, pulls, looks, end } = aPuller()
    await puller.ensure(REFERENCE, STALE)
    const gate = Promise.withResolvers<void>()
    looks.before = () => gate.promise
    const late = puller.ensure(REFERENCE, STALE)
    looks.before = () => Promise.resolve()
    await end()
    gate.resolve()
    expect(await late).to.include({ state: 'present' })
    expect(pulls).to.have.length(0)
  })

  for (const [fault, baseMs] of [
    ['unavailable', 1_000],
    ['timeout', 1_000],
    ['no-image', 10_000],
    ['unauthorized', 30_000]
  ] as const) {
    it(`G1, G2, G3: backs off from ${baseMs} ms to 5 minutes after ${fault}, and starts over when told to forget`, async () => {
      const { puller, time, pulls, end } = aPuller()
      for (const delayMs of [1, 2, 4, 8, 16, 32, 64, 128, 256, 512].map(n => Math.min(300_000, baseMs * n) / 2)) {
        expect(await puller.ensure(REFERENCE, STALE)).to.include({ state: 'pulling' })
        await end(fault)
        const retryAt = time.now + delayMs
        const failed = { state: 'failed', fault, message: `pull of ${REFERENCE}: ${fault}`, retryAt }
        expect(await puller.ensure(REFERENCE, STALE)).to.deep.equal(failed)
        time.now += delayMs - 1
        expect(await puller.ensure(REFERENCE, STALE)).to.deep.equal(failed)
        expect(pulls).to.have.length(0)
        time.now += 1
      }
      expect(await puller.ensure(REFERENCE, STALE)).to.include({ state: 'pulling' })
      await end(fault)
      puller.forget(REFERENCE)
      expect(await puller.ensure(REFERENCE, STALE)).to.include({ state: 'pulling' })
      await end(fault)
      expect(await puller.ensure(REFERENCE, STALE)).to.include({ retryAt: time.now + baseMs / 2 })
    })
  }

  it('does not let a spec that was written after a failure wait for it, but only once', async () => {
    const { puller, time, end } = aPuller()
    for (let round = 0; round < 3; round++) {
      time.now += 10
      const want = { fresh: true, asOf: time.now }
      expect(await puller.ensure(REFERENCE, want)).to.include({ state: 'pulling' })
      await end('no-image')
      expect(await puller.ensure(REFERENCE, want)).to.include({ state: 'failed', retryAt: time.now + 5_000 })
      expect(await puller.ensure(REFERENCE, STALE)).to.include({ state: 'failed' })
    }
  })

  it('G5: pulls again what was removed by hand, and sees what was loaded by hand', async () => {
    const { puller, store, end } = aPuller()
    await puller.ensure(REFERENCE, STALE)
    await end()
    store.delete(REFERENCE)
    expect(await puller.ensure(REFERENCE, STALE)).to.include({ state: 'pulling' })
    await end('unavailable')
    store.set(REFERENCE, IMAGE)
    expect(await puller.ensure(REFERENCE, FRESH))
      .to.include({ state: 'present' })
      .and.to.not.have.property('stale')
  })

  it('takes a pull that left nothing in the store for a failure', async () => {
    const { puller, pulls, settled, store } = aPuller()
    await puller.ensure(REFERENCE, STALE)
    store.set = () => store
    pulls[0]?.end()
    while (settled.length === 0) await new Promise(resolve => setImmediate(resolve))
    expect(await puller.ensure(REFERENCE, STALE)).to.include({ state: 'failed', fault: 'other' })
  })

  it('never pulls an image id, nor anything with policy Never', async () => {
    const { puller, pulls, time } = aPuller()
    expect(await puller.ensure(ID, STALE)).to.include({
      state: 'failed',
      fault: 'no-image',
      retryAt: time.now + 10_000
    })
    const never = aPuller({ policy: 'Never' })
    expect(await never.puller.ensure(REFERENCE, FRESH)).to.include({ state: 'failed', fault: 'no-image' })
    never.store.set(REFERENCE, IMAGE)
    expect(await never.puller.ensure(REFERENCE, FRESH)).to.include({ state: 'present' })
    expect(pulls.length + never.pulls.length).to.equal(0)
  })

  it('tells beforehand what comes of a new revision, and starts nothing', async () => {
    const { signal } = new AbortController()
    for (const [policy, isThere, state] of [
      ['IfNotPresent', true, 'present'],
      ['IfNotPresent', false, 'pulling'],
      ['Always', true, 'pulling'],
      ['Never', false, 'failed']
    ] as const) {
      const { puller, store, pulls } = aPuller({ policy })
      if (isThere) store.set(REFERENCE, IMAGE)
      expect((await puller.peek(REFERENCE, signal)).state, `${policy}, ${isThere}`).to.equal(state)
      expect(pulls).to.deep.equal([])
    }
  })

  it('rejects when the engine cannot be asked, and then knows no more than before', async () => {
    const { puller, looks } = aPuller()
    looks.before = () => Promise.reject(new EngineError('image_inspect', 'unavailable', 'no engine'))
    expect(await puller.ensure(REFERENCE, STALE).catch((err: unknown) => (err as EngineError).fault)).to.equal(
      'unavailable'
    )
    looks.before = () => Promise.resolve()
    expect(await puller.ensure(REFERENCE, STALE)).to.include({ state: 'pulling' })
  })

  it('forgets what nobody asked for during an hour', async () => {
    const { puller, time, end } = aPuller()
    await puller.ensure(REFERENCE, STALE)
    await end('unauthorized')
    time.now += 3_600_001
    await puller.ensure('other', STALE)
    expect(await puller.ensure(REFERENCE, STALE)).to.include({ state: 'pulling' })
    await end('unavailable')
    await end('unauthorized')
    expect(await puller.ensure(REFERENCE, STALE)).to.include({ retryAt: time.now + 15_000 })
  })

  it('aborts all pulls when it stops, tells nobody, and starts no more', async () => {
    const { puller, pulls, settled } = aPuller({ concurrency: 1 })
    await puller.ensure('a', STALE)
    await puller.ensure('b', STALE)
    await puller.stop()
    expect(pulls).to.have.length(1)
    expect(pulls[0]?.signal?.aborted).to.equal(true)
    expect(await puller.ensure('c', STALE)).to.include({ state: 'failed', fault: 'aborted' })
    expect(pulls).to.have.length(1)
    expect(settled).to.deep.equal([])
  })

  describe('with policy Always', () => {
    const present = () => {
      const made = aPuller({ policy: 'Always' })
      made.store.set(REFERENCE, IMAGE)
      return made
    }

    it('G6: asks the registry once for a new revision, and not for an old one', async () => {
      const { puller, pulls, end } = present()
      expect(await puller.ensure(REFERENCE, STALE)).to.include({ state: 'present' })
      expect(pulls).to.have.length(0)
      expect(await puller.ensure(REFERENCE, FRESH)).to.include({ state: 'pulling' })
      expect(await puller.ensure(REFERENCE, STALE)).to.include({ state: 'present' })
      await end()
      for (let i = 0; i < 10; i++) expect(await puller.ensure(REFERENCE, FRESH)).to.include({ state: 'present' })
      expect(pulls).to.have.length(0)
    })

    it('G6: asks again for a revision that is younger than the last pull', async () => {
      const { puller, time, end } = present()
      await puller.ensure(REFERENCE, { fresh: true, asOf: time.now })
      time.now += 10
      await end()
      expect(await puller.ensure(REFERENCE, { fresh: true, asOf: time.now - 10 })).to.include({ state: 'present' })
      expect(await puller.ensure(REFERENCE, { fresh: true, asOf: time.now - 9 })).to.include({ state: 'pulling' })
      await end()
      time.now += 30_001
      expect(await puller.ensure(REFERENCE, FRESH)).to.include({ state: 'pulling' })
    })

    it('D15: neither pulls nor retries without end when the clock was set back', async () => {
      const { puller, time, store, end } = present()
      const want = { fresh: true, asOf: time.now }
      time.now -= 500_000
      expect(await puller.ensure(REFERENCE, want)).to.include({ state: 'pulling' })
      await end()
      expect(await puller.ensure(REFERENCE, want)).to.include({ state: 'present' })
      store.delete(REFERENCE)
      expect(await puller.ensure(REFERENCE, want)).to.include({ state: 'pulling' })
      await end('unavailable')
      expect(await puller.ensure(REFERENCE, want)).to.include({ state: 'failed' })
    })

    it('G3: goes on with what is there when the registry fails, and says so', async () => {
      const { puller, time, end } = present()
      await puller.ensure(REFERENCE, FRESH)
      await end('unavailable')
      const digest = `registry.example:5000/team/fn@${DIGEST}`
      const stale = `pull of ${REFERENCE}: unavailable`
      expect(await puller.ensure(REFERENCE, FRESH)).to.deep.equal({ state: 'present', id: ID, digest, stale })
      time.now += 500
      expect(await puller.ensure(REFERENCE, FRESH)).to.include({ state: 'pulling' })
    })

    it('does not ask about a reference that can only mean one image', async () => {
      const { puller, store, pulls } = aPuller({ policy: 'Always' })
      const pinned = `registry.example:5000/team/fn@${DIGEST}`
      store.set(pinned, IMAGE).set(ID, IMAGE)
      expect(await puller.ensure(pinned, FRESH)).to.deep.equal({ state: 'present', id: ID, digest: pinned })
      expect(await puller.ensure(ID, FRESH)).to.deep.equal({ state: 'present', id: ID })
      expect(pulls).to.have.length(0)
    })
  })

  it('D11: pulls again at once what failed for lack of space when there is room, and nothing else', async () => {
    const { puller, pulls, end } = aPuller()
    await puller.ensure('full:1', STALE)
    await puller.ensure('missing:1', STALE)
    await end('no-space')
    await end('no-image')
    puller.retry('no-space')
    expect(await puller.ensure('full:1', STALE)).to.include({ state: 'pulling' })
    expect(await puller.ensure('missing:1', STALE)).to.include({ state: 'failed', fault: 'no-image' })
    expect(pulls.map(({ reference }) => reference)).to.deep.equal(['full:1'])
  })
})
