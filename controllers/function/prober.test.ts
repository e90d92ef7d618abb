import { expect } from 'chai'
import { PROBE_TARGET } from '../../test/helpers/builders.ts'
import type { ProbeRequest } from './probe-request.ts'
import { Prober } from './prober.ts'

const refused = () => Promise.reject(Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' }))

/** A prober on a virtual clock whose answers the test gives; `advance` runs what is due meanwhile. */
function aProber(options: { readonly longestRestMs?: number } = {}) {
  const time = { now: 0 }
  const timers = new Set<{ at: number; ms: number; run: () => void }>()
  const changes: string[] = []
  const probes: number[] = []
  const answer: { next: ProbeRequest } = { next: refused }
  const prober = new Prober({
    ...options,
    clock: { now: () => 1_000_000 + time.now, monotonic: () => time.now },
    onChange: key => changes.push(key),
    request: (target, signal) => {
      probes.push(time.now)
      return answer.next(target, signal)
    },
    schedule: (run, ms) => {
      const timer = { at: time.now + ms, ms, run }
      timers.add(timer)
      return () => timers.delete(timer)
    }
  })
  const settle = () => new Promise(resolve => setImmediate(resolve))
  const advance = async (ms: number) => {
    await settle()
    const end = time.now + ms
    while (true) {
      const next = [...timers].filter(t => t.at <= end).sort((a, b) => a.at - b.at)[0]
      if (next === undefined) break
      timers.delete(next)
      time.now = next.at
      next.run()
      await settle()
    }
    time.now = end
  }
  return { prober, time, timers, changes, probes, answer, advance, settle }
}

/** Never answers; ends when the prober gives up. */
const silent: ProbeRequest = (_, signal) =>
  new Promise((_, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason))
  })

