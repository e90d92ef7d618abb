import { expect } from 'chai'
import fc from 'fast-check'
import type { ScheduleRecord } from '../../api/schedule-record.ts'
import { begin, type Decision, decide, handedOver, MAX_COUNTED, nextOf, type ScheduleRules } from './decide.ts'
import { doneUntil, withSpan } from './spans.ts'

const MINUTE = 60_000
const HOUR = 60 * MINUTE
const KEY = { uid: 'u', schedule: '*/5 * * * *', timezone: 'UTC' }

/** A tick every so many milliseconds. */
function every(ms: number): ScheduleRules['ticks'] {
  return function* (from) {
    for (let tick = (Math.floor(from / ms) + 1) * ms; ; tick += ms) yield tick
  }
}

const RULES: ScheduleRules = {
  ...{ ticks: every(5 * MINUTE), delayMs: 0, catchUpMs: Number.POSITIVE_INFINITY },
  ...{ concurrency: 'forbid', isSuspended: false }
}

function begun(now: number, delayMs = 0): ScheduleRecord {
  return begin(KEY, { now, delayMs })
}

/** Decides until nothing is to be done, and hands over what is to be run. */
function pass(record: ScheduleRecord, now: number, rules = RULES, isFormerActive = false) {
  const decisions: Decision[] = []
  for (let at = record; ; ) {
    const decision = decide(at, rules, { now, isFormerActive })
    decisions.push(decision)
    if (decision.kind === 'wait') return { record: at, decisions, kinds: decisions.map(({ kind }) => kind) }
    at = handedOver(decision.record, 'call', now)
  }
}

