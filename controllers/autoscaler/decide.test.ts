import { expect } from 'chai'
import fc from 'fast-check'
import { type Scaling, scalingOf } from '../../api/scaling.ts'
import { type Decision, decide, demandOf, type Load, type Peak, type Subject } from './decide.ts'

const NOW = 1_000_000
const STEP_MAX = 4

type Said = Partial<Scaling>
type SubjectOverrides = Partial<Omit<Subject, 'scaling'>> & { scaling?: Said }

function aSubject({ scaling = {}, ...overrides }: SubjectOverrides = {}): Subject {
  const all = { ...scalingOf({ labels: {}, annotations: {} }), ...scaling }
  const replicas = overrides.replicas ?? 1
  const base = { bounds: { min: 1, max: 10 }, replicas, ready: replicas, isPinned: false, steppedAt: NOW - 600_000 }
  return { ...base, ...overrides, scaling: all }
}

/** A function whose load per replica is to be 10, its proportion included. */
const aimed = (overrides: SubjectOverrides = {}) =>
  aSubject({ ...overrides, scaling: { target: 10, proportion: 1, ...overrides.scaling } })

const aLoad = (overrides: Partial<Load> = {}): Load => ({
  inflight: 0,
  quietSince: NOW - 1000,
  stable: 0,
  burst: 0,
  isFilled: true,
  ...overrides
})

const steady = (load: number): Load => aLoad({ inflight: 1, stable: load, burst: load })

function decided(subject: Subject, load: Load, peak?: number): Decision {
  const demand = demandOf(subject, load, NOW)
  const wanted = Math.max(demand.replicas ?? 0, peak ?? 0)
  const known: Peak | undefined = peak === undefined ? undefined : { value: wanted, until: NOW + 1000 }
  return decide(subject, { load, demand, peak: known }, { stepMax: STEP_MAX, now: NOW })
}

/** As text: what is done, how many there are then, why. */
function told(decision: Decision): string {
  if (decision.kind === 'hold') return `hold: ${decision.reason}`
  return `${decision.direction} ${decision.replicas}${decision.isFrozen ? ' frozen' : ''}: ${decision.reason}`
}

const busyFor = (ms: number) => aLoad({ inflight: 1, overSince: NOW - ms })
const IDLE = { zero: true, zeroDurationMs: 60_000, freezeDurationMs: 30_000 }
const quietFor = (ms: number) => aLoad({ quietSince: NOW - ms })

