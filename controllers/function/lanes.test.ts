import { expect } from 'chai'
import { aDesired, aFunction, anObserved, aReplica, NOW } from '../../test/helpers/builders.ts'
import type { Desired } from './desired.ts'
import { type Lane, lanesOf } from './lanes.ts'
import type { Replica } from './observed.ts'
import { planFunction } from './plan.ts'
import { formatStep, isReplicaStep } from './step.ts'

const OLD = 'aaaaaaaa'

/** The lanes of the plan, as text. */
function lanes(desired: Desired, replicas: readonly Replica[]) {
  const { coming, reviving, going } = lanesOf(
    planFunction(desired, anObserved(replicas), NOW).steps.filter(isReplicaStep)
  )
  const texts = (each: readonly Lane[]) => each.map(lane => lane.map(formatStep).join(', '))
  return { coming: texts(coming), reviving: texts(reviving), going: texts(going) }
}

describe('lanesOf', () => {
  it('S26: removes an outdated replica that never ran whether or not its successor comes', () => {
    const stale = aReplica({ hash: OLD, phase: 'created' })
    expect(lanes(aDesired(), [stale])).to.deep.equal({
      coming: ['rename hello-0 to hello-0-aaaaaaaa: makes room, create hello-0: outdated, start hello-0: outdated'],
      reviving: [],
      going: ['remove hello-0: outdated']
    })
    expect(lanes(aDesired(), [{ ...stale, name: `hello-0-${OLD}` }])).to.deep.equal({
      coming: ['create hello-0: outdated, start hello-0: outdated'],
      reviving: [],
      going: ['remove hello-0-aaaaaaaa: outdated']
    })
  })

  it('S26: removes a duplicate that never ran whether or not the other one starts', () => {
    const [one, other] = ['hello-0', 'copy'].map(name => aReplica({ name, id: `id-${name}`, phase: 'created' }))
    expect(
      lanes(
        aDesired(),
        [one, other].filter(replica => replica !== undefined)
      )
    ).to.deep.equal({
      coming: ['start id-hello-0: not started'],
      reviving: [],
      going: ['remove copy: duplicate']
    })
  })

  it('creates a replica only when the one that exited has made room', () => {
    const exited = aReplica({ phase: 'exited', container: { exitCode: 1 } })
    expect(lanes(aDesired(), [exited])).to.deep.equal({
      coming: [
        'remove hello-0: exited with code 1, create hello-0: exited with code 1, start hello-0: exited with code 1'
      ],
      reviving: [],
      going: []
    })
  })

  it('starts replicas of several ordinals side by side', () => {
    const desired = aDesired({ fn: aFunction({ replicas: 2 }) })
    expect(lanes(desired, []).coming).to.deep.equal([
      'create hello-0: missing, start hello-0: missing',
      'create hello-1: missing, start hello-1: missing'
    ])
  })
})