describe('Prober', () => {
  it('says at once that a replica is ready whose first answer is below 500', async () => {
    for (const status of [200, 301, 404, 499]) {
      const { prober, timers, answer } = aProber()
      answer.next = async () => status
      expect(await prober.check(PROBE_TARGET)).to.deep.equal({ ready: true, since: 1_000_000, answered: true })
      expect(timers.size).to.equal(0)
    }
  })

  it('asks a young replica after 10 ms, then in steps of a part of its age, each second at least, until it answers, and tells once', async () => {
    const { prober, timers, changes, probes, answer, advance } = aProber()
    expect(await prober.check(PROBE_TARGET)).to.deep.equal({
      ready: false,
      since: 1_000_000,
      answered: false,
      lastError: 'connect ECONNREFUSED'
    })
    await advance(20_000)
    const gaps = probes.slice(1).map((at, n) => at - (probes[n] ?? 0))
    expect(gaps.filter((gap, n) => gap > 12 + (probes[n] ?? 0) / 8)).to.deep.equal([])
    expect([gaps.slice(0, 3), gaps.at(-1)]).to.deep.equal([[10, 11, 13], 1000])
    expect(probes).to.have.length.below(70)
    expect(changes).to.deep.equal([])
    answer.next = async () => 200
    await advance(10_000)
    expect(changes).to.deep.equal(['openfaas-fn/echo'])
    const asked = probes.length
    await advance(10_000)
    expect(probes).to.have.length(asked)
    expect(timers.size).to.equal(0)
  })

  it('does not probe besides the background, however often it is asked', async () => {
    const { prober, probes, advance } = aProber()
    await Promise.all(Array.from({ length: 5 }, () => prober.check(PROBE_TARGET)))
    await advance(5)
    await Promise.all(Array.from({ length: 5 }, () => prober.check(PROBE_TARGET)))
    expect(probes).to.deep.equal([0])
  })

  it('asks again about one that became ready in the background, when its success is old', async () => {
    const { prober, probes, answer, advance } = aProber()
    await prober.check(PROBE_TARGET)
    answer.next = async () => 200
    await advance(5_010)
    answer.next = refused
    expect(await prober.check(PROBE_TARGET)).to.include({ ready: false })
    expect(probes).to.deep.equal([0, 10, 5_010])
  })

  it('believes a success for 5 s, and then asks again', async () => {
    const { prober, probes, answer, advance } = aProber()
    answer.next = async () => 200
    await prober.check(PROBE_TARGET)
    await advance(4_999)
    await prober.check(PROBE_TARGET)
    expect(probes).to.deep.equal([0])
    await advance(1)
    expect(await prober.check(PROBE_TARGET)).to.deep.equal({ ready: true, since: 1_000_000, answered: true })
    expect(probes).to.deep.equal([0, 5_000])
  })

  it('takes a replica out at once that refuses connections, and finds it again', async () => {
    const { prober, changes, answer, advance } = aProber()
    answer.next = async () => 200
    await prober.check(PROBE_TARGET)
    await advance(5_000)
    answer.next = refused
    expect(await prober.check(PROBE_TARGET)).to.deep.equal({
      ready: false,
      since: 1_005_000,
      answered: true,
      lastError: 'connect ECONNREFUSED'
    })
    answer.next = async () => 204
    await advance(10)
    expect(changes).to.have.length(1)
    expect(await prober.check(PROBE_TARGET)).to.deep.equal({ ready: true, since: 1_005_010, answered: true })
  })

  for (const [what, next, error, probeMs] of [
    ['5xx', async () => 503, 'answered 503', 0],
    ['no answer', silent, 'no answer within 1000 ms', 1_000],
    ['a reset', () => Promise.reject(new Error('socket hang up')), 'socket hang up', 0]
  ] as [string, ProbeRequest, string, number][]) {
    it(`takes a replica out only after the third failure in a row: ${what}`, async () => {
      const { prober, changes, answer, advance } = aProber()
      answer.next = async () => 200
      await prober.check(PROBE_TARGET)
      await advance(5_000)
      answer.next = next
      const first = prober.check(PROBE_TARGET)
      await advance(probeMs)
      expect(await first).to.deep.equal({ ready: true, since: 1_000_000, answered: true, lastError: error })
      await advance(1_000 + probeMs)
      expect(await prober.check(PROBE_TARGET)).to.include({ ready: true, lastError: error })
      await advance(1_000 + probeMs - 1)
      expect(await prober.check(PROBE_TARGET)).to.include({ ready: true, lastError: error })
      expect(changes).to.deep.equal([])
      await advance(1)
      expect(await prober.check(PROBE_TARGET)).to.include({ ready: false, answered: true, lastError: error })
      expect(changes).to.deep.equal(['openfaas-fn/echo'])
    })
  }

  it('keeps a busy replica that answers again before the third failure', async () => {
    const { prober, changes, timers, answer, advance } = aProber()
    answer.next = async () => 200
    await prober.check(PROBE_TARGET)
    for (let round = 0; round < 3; round++) {
      await advance(6_000)
      answer.next = async () => 500
      expect(await prober.check(PROBE_TARGET)).to.include({ ready: true })
      await advance(1_000)
      answer.next = async () => 200
      await advance(1_000)
      expect(await prober.check(PROBE_TARGET)).to.deep.equal({ ready: true, since: 1_000_000, answered: true })
    }
    expect(changes).to.deep.equal([])
    expect(timers.size).to.equal(0)
  })

  it('asks ready replicas again when told to confirm, and tells which are gone', async () => {
    const { prober, changes, probes, answer, advance, settle } = aProber()
    const other = { ...PROBE_TARGET, key: 'openfaas-fn/other', containerId: 'c2' }
    answer.next = async () => 200
    await prober.check(PROBE_TARGET)
    await prober.check(other)
    prober.confirm(new Set([PROBE_TARGET.key]))
    await settle()
    expect(probes, 'those that answered a moment ago').to.have.length(2)
    await advance(6_000)
    answer.next = refused
    prober.confirm(new Set([PROBE_TARGET.key, 'openfaas-fn/unknown']))
    await settle()
    expect(probes).to.have.length(3)
    expect(changes).to.deep.equal([PROBE_TARGET.key])
    expect(await prober.check(PROBE_TARGET)).to.include({ ready: false, answered: true })
    prober.confirm(new Set([PROBE_TARGET.key]))
    await settle()
    expect(probes, 'those that the background asks').to.have.length(3)
  })

  it('remembers a replica that it only confirms', async () => {
    const { prober, answer, advance } = aProber()
    answer.next = async () => 200
    await prober.check(PROBE_TARGET)
    for (let minutes = 0; minutes < 12; minutes++) {
      await advance(60_000)
      prober.confirm(new Set([PROBE_TARGET.key]))
    }
    await prober.check({ ...PROBE_TARGET, containerId: 'c2' })
    expect(prober.containerIds()).to.deep.equal(['c1', 'c2'])
  })

  it('starts anew when the container was restarted or has another address, and ignores what the old one answers', async () => {
    const { prober, changes, answer, advance, settle } = aProber()
    answer.next = async () => 200
    await prober.check(PROBE_TARGET)
    answer.next = refused
    expect(await prober.check({ ...PROBE_TARGET, startedAt: 2 })).to.include({ ready: false })
    expect(await prober.check({ ...PROBE_TARGET, startedAt: 2, host: '127.0.0.2' })).to.include({ ready: false })
    const late = Promise.withResolvers<number>()
    answer.next = () => late.promise
    await advance(10)
    answer.next = refused
    expect(await prober.check({ ...PROBE_TARGET, startedAt: 3 })).to.include({ ready: false })
    late.resolve(200)
    await settle()
    expect(await prober.check({ ...PROBE_TARGET, startedAt: 3 })).to.include({ ready: false })
    expect(changes).to.deep.equal([])
  })

  it('probes at once after it was told to forget', async () => {
    const { prober, probes, answer } = aProber()
    answer.next = async () => 200
    await prober.check(PROBE_TARGET)
    prober.forget('c1')
    prober.forget('unknown')
    answer.next = refused
    expect(await prober.check(PROBE_TARGET)).to.include({ ready: false })
    expect(probes).to.have.length(2)
  })

  it('forgets the containers of a key that are gone, and none of another key', async () => {
    const { prober, timers } = aProber()
    await prober.check(PROBE_TARGET)
    await prober.check({ ...PROBE_TARGET, containerId: 'c2' })
    await prober.check({ ...PROBE_TARGET, containerId: 'c3', key: 'openfaas-fn/other' })
    prober.prune(PROBE_TARGET.key, new Set(['c2']))
    expect(timers.size).to.equal(2)
    prober.prune(PROBE_TARGET.key, new Set())
    prober.prune('openfaas-fn/other', new Set())
    expect(timers.size).to.equal(0)
  })

  it('remembers for as long as functions may go without a pass', async () => {
    const { prober, probes, answer, advance } = aProber({ longestRestMs: 3_600_000 })
    answer.next = async () => 200
    await prober.check(PROBE_TARGET)
    await advance(7_000_000)
    prober.confirm(new Set([PROBE_TARGET.key]))
    await advance(0)
    expect(probes).to.have.length(2)
  })

  it('stops asking about a container that no pass asked about for ten minutes', async () => {
    const { prober, timers, probes, answer, advance } = aProber()
    await prober.check(PROBE_TARGET)
    await advance(602_000)
    expect(timers.size).to.equal(0)
    answer.next = async () => 200
    await prober.check({ ...PROBE_TARGET, containerId: 'ready' })
    await advance(600_001)
    await prober.check({ ...PROBE_TARGET, containerId: 'other' })
    const before = probes.length
    await prober.check({ ...PROBE_TARGET, containerId: 'ready' })
    expect(probes.length).to.equal(before + 1)
  })

  it('ends probes and timers when it stops', async () => {
    const { prober, timers, changes, probes, answer, advance, settle } = aProber()
    await prober.check(PROBE_TARGET)
    answer.next = silent
    const pending = prober.check({ ...PROBE_TARGET, containerId: 'c2' })
    await settle()
    prober.stop()
    expect(await pending).to.include({ ready: false })
    expect(timers.size).to.equal(0)
    expect(await prober.check(PROBE_TARGET)).to.include({ ready: false })
    await advance(5_000)
    expect(probes).to.have.length(2)
    expect(changes).to.deep.equal([])
  })
})