describe('decide', () => {
  const cases: readonly (readonly [string, Subject, Load, string, number?])[] = [
    ['as many as the load needs', aimed({ replicas: 3 }), steady(25), 'hold: as-wanted'],
    ['more for a load that lasts', aimed({ replicas: 3 }), steady(31), 'up 4: above-target'],
    ['a load that just fits is no more', aimed({ replicas: 3 }), steady(30), 'hold: as-wanted'],
    [
      'a proportion of the target is aimed at',
      aSubject({ scaling: { target: 10, proportion: 0.9 }, replicas: 10, bounds: { min: 1, max: 20 } }),
      steady(90),
      'hold: as-wanted'
    ],
    [
      'a burst counts at once',
      aimed({ replicas: 2 }),
      aLoad({ inflight: 9, stable: 5, burst: 45 }),
      'up 5: above-target'
    ],
    [
      'a burst within the noise does not',
      aimed({ replicas: 2 }),
      aLoad({ stable: 19, burst: 21.9 }),
      'hold: as-wanted'
    ],
    ['not more than the most', aimed({ replicas: 8 }), steady(1000), 'up 10: above-target'],
    ['not more at once than a step', aimed({ replicas: 1 }), steady(95), 'up 5: above-target'],
    [
      'not more at once than are ready',
      aimed({ replicas: 20, ready: 8, bounds: { min: 1, max: 99 } }),
      steady(990),
      'hold: rate-limited'
    ],
    [
      'twice as many when many are ready',
      aimed({ replicas: 8, bounds: { min: 1, max: 99 } }),
      steady(990),
      'up 16: above-target'
    ],
    ['none answers', aimed({ ready: 0 }), steady(95), 'hold: not-ready'],
    ['the process just started', aimed(), { ...steady(95), isFilled: false }, 'hold: starting'],
    ['no data, no change', aimed({ replicas: 5 }), { inflight: 0, isFilled: true }, 'hold: no-data'],
    ['less when less was wanted for long', aimed({ replicas: 5 }), steady(15), 'down 2: below-target'],
    ['only to the most that was wanted', aimed({ replicas: 5 }), steady(15), 'down 3: below-target', 3],
    ['more was wanted lately', aimed({ replicas: 5 }), steady(15), 'hold: peak', 7],
    ['no load at all', aimed({ replicas: 5 }), aLoad(), 'down 1: below-target'],
    ['the least was raised', aimed({ replicas: 1, bounds: { min: 3, max: 10 } }), aLoad(), 'up 3: below-min'],
    [
      'the least was raised, and none answers',
      aimed({ ready: 0, bounds: { min: 3, max: 10 } }),
      aLoad(),
      'up 3: below-min'
    ],
    ['the most was lowered', aimed({ replicas: 9, bounds: { min: 1, max: 4 } }), steady(90), 'down 4: above-max', 9],
    ['a person has set it', aimed({ replicas: 3, isPinned: true }), steady(1000), 'hold: pinned'],
    ['at zero', aimed({ replicas: 0, ready: 0 }), steady(1000), 'hold: at-zero'],

    ['default rule: called much for long', aSubject(), busyFor(5000), 'up 3: busy'],
    ['default rule: called much for a moment', aSubject(), busyFor(4999), 'hold: as-wanted'],
    ['default rule: part of the most, rounded up', aSubject({ scaling: { factor: 1 } }), busyFor(5000), 'up 2: busy'],
    [
      'default rule: a step a while ago',
      aSubject({ replicas: 3, steppedAt: NOW - 29_999 }),
      busyFor(60_000),
      'hold: as-wanted'
    ],
    ['default rule: the next step', aSubject({ replicas: 3, steppedAt: NOW - 30_000 }), busyFor(60_000), 'up 5: busy'],
    ['default rule: the last step', aSubject({ replicas: 9 }), busyFor(60_000), 'up 10: busy'],
    ['default rule: its end', aSubject({ replicas: 5 }), aLoad(), 'down 1: calm'],
    ['default rule: its end is not long ago', aSubject({ replicas: 5 }), aLoad(), 'hold: peak', 5],
    [
      'default rule: switched off by factor',
      aSubject({ replicas: 5, scaling: { factor: 0 } }),
      busyFor(60_000),
      'hold: as-wanted'
    ],
    ['default rule: off, and calm', aSubject({ replicas: 5, scaling: { factor: 0 } }), aLoad(), 'hold: as-wanted'],
    [
      'switched off by least = most',
      aSubject({ replicas: 3, bounds: { min: 3, max: 3 } }),
      busyFor(60_000),
      'hold: as-wanted'
    ],

    ['idle for long: frozen', aSubject({ replicas: 2, scaling: IDLE }), quietFor(60_000), 'freeze 1 frozen: idle'],
    ['idle for less', aSubject({ scaling: IDLE }), quietFor(59_999), 'hold: as-wanted'],
    [
      'idle for long, not to be frozen',
      aSubject({ scaling: { ...IDLE, freezeDurationMs: 0 } }),
      quietFor(60_000),
      'zero 0: idle'
    ],
    ['idle, and not to go to zero', aSubject({ scaling: { ...IDLE, zero: false } }), quietFor(9e6), 'hold: as-wanted'],
    ['idle, and a person has set it', aSubject({ scaling: IDLE, isPinned: true }), quietFor(9e6), 'hold: pinned'],
    ['idle, and none answers', aSubject({ scaling: IDLE, ready: 0 }), quietFor(9e6), 'hold: as-wanted'],
    ['a call runs', aSubject({ scaling: IDLE }), { inflight: 1, isFilled: true }, 'hold: as-wanted'],
    ['frozen for less', aSubject({ scaling: IDLE, frozenAt: NOW - 29_999 }), quietFor(9e6), 'hold: frozen'],
    [
      'frozen for long',
      aSubject({ scaling: IDLE, frozenAt: NOW - 30_000 }),
      quietFor(9e6),
      'zero 0: frozen-long-enough'
    ],
    [
      'called while frozen',
      aSubject({ scaling: IDLE, frozenAt: NOW - 9000 }),
      { ...quietFor(8000), calledAt: NOW - 8000 },
      'thaw 1: called'
    ],
    [
      'a call runs while frozen',
      aSubject({ scaling: IDLE, frozenAt: NOW - 9e6 }),
      { inflight: 1, isFilled: true },
      'thaw 1: called'
    ]
  ]
  for (const [name, subject, load, expected, peak] of cases) {
    it(name, () => {
      expect(told(decided(subject, load, peak))).to.equal(expected)
    })
  }

  it('asks for what it may not add just now, and for nothing more', () => {
    const bounds = { min: 1, max: 99 }
    expect(told(decided(aimed({ replicas: 16, ready: 8, bounds }), steady(990)))).to.equal('hold: rate-limited')
    expect(told(decided(aimed({ replicas: 15, ready: 8, bounds }), steady(990)))).to.equal('up 16: above-target')
  })

  it('goes by the peak as long as that holds, and says so only when less is wanted', () => {
    const demand = { replicas: 2, up: 'above-target', down: 'below-target' } as const
    const by = (replicas: number, until: number) =>
      told(
        decide(
          aimed({ replicas }),
          { load: steady(20), demand, peak: { value: 5, until } },
          { stepMax: STEP_MAX, now: NOW }
        )
      )
    expect(by(5, NOW + 1)).to.equal('hold: peak')
    expect(by(5, NOW)).to.equal('down 2: below-target')
    expect(by(2, NOW + 1)).to.equal('hold: as-wanted')
  })

  it('knows nothing of a load of which one window is not known', () => {
    const { burst: _burst, ...onlyStable } = steady(90)
    const { stable: _stable, ...onlyBurst } = steady(90)
    expect(told(decided(aimed(), onlyStable))).to.equal('hold: no-data')
    expect(told(decided(aimed(), onlyBurst))).to.equal('hold: no-data')
  })

  it('stays frozen after a call that came before it was frozen', () => {
    const frozen = aSubject({ scaling: IDLE, frozenAt: NOW - 9000 })
    expect(told(decided(frozen, { ...quietFor(9000), calledAt: NOW - 9000 }))).to.equal('hold: frozen')
  })

  it('says when time alone may change a decision', () => {
    const until = (subject: Subject, load: Load, peak?: number) => {
      const decision = decided(subject, load, peak)
      return decision.kind === 'hold' && decision.until !== undefined ? decision.until - NOW : undefined
    }
    expect(until(aSubject({ scaling: IDLE }), quietFor(20_000))).to.equal(40_000)
    expect(until(aSubject({ scaling: IDLE, frozenAt: NOW - 10_000 }), quietFor(9e6))).to.equal(20_000)
    expect(until(aimed({ replicas: 5 }), aLoad(), 5)).to.equal(1000)
    expect(until(aimed({ replicas: 5, scaling: IDLE }), quietFor(20_000), 5)).to.equal(1000)
    expect(until(aimed(), aLoad())).to.equal(undefined)
  })
})