describe('decide', () => {
  it('runs nothing of what was before the schedule was met', () => {
    const { kinds, decisions } = pass(begun(12 * MINUTE), 12 * MINUTE)
    expect(kinds).to.deep.equal(['wait'])
    expect(decisions[0]).to.deep.equal({ kind: 'wait', at: 15 * MINUTE })
  })

  it('runs a tick when it is due, and never again', () => {
    const due = pass(begun(0), 5 * MINUTE)
    expect(due.kinds).to.deep.equal(['run', 'wait'])
    expect(due.record).to.include({ runs: 1, missed: 0 })
    expect(due.record.last).to.deep.equal({ tick: 5 * MINUTE, at: 5 * MINUTE, call: 'call' })
    expect(pass(due.record, 5 * MINUTE + 1).kinds).to.deep.equal(['wait'])
  })

  it('runs it so much later as the function has its place in the spread', () => {
    const rules = { ...RULES, delayMs: 700 }
    expect(pass(begun(0), 5 * MINUTE + 699, rules).decisions).to.deep.equal([{ kind: 'wait', at: 5 * MINUTE + 700 }])
    expect(pass(begun(0), 5 * MINUTE + 700, rules).kinds).to.deep.equal(['run', 'wait'])
  })

  it('runs one of all that came while nobody looked: the last; the others are counted', () => {
    const { kinds, record, decisions } = pass(begun(0), 3 * HOUR + MINUTE)
    expect(kinds).to.deep.equal(['run', 'wait'])
    expect(record).to.include({ runs: 1, missed: 35 })
    expect(decisions[0])
      .to.have.property('due')
      .that.deep.equals({ first: 5 * MINUTE, last: 3 * HOUR, count: 36 })
  })

  it('does not count for ever, and finds the last all the same', () => {
    const { record } = pass(begun(0), 365 * 24 * HOUR + 1)
    expect(record).to.include({ runs: 1, missed: MAX_COUNTED - 1 })
    expect(record.last?.tick).to.equal(365 * 24 * HOUR)
  })

  it('runs none that is later than it may be', () => {
    const rules = { ...RULES, catchUpMs: 2 * MINUTE }
    expect(pass(begun(0), 12 * MINUTE, rules).record).to.include({ runs: 1, missed: 1 })
    const late = pass(begun(0), 13 * MINUTE, rules)
    expect(late.kinds).to.deep.equal(['miss', 'wait'])
    expect(late.record).to.include({ runs: 0, missed: 2 })
    expect(pass(late.record, 15 * MINUTE, rules).kinds).to.deep.equal(['run', 'wait'])
  })

  it('leaves a tick out while the call before has not ended, unless both may run', () => {
    const skipped = pass(begun(0), 5 * MINUTE, RULES, true)
    expect(skipped.kinds).to.deep.equal(['skip', 'wait'])
    expect(skipped.record).to.include({ runs: 0, skipped: 1, missed: 0 })
    expect(pass(skipped.record, 6 * MINUTE).kinds, 'it is not made up for').to.deep.equal(['wait'])
    expect(pass(begun(0), 5 * MINUTE, { ...RULES, concurrency: 'allow' }, true).kinds).to.deep.equal(['run', 'wait'])
  })

  it('runs nothing while it is suspended, and makes nothing up for it', () => {
    const rules = { ...RULES, isSuspended: true }
    const suspended = pass(begun(0), MINUTE, rules)
    expect(suspended.decisions.at(-1)).to.deep.equal({ kind: 'wait' })
    expect(nextOf(suspended.record, rules, MINUTE)).to.equal(undefined)
    expect(pass(suspended.record, HOUR, rules).kinds).to.deep.equal(['wait'])
    const resumed = pass(suspended.record, 2 * HOUR + 1)
    expect(resumed.kinds).to.deep.equal(['note', 'wait'])
    expect(resumed.record).to.include({ runs: 0, missed: 0 })
    expect(pass(resumed.record, 2 * HOUR + 5 * MINUTE).kinds).to.deep.equal(['run', 'wait'])
  })

  it('D15: runs no tick again when the clock is set back', () => {
    const { record } = pass(pass(begun(0), 5 * MINUTE).record, 10 * MINUTE)
    const back = pass(record, 4 * MINUTE)
    expect(back.kinds).to.deep.equal(['note', 'wait'])
    expect(back.decisions[0]).to.include({ setBackMs: 6 * MINUTE })
    expect(back.decisions[1]).to.deep.equal({ kind: 'wait', at: 15 * MINUTE })
    expect(pass(back.record, 10 * MINUTE).kinds).to.deep.equal(['wait'])
  })

  it('D15: catches up once when the clock is set ahead, and goes on as before when that is taken back', () => {
    const start = pass(begun(0), 5 * MINUTE).record
    const ahead = pass(start, 24 * HOUR)
    expect(ahead.record).to.include({ runs: 2, missed: 24 * 12 - 2 })
    const back = pass(ahead.record, 6 * MINUTE)
    expect(back.decisions.at(-1), 'none is silently left out').to.deep.equal({ kind: 'wait', at: 10 * MINUTE })
    const next = pass(back.record, 10 * MINUTE)
    expect(next.kinds).to.deep.equal(['run', 'wait'])
    const eve = pass(next.record, 24 * HOUR - 1).record
    expect(pass(eve, 24 * HOUR).kinds, 'this one was run while the clock was ahead').to.deep.equal(['wait'])
    expect(pass(eve, 24 * HOUR + 5 * MINUTE).kinds).to.deep.equal(['run', 'wait'])
  })

  it('goes on from where it is when the clock was wrong as the schedule was met', () => {
    const back = pass(begun(24 * HOUR), 12 * MINUTE)
    expect(back.decisions.at(-1)).to.deep.equal({ kind: 'wait', at: 15 * MINUTE })
    expect(pass(back.record, 15 * MINUTE).kinds).to.deep.equal(['run', 'wait'])
  })

  it('D15: never runs a tick twice, whatever the clock and the process do, and none is lost without being counted', () => {
    const move = fc.oneof(
      {
        weight: 6,
        arbitrary: fc.record({ kind: fc.constant('look' as const), ms: fc.integer({ min: 1, max: 30_000 }) })
      },
      {
        weight: 2,
        arbitrary: fc.record({ kind: fc.constant('down' as const), ms: fc.integer({ min: 1, max: 2 * HOUR }) })
      },
      {
        weight: 1,
        arbitrary: fc.record({ kind: fc.constant('set' as const), ms: fc.integer({ min: -3 * HOUR, max: 3 * HOUR }) })
      }
    )
    const rules = fc.record({
      periodMs: fc.constantFrom(MINUTE, 5 * MINUTE, 17 * MINUTE, HOUR),
      delayMs: fc.constantFrom(0, 400, 5000),
      catchUpMs: fc.constantFrom(15_000, 10 * MINUTE, Number.POSITIVE_INFINITY),
      isActive: fc.boolean()
    })
    fc.assert(
      fc.property(fc.array(move, { maxLength: 120 }), rules, (moves, { isActive, periodMs, ...rest }) => {
        const model = new Model({ ...RULES, ...rest, ticks: every(periodMs) }, isActive)
        for (const { kind, ms } of moves) {
          const before = model.now
          model.look(ms)
          // While somebody looks and the clock goes as it should, every tick is run, or was, or is told of.
          if (kind === 'look') model.expectTold(before)
        }
        if (moves.every(({ kind }) => kind !== 'set')) model.expectAllCounted(periodMs)
      }),
      { numRuns: 1000 }
    )
  })
})

