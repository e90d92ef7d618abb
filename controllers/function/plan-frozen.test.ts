import { expect } from 'chai'
import { aDesired, anObserved, aReplica, NOW } from '../../test/helpers/builders.ts'
import type { Desired } from './desired.ts'
import type { Replica } from './observed.ts'
import { planFunction } from './plan.ts'
import { formatStep } from './step.ts'

const FROZEN = { ...aDesired({ replicas: 2 }), frozen: true }
const paused = (overrides: Partial<Replica> = {}) => aReplica({ phase: 'unready', paused: true, ...overrides })

function planOf(replicas: readonly Replica[]) {
  const { steps, endpoints, frozen = [], leaving, requeueAfter } = planFunction(FROZEN, anObserved(replicas), NOW)
  expect(endpoints).to.deep.equal([])
  return { steps: steps.map(formatStep), frozen: frozen.map(({ ordinal }) => ordinal), leaving, requeueAfter }
}

describe('planFunction, of a function that is to be frozen', () => {
  it('freezes what runs, ready or not, and leaves what is frozen', () => {
    const { steps, frozen } = planOf([aReplica({ phase: 'starting' }), paused({ ordinal: 1 })])
    expect([steps, frozen]).to.deep.equal([['freeze hello-0: idle'], [0, 1]])
    expect(planOf([paused(), paused({ ordinal: 1 })]).steps).to.deep.equal([])
  })

  it('X12: leaves a replica running in which calls run, however long, and knows that it takes no more', () => {
    const busy = aReplica({ inflight: 1, leavingSince: NOW - 3_600_000 })
    const { steps, frozen, leaving, requeueAfter } = planOf([busy, paused({ ordinal: 1 })])
    expect([steps, frozen, [...leaving], requeueAfter]).to.deep.equal([[], [0, 1], [busy.id], undefined])
  })

  it('starts and makes nothing, and keeps what ended and what is of another revision', () => {
    const exited = aReplica({ phase: 'exited' })
    const old = paused({ ordinal: 1, hash: 'aaaaaaaa' })
    expect(planOf([exited, old])).to.deep.include({ steps: [], frozen: [1] })
    expect(planOf([])).to.deep.include({ steps: [], frozen: [] })
  })

  it('thaws and stops what is more than wanted, and kills what does not stop', () => {
    const surplus = paused({ ordinal: 2 })
    expect(planOf([paused(), paused({ ordinal: 1 }), surplus]).steps).to.deep.equal([
      'thaw hello-2: to stop',
      'stop hello-2: surplus'
    ])
    const stopping = aReplica({ phase: 'exiting', stoppingSince: NOW - 4000, name: 'hello-0-old' })
    expect(planOf([paused(), paused({ ordinal: 1 }), stopping]).requeueAfter).to.equal(6000)
  })

  it('removes what ended because it was asked to', () => {
    const stopped = aReplica({ phase: 'exited', stoppingSince: NOW - 4000 })
    expect(planOf([stopped, paused({ ordinal: 1 })]).steps).to.deep.equal(['remove hello-0: surplus'])
  })

  it('looks again at an image that is pulled, or that could not be, and at none that is there', () => {
    const due = (image: Desired['image']) =>
      planFunction({ ...FROZEN, image }, anObserved([paused()]), NOW).requeueAfter
    expect(due({ state: 'pulling', currentBytes: 0, totalBytes: 0 })).to.equal(2000)
    expect(due({ state: 'failed', fault: 'unavailable', message: 'no', retryAt: NOW + 7000 })).to.equal(7000)
    expect(planOf([paused(), paused({ ordinal: 1 })]).requeueAfter).to.equal(undefined)
  })

  it('gives a replica its name back', () => {
    const renamed = paused({ ordinal: 1, name: 'renamed' })
    expect(planOf([paused(), renamed]).steps).to.deep.equal(['rename renamed to hello-1: renamed'])
  })
})
