import { expect } from 'chai'
import type { HttpProbe } from '../../api/probe.ts'
import { ManualTime } from '../../test/helpers/manual-time.ts'
import { askOnce } from './probe-request.ts'
import { Prober } from './prober.ts'
import type { ProbeTarget } from './readiness.ts'

const START = 1_000_000
const OTHER = { key: 'openfaas-fn/other', containerId: 'c2', startedAt: START, host: '127.0.0.1', port: 1 }

/** A prober on a virtual clock; `statuses` says what each path answers, and 0 that it does not. */
function aProber({ startedAt = START }: { readonly startedAt?: number } = {}) {
  const time = new ManualTime()
  const changes: string[] = []
  const asked: Record<string, number[]> = {}
  const statuses: Record<string, number> = {}
  const prober = new Prober({
    clock: time,
    onChange: key => changes.push(key),
    request: ({ path }, signal) => {
      asked[path] = [...(asked[path] ?? []), time.now() - START]
      const status = statuses[path] ?? 200
      if (status > 0) return Promise.resolve(status)
      if (status < 0) return Promise.reject(Object.assign(new Error('refused'), { code: 'ECONNREFUSED' }))
      return new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)))
    },
    schedule: (run, ms) => {
      const timer = time.set(run, ms)
      return () => time.clear(timer)
    }
  })
  const target = { key: 'openfaas-fn/echo', containerId: 'c1', startedAt, host: '127.0.0.1', port: 1 }
  const check = (readiness: Partial<HttpProbe>, liveness?: HttpProbe, over: Partial<ProbeTarget> = {}) =>
    prober.check({
      ...{ ...target, path: '/ready', isStrict: true },
      ...readiness,
      ...(liveness === undefined ? {} : { liveness }),
      ...over
    })
  return { prober, time, changes, asked, statuses, check }
}

