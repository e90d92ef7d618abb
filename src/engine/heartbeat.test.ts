import { expect } from 'chai'
import { eventually } from '../../test/helpers/eventually.ts'
import { EngineError, type EngineFault } from './faults.ts'
import { BEAT_MS, Heartbeat, PING_MS } from './heartbeat.ts'

describe('Heartbeat', () => {
  let now: number
  /** How the next beats end, and after how many milliseconds; then answered at once, for ever. */
  let script: { fault?: EngineFault; takesMs?: number }[]
  let pings: number
  let beats: string[]
  let pauses: { ms: number; end: () => void }[]
  let heartbeat: Heartbeat

  beforeEach(() => {
    now = 0
    script = []
    pings = 0
    beats = []
    pauses = []
    heartbeat = new Heartbeat({
      engine: {
        ping: async () => {
          pings++
          const { fault, takesMs = 1 } = script.shift() ?? {}
          now += takesMs
          if (fault !== undefined) throw new EngineError('ping', fault, 'no answer')
          return 7
        }
      },
      onAnswer: aheadMs => beats.push(aheadMs === 7 ? 'answered' : 'refused'),
      onMiss: err => beats.push((err as EngineError).fault),
      monotonic: () => now,
      wait: (ms, signal) =>
        new Promise((resolve, reject) => {
          signal.addEventListener('abort', () => reject(signal.reason))
          pauses.push({ ms, end: () => resolve(undefined) })
        })
    })
  })
  afterEach(() => heartbeat.stop())

  const paused = (times: number) => eventually(() => expect(pauses).to.have.length(times), { intervalMs: 1 })

  it('is known from its first beat on, and comes again after a time', async () => {
    await heartbeat.start()
    expect(beats).to.deep.equal(['answered'])
    await paused(1)
    expect(pauses[0]?.ms).to.equal(BEAT_MS)
    pauses[0]?.end()
    await paused(2)
    expect(beats).to.deep.equal(['answered', 'answered'])
  })

  it('comes at once when something else was not answered', async () => {
    await heartbeat.start()
    await paused(1)
    heartbeat.doubt()
    await paused(2)
    expect(pings).to.equal(2)
  })

  it('comes more often while it is not answered', async () => {
    script = [{ fault: 'unavailable' }]
    await heartbeat.start()
    await paused(1)
    expect(beats).to.deep.equal(['unavailable'])
    expect(pauses[0]?.ms).to.be.below(BEAT_MS)
  })

  it('C4: says nothing of an engine whose answer this process could not read in time', async () => {
    script = [{ fault: 'timeout', takesMs: PING_MS + 600 }]
    await heartbeat.start()
    await paused(1)
    expect([pings, beats]).to.deep.equal([2, ['answered']])
  })

  it('D3: is missed when the answer does not come within its time, timers a little late or not', async () => {
    for (const late of [0, 300]) script.push({ fault: 'timeout', takesMs: PING_MS + late })
    await heartbeat.start()
    await paused(1)
    pauses[0]?.end()
    await paused(2)
    expect(beats).to.deep.equal(['timeout', 'timeout'])
  })

  it('takes a refusal for an answer: whoever refuses is there', async () => {
    script = [{ fault: 'other' }]
    await heartbeat.start()
    await paused(1)
    expect(beats).to.deep.equal(['refused'])
    expect(pauses[0]?.ms).to.equal(BEAT_MS)
  })

  it('ends within its pause and within a beat', async () => {
    await heartbeat.start()
    await paused(1)
    await heartbeat.stop()
    expect(pings).to.equal(1)
  })
})