describe('decide, whatever the load', () => {
  const scaling = fc.record({
    target: fc.option(fc.double({ min: 0.1, max: 500, noNaN: true }), { nil: undefined }),
    proportion: fc.double({ min: 0.1, max: 1, noNaN: true }),
    factor: fc.integer({ min: 0, max: 100 }),
    zero: fc.boolean()
  })
  const subjects = fc
    .record({
      scaling,
      bounds: fc.tuple(fc.integer({ min: 1, max: 20 }), fc.integer({ min: 0, max: 20 })),
      replicas: fc.integer({ min: 0, max: 50 }),
      ready: fc.integer({ min: 0, max: 50 }),
      isPinned: fc.boolean(),
      sinceStep: fc.integer({ min: 0, max: 100_000 })
    })
    .map(({ scaling: { target, ...said }, bounds: [min, more], sinceStep, ...rest }) =>
      aSubject({
        ...rest,
        scaling: { ...said, ...(target === undefined ? {} : { target }) },
        bounds: { min, max: min + more },
        ready: Math.min(rest.ready, rest.replicas),
        steppedAt: NOW - sinceStep
      })
    )
  const amount = fc.double({ min: 0, max: 10_000, noNaN: true })
  const loads = fc
    .record({
      inflight: fc.integer({ min: 0, max: 9 }),
      quiet: fc.integer({ min: 0, max: 2_000_000 }),
      stable: fc.option(amount, { nil: undefined }),
      burst: amount,
      over: fc.option(fc.integer({ min: 0, max: 100_000 }), { nil: undefined }),
      isFilled: fc.boolean()
    })
    .map(
      ({ inflight, quiet, stable, burst, over, isFilled }): Load => ({
        ...{ inflight, isFilled },
        ...(inflight > 0 ? {} : { quietSince: NOW - quiet }),
        ...(stable === undefined ? {} : { stable, burst }),
        ...(over === undefined ? {} : { overSince: NOW - over })
      })
    )
  const peaks = fc.option(fc.integer({ min: 0, max: 60 }), { nil: undefined })
  const countAfter = (subject: Subject, decision: Decision) =>
    decision.kind === 'hold' ? subject.replicas : decision.replicas

  it('stays within the bounds, or is at zero, or left to a person', () => {
    fc.assert(
      fc.property(subjects, loads, peaks, (subject, load, peak) => {
        const decision = decided(subject, load, peak)
        if (decision.kind === 'hold') return
        expect(subject.isPinned || subject.replicas === 0).to.equal(false)
        if (decision.direction === 'zero') expect(decision.replicas).to.equal(0)
        else expect(decision.replicas).to.be.within(subject.bounds.min, subject.bounds.max)
      })
    )
  })

  it('goes to zero, or freezes, only what is idle, may, and has no call', () => {
    fc.assert(
      fc.property(subjects, loads, peaks, (subject, load, peak) => {
        const decision = decided(subject, load, peak)
        if (decision.kind === 'hold' || (decision.direction !== 'zero' && decision.direction !== 'freeze')) return
        expect(load.inflight).to.equal(0)
        expect(subject.scaling.zero).to.equal(true)
        expect(NOW - (load.quietSince ?? NOW)).to.be.at.least(subject.scaling.zeroDurationMs)
      })
    )
  })

  it('changes nothing within the bounds without data', () => {
    fc.assert(
      fc.property(subjects, peaks, (subject, peak) => {
        fc.pre(subject.scaling.target !== undefined)
        fc.pre(subject.replicas >= subject.bounds.min && subject.replicas <= subject.bounds.max)
        expect(decided(subject, { inflight: 1, isFilled: true }, peak).kind).to.equal('hold')
      })
    )
  })

  it('never gives fewer replicas for more load', () => {
    const factor = fc.double({ min: 1, max: 50, noNaN: true })
    fc.assert(
      fc.property(subjects, loads, peaks, factor, (subject, load, peak, more) => {
        fc.pre(load.stable !== undefined && load.inflight > 0)
        const heavier = { ...load, stable: (load.stable ?? 0) * more, burst: (load.burst ?? 0) * more }
        expect(countAfter(subject, decided(subject, heavier, peak))).to.be.at.least(
          countAfter(subject, decided(subject, load, peak))
        )
      })
    )
  })

  it('adds at most as many as are ready, or a step', () => {
    fc.assert(
      fc.property(subjects, loads, peaks, (subject, load, peak) => {
        const decision = decided(subject, load, peak)
        if (decision.kind === 'hold' || decision.reason !== 'above-target') return
        expect(decision.replicas - subject.ready).to.be.at.most(Math.max(subject.ready, STEP_MAX))
      })
    )
  })

  it('comes under a constant load to what its formula says, without turning back, and stays', () => {
    const load = fc.double({ min: 0, max: 2000, noNaN: true })
    fc.assert(
      fc.property(load, fc.integer({ min: 1, max: 50 }), (constant, first) => {
        let subject = aimed({ replicas: first, bounds: { min: 1, max: 50 } })
        const counts = [first]
        for (let tick = 0; tick < 20; tick++) {
          const replicas = countAfter(subject, decided(subject, steady(constant)))
          subject = { ...subject, replicas, ready: replicas }
          counts.push(replicas)
        }
        const wanted = Math.max(1, Math.min(50, Math.ceil(constant / 10 - 1e-9)))
        expect(counts.at(-1)).to.equal(wanted)
        expect(counts.at(-2)).to.equal(wanted)
        const sorted = [...counts].sort((a, b) => (first < wanted ? a - b : b - a))
        expect(counts).to.deep.equal(sorted)
      })
    )
  })
})