describe('Prober, by annotation', () => {
  it('takes an answer from 200 to 399 of a path that is named, and follows no redirect', async () => {
    for (const [status, ready] of [
      [200, true],
      [302, true],
      [399, true],
      [404, false],
      [429, false],
      [503, false]
    ] as const) {
      const { statuses, check, asked } = aProber()
      statuses['/ready'] = status
      expect(await check({ timing: {} })).to.include({ ready })
      expect(Object.keys(asked)).to.deep.equal(['/ready'])
    }
  })

  it('asks nothing before the initial delay, and is ready then', async () => {
    const { time, asked, changes, check } = aProber()
    const timing = { initialDelayMs: 3000 }
    expect(await check({ timing })).to.include({ ready: false, answered: false })
    await time.advance(2_999)
    expect(await check({ timing })).to.include({ ready: false })
    expect(asked).to.deep.equal({})
    await time.advance(1)
    expect(asked).to.deep.equal({ '/ready': [3000] })
    expect(changes).to.have.length(1)
    expect(await check({ timing })).to.include({ ready: true })
  })

  it('asks one that started long ago at once, whatever its delay', async () => {
    const { check } = aProber({ startedAt: START - 60_000 })
    expect(await check({ timing: { initialDelayMs: 3000, successThreshold: 3 } })).to.include({ ready: true })
  })

  it('asks a ready replica each 2 s, or as often as is said, and takes it out after so many failures', async () => {
    const { time, asked, statuses, changes, check } = aProber()
    await check({ timing: {} })
    await time.advance(4000)
    expect(asked['/ready']).to.deep.equal([0, 2000, 4000])
    const timing = { periodMs: 500, failureThreshold: 2 }
    await check({ timing })
    statuses['/ready'] = 503
    await time.advance(999)
    expect(await check({ timing })).to.include({ ready: true, lastError: 'answered 503' })
    await time.advance(1)
    expect(asked['/ready']?.slice(3)).to.deep.equal([4500, 5000])
    expect(await check({ timing })).to.include({ ready: false, answered: true })
    expect(changes).to.have.length(1)
    statuses['/ready'] = 200
    await time.advance(500)
    expect(await check({ timing })).to.include({ ready: true })
  })

  it('is ready only after so many successes in a row', async () => {
    const { time, statuses, check } = aProber()
    const timing = { periodMs: 100, successThreshold: 3 }
    expect(await check({ timing })).to.include({ ready: false })
    await time.advance(100)
    statuses['/ready'] = 500
    await time.advance(100)
    statuses['/ready'] = 200
    await time.advance(200)
    expect(await check({ timing })).to.include({ ready: false, answered: false })
    await time.advance(100)
    expect(await check({ timing })).to.include({ ready: true })
  })

  it('is out at once when nobody listens, and at the named timeout when nobody answers', async () => {
    const { time, statuses, check } = aProber()
    const timing = { periodMs: 1000, timeoutMs: 300, failureThreshold: 3 }
    await check({ timing })
    statuses['/ready'] = 0
    await time.advance(1300)
    expect(await check({ timing })).to.include({ ready: true, lastError: 'no answer within 300 ms' })
    statuses['/ready'] = -1
    await time.advance(1000)
    expect(await check({ timing })).to.include({ ready: false, lastError: 'refused' })
  })

  it('holds nobody up for longer than a second, however long a probe may take, and tells what came of it', async () => {
    const { prober, time, statuses, changes, check } = aProber()
    statuses['/ready'] = 0
    const timing = { timeoutMs: 30_000, periodMs: 1000 }
    const said = { first: '', looked: '' }
    const first = check({ timing }).then(({ ready }) => {
      said.first = `${ready} at ${time.now() - START}`
    })
    const looked = prober.peek({ ...OTHER, path: '/ready', isStrict: true, timing }).then(({ ready }) => {
      said.looked = `${ready} at ${time.now() - START}`
    })
    await time.advance(1000)
    await Promise.all([first, looked])
    expect(said).to.deep.equal({ first: 'false at 1000', looked: 'false at 1000' })
    statuses['/ready'] = 200
    await time.advance(29_999)
    expect(changes).to.deep.equal([])
    await time.advance(1001)
    expect(changes).to.have.length(1)
    expect(await check({ timing })).to.include({ ready: true })
  })

  it('stops asking when no annotation asks for it any more, and when it is paused', async () => {
    const { prober, time, asked, check } = aProber()
    const liveness = { path: '/alive', isStrict: true, timing: { periodMs: 100, initialDelayMs: 0 } }
    await check({ timing: { periodMs: 100 } }, liveness)
    await time.advance(100)
    prober.rest('c1')
    await time.advance(10_000)
    expect(asked).to.deep.equal({ '/ready': [0, 100], '/alive': [100] })
    await check({ timing: { periodMs: 100 } }, liveness)
    await time.advance(100)
    expect(asked).to.deep.equal({ '/ready': [0, 100, 10_200], '/alive': [100, 10_200] })
    await check({})
    await time.advance(1000)
    expect([asked['/ready']?.length, asked['/alive']?.length, time.pending]).to.deep.equal([3, 2, 0])
  })

  it('asks at once when a call found nobody there', async () => {
    const { prober, asked, check } = aProber()
    await check({ timing: {} })
    prober.doubt('c1')
    await check({ timing: {} })
    expect(asked['/ready']).to.have.length(2)
  })
})

