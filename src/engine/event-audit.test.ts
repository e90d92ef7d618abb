import { expect } from 'chai'
import { eventually } from '../../test/helpers/eventually.ts'
import { EventAudit, type EventMark, MissedEventsError } from './event-audit.ts'
import { EngineError } from './faults.ts'

const event = (n: number): EventMark => ({ timeNano: n, Action: 'start', Actor: { ID: 'c' } })

describe('EventAudit', () => {
  let now: number
  let remembered: readonly EventMark[]
  /** What happens while the audit waits for the n-th time. */
  let during: ((n: number) => void)[]
  let recalls: [number, number][]
  let missed: MissedEventsError[]
  let audit: EventAudit

  beforeEach(() => {
    now = 1_000_000
    remembered = []
    during = []
    recalls = []
    missed = []
    audit = new EventAudit({
      recall: async (since, until) => {
        recalls.push([since, until])
        return remembered
      },
      onMissed: err => missed.push(err),
      aheadMs: 0,
      now: () => now,
      wait: async ms => {
        now += ms
        const act = during.shift()
        if (act === undefined) audit.stop()
        else act(now)
      }
    })
  })

  it('asks for what happened since it asked last, and finds a quiet stream well', async () => {
    during = [() => undefined, () => undefined]
    await audit.run()
    expect(recalls).to.deep.equal([
      [1001, 1010],
      [1010, 1020]
    ])
    expect(missed).to.deep.equal([])
  })

  it('finds a stream well that delivers late, and one that delivered long before it is asked', async () => {
    during = [
      () => {
        remembered = [event(1), event(2)]
        audit.delivered(event(1))
      },
      () => audit.delivered(event(2)),
      () => undefined
    ]
    await audit.run()
    expect(recalls).to.have.length(2)
    expect(missed).to.deep.equal([])
  })

  it('D8: tells of a stream that is silent though the engine remembers events', async () => {
    during = [() => (remembered = [event(1)]), () => undefined, () => undefined]
    await audit.run()
    expect(missed.map(({ message }) => message)).to.deep.equal([
      'the stream of events lost 1 of 1 that the engine remembers'
    ])
    expect(missed[0]).to.be.instanceOf(MissedEventsError)
  })

  it('D9: takes more events than the engine remembers for a gap, as it cannot vouch for all', async () => {
    during = [() => (remembered = Array.from({ length: 256 }, (_, n) => event(n)))]
    await audit.run()
    expect(missed.map(({ message }) => message)).to.deep.equal(['more events came than the engine remembers'])
  })

  it('asks sooner of a busy stream, before the engine forgets', async () => {
    let waits = 0
    const busy = new EventAudit({
      recall: async () => {
        busy.stop()
        return []
      },
      onMissed: err => missed.push(err),
      aheadMs: 0,
      now: () => (now += 3000),
      wait: (_, signal) => {
        waits++
        return new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)))
      }
    })
    const running = busy.run()
    for (let n = 0; n < 128; n++) busy.delivered(event(n))
    await running
    expect(waits).to.equal(1)
  })

  it('asks at once again when a lot came while it waited for what was late', async () => {
    const aborted: boolean[] = []
    let n = 0
    const busy = new EventAudit({
      recall: async () => {
        if (aborted.length > 2) busy.stop()
        return n < 200 ? [event(200)] : []
      },
      onMissed: err => missed.push(err),
      aheadMs: 0,
      now: () => now,
      wait: async (ms, signal) => {
        now += ms
        aborted.push(signal.aborted)
        if (aborted.length === 2) for (; n <= 200; n++) busy.delivered(event(n))
      }
    })
    await busy.run()
    expect(aborted).to.deep.equal([false, false, true])
    expect(missed).to.deep.equal([])
  })

  it('says nothing when the engine does not say, and goes on after the clock went back', async () => {
    let asked = 0
    const flaky = new EventAudit({
      recall: async since => {
        asked++
        if (asked === 1) throw new EngineError('events_recall', 'timeout', 'timed out')
        if (asked === 2) now -= 3_600_000
        if (asked === 3) flaky.stop()
        expect(since).to.be.below(asked === 3 ? 900_000 : 1_100_000)
        return []
      },
      onMissed: err => missed.push(err),
      aheadMs: 0,
      now: () => now,
      wait: async ms => (now += ms)
    })
    await flaky.run()
    await eventually(() => expect(asked).to.equal(3))
    expect(missed).to.deep.equal([])
  })
})