/** What became of the ticks of one schedule. */
class Model {
  readonly #rules: ScheduleRules
  readonly #isActive: boolean
  readonly #start = 100 * HOUR + 1
  readonly #run = new Set<number>()
  readonly #left = new Set<number>()
  #record: ScheduleRecord
  now = this.#start

  constructor(rules: ScheduleRules, isActive: boolean) {
    this.#rules = rules
    this.#isActive = isActive
    this.#record = begun(this.#start, rules.delayMs)
  }

  look(ms: number): void {
    this.now += ms
    const { record, decisions, kinds } = pass(this.#record, this.now, this.#rules, this.#isActive)
    this.#record = record
    expect(kinds.filter(one => one === 'run').length, 'no storm').to.be.at.most(1)
    for (const decision of decisions) {
      if (decision.kind === 'skip' || decision.kind === 'miss') this.#left.add(decision.due.last)
      if (decision.kind !== 'run') continue
      expect(this.#run.has(decision.due.last), 'at most once').to.equal(false)
      this.#run.add(decision.due.last)
    }
  }

  expectTold(since: number): void {
    const { ticks, delayMs } = this.#rules
    for (const tick of ticks(Math.max(this.#start, since - delayMs))) {
      if (tick > this.now - delayMs) break
      expect(this.#run.has(tick) || this.#left.has(tick), `tick ${tick}`).to.equal(true)
    }
  }

  expectAllCounted(periodMs: number): void {
    const { runs, skipped, missed } = this.#record
    const all = Math.floor((this.now - this.#rules.delayMs) / periodMs) - Math.floor(this.#start / periodMs)
    expect(runs + skipped + missed).to.equal(Math.max(0, all))
  }
}

describe('spans', () => {
  it('join where they touch, stay sorted and apart, and are few', () => {
    const span = fc.tuple(fc.nat(500), fc.nat(20)).map(([from, length]) => [from, from + length] as const)
    fc.assert(
      fc.property(fc.array(span, { maxLength: 60 }), given => {
        let spans: (readonly [number, number])[] = []
        for (const one of given) spans = withSpan(spans, one)
        expect(spans.length).to.be.at.most(16)
        for (const [index, [from, to]] of spans.entries()) {
          expect(from).to.be.at.most(to)
          if (index > 0) expect(from).to.be.above(spans[index - 1]?.[1] ?? 0)
        }
        for (const [from, to] of given) {
          const until = doneUntil(spans, from)
          expect(until, 'what is done stays done').to.be.at.least(to)
        }
      })
    )
  })
})