describe('Prober, for liveness', () => {
  const probe = (timing: HttpProbe['timing'] = {}): HttpProbe => ({ path: '/alive', isStrict: true, timing })

  it('asks in the background, each 2 s from 2 s after the start, and fails after three failures in a row', async () => {
    const { time, asked, statuses, changes, check } = aProber()
    expect((await check({}, probe())).liveness).to.deep.equal({ isFailed: false, failures: 0 })
    await time.advance(4000)
    expect(asked['/alive']).to.deep.equal([2000, 4000])
    statuses['/alive'] = 503
    await time.advance(4000)
    expect((await check({}, probe())).liveness).to.include({ isFailed: false, failures: 2, aliveAt: START + 4000 })
    expect(changes).to.deep.equal([])
    await time.advance(2000)
    expect(changes).to.have.length(1)
    const { liveness } = await check({}, probe())
    expect(liveness).to.include({ isFailed: true, failedAt: START + 10_000, lastError: 'answered 503' })
  })

  it('begins again to count when it answers', async () => {
    const { time, statuses, check, changes } = aProber()
    await check({}, probe({ periodMs: 100 }))
    for (let round = 0; round < 5; round++) {
      statuses['/alive'] = 500
      await time.advance(200)
      statuses['/alive'] = 200
      await time.advance(100)
    }
    expect((await check({}, probe({ periodMs: 100 }))).liveness).to.include({ isFailed: false, failures: 0 })
    expect(changes).to.deep.equal([])
  })

  it('asks nothing before the initial delay, though the replica never was ready', async () => {
    const { time, asked, statuses, check } = aProber()
    statuses['/ready'] = 503
    statuses['/alive'] = 503
    const timing = { initialDelayMs: 30_000, periodMs: 1000 }
    await check({}, probe(timing))
    await time.advance(29_999)
    expect(asked['/alive']).to.equal(undefined)
    await time.advance(2001)
    expect((await check({}, probe(timing))).liveness).to.include({ isFailed: true })
  })

  it('leaves a slow start alone where no initial delay is named', async () => {
    const { time, asked, statuses, check } = aProber()
    statuses['/ready'] = -1
    await check({}, probe())
    await time.advance(60_000)
    await check({}, probe())
    expect(asked['/alive']).to.equal(undefined)
    statuses['/ready'] = 200
    await time.advance(1000)
    await check({}, probe())
    await time.advance(2000)
    expect(asked['/alive']).to.have.length(1)
  })

  it('gives one that is only busy ten seconds at the last, where no timeout is named', async () => {
    const { time, statuses, check } = aProber()
    await check({}, probe())
    statuses['/alive'] = 0
    // 2 s: 1 s of silence; 5 s: another; 8 s: the last.
    await time.advance(17_999)
    expect((await check({}, probe())).liveness).to.include({ isFailed: false, failures: 2 })
    await time.advance(1)
    expect((await check({}, probe())).liveness).to.include({ isFailed: true, lastError: 'no answer within 10000 ms' })
  })

  it('keeps to a timeout that is named', async () => {
    const { time, statuses, check } = aProber()
    const timing = { periodMs: 1000, timeoutMs: 500, failureThreshold: 1, initialDelayMs: 0 }
    await check({}, probe(timing))
    statuses['/alive'] = 0
    await time.advance(1500)
    expect((await check({}, probe(timing))).liveness).to.include({ isFailed: true })
  })

  it('takes a timer that fires late for no failure of the replica', async () => {
    let now = 0
    const fire: (() => void)[] = []
    const outcome = askOnce(
      {
        clock: { monotonic: () => now },
        schedule: run => {
          fire.push(run)
          return () => undefined
        },
        request: (_, signal) =>
          new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)))
      },
      { host: '127.0.0.1', port: 1, path: '/', isStrict: true },
      { timeoutMs: 1000, signal: new AbortController().signal }
    )
    now = 1501
    fire[0]?.()
    expect(await outcome).to.include({ kind: 'unknown' })
  })

  it('takes no failure for one when the replica could not be reached', async () => {
    const { prober, time, statuses, check } = aProber()
    const timing = { periodMs: 1000, initialDelayMs: 0, failureThreshold: 2, timeoutMs: 500 }
    await check({}, probe(timing))
    statuses['/alive'] = 500
    await time.advance(1000)
    prober.pardon('c1')
    await time.advance(1000)
    expect((await check({}, probe(timing))).liveness).to.include({ isFailed: false, failures: 1 })
  })

  it('asks anew after a restart of the container, by another path at once, and nothing more when it is forgotten', async () => {
    const { prober, time, asked, statuses, check } = aProber()
    const timing = { periodMs: 1000, failureThreshold: 1 }
    await check({}, probe(timing))
    statuses['/alive'] = 500
    await time.advance(2000)
    expect((await check({}, probe(timing))).liveness).to.include({ isFailed: true })
    expect((await check({}, { ...probe(timing), path: '/other' })).liveness).to.include({ isFailed: false })
    await time.advance(1000)
    expect(asked['/other']).to.have.length(1)
    const { liveness } = await check({}, probe(timing), { startedAt: START + 3000 })
    expect(liveness).to.include({ isFailed: false })
    prober.prune('openfaas-fn/echo', new Set())
    expect(time.pending).to.equal(0)
  })
})
