import { expect } from 'chai'
import { aDesired, aFunction, anObserved, aReplica, NETWORK, NOW } from '../../test/helpers/builders.ts'
import type { Desired } from './desired.ts'
import type { Observed } from './observed.ts'
import { planFunction } from './plan.ts'
import { formatPlan } from './step.ts'

const OLD = 'aaaaaaaa'

function due(desired: Desired, observed: Observed): number | undefined {
  return planFunction(desired, observed, NOW).requeueAfter
}

function steps(desired: Desired, observed: Observed): string[] {
  const text = formatPlan(planFunction(desired, observed, NOW).steps)
  return text === '' ? [] : text.split('\n')
}

const waiting = (ordinal: number, seconds: number) => ({
  ordinal,
  count: 1,
  exitCode: 1,
  oomKilled: false,
  started: true,
  container: 'x',
  exitedAt: new Date(NOW).toISOString(),
  notBefore: new Date(NOW + seconds * 1000).toISOString(),
  lastOutput: ''
})

describe('planFunction, coming back', () => {
  it('looks again after a pull whose end may have been missed', () => {
    const { hash: _, ...pulling } = aDesired({ image: { state: 'pulling', currentBytes: 0, totalBytes: 0 } })
    expect(due(pulling, anObserved([]))).to.equal(2000)
  })

  it('looks when a starting replica has had its time', () => {
    const late = aReplica({ phase: 'starting', phaseSince: NOW - 10_000 })
    expect(due(aDesired(), anObserved([late]))).to.equal(50_000)
    expect(due(aDesired(), anObserved([{ ...late, phaseSince: NOW - 60_000 }]))).to.equal(undefined)
  })

  it('K14: looks when the grace of one that is stopping is over', () => {
    const stopping = aReplica({ phase: 'exiting', stoppingSince: NOW - 4000, name: 'hello-0-old', hash: OLD })
    expect(due(aDesired(), anObserved([aReplica(), stopping]))).to.equal(6000)
  })

  it('looks when the time for the calls of one that leaves is over, whoever else leaves without calls', () => {
    const leaving = aReplica({ ordinal: 1, inflight: 1, leavingSince: NOW - 50_000 })
    const exited = aReplica({ ordinal: 2, phase: 'exited', leavingSince: NOW - 55_000 })
    expect(due(aDesired(), anObserved([aReplica(), leaving, exited]))).to.equal(10_000)
  })

  it('K2: looks at the earliest end of a back-off, of ordinals that are empty', () => {
    const desired = aDesired({ replicas: 3, restarts: [waiting(0, 9), waiting(1, 7), waiting(2, 3)] })
    const exited = [0, 1].map(ordinal => aReplica({ ordinal, phase: 'exited' }))
    expect(due(desired, anObserved([...exited, aReplica({ ordinal: 2 })]))).to.equal(7000)
    expect(due(desired, anObserved([aReplica(), aReplica({ ordinal: 1 })]))).to.equal(3000)
  })

  it('does not come back for what is due now', () => {
    expect(due(aDesired({ restarts: [waiting(0, 0)] }), anObserved([aReplica({ phase: 'exited' })]))).to.equal(
      undefined
    )
  })
})

describe('planFunction, in detail', () => {
  it('D12: does nothing about a replica that the engine is removing', () => {
    const removing = aReplica({ phase: 'removing', ordinal: 1 })
    expect(steps(aDesired(), anObserved([aReplica(), removing]))).to.deep.equal([])
  })

  it('K5: thaws a paused replica that leaves, as it cannot end before', () => {
    const paused = aReplica({ hash: OLD, phase: 'unready', paused: true, name: 'hello-0-old' })
    expect(steps(aDesired(), anObserved([aReplica(), paused]))).to.deep.equal([
      'thaw hello-0-old: to stop',
      'stop hello-0-old: outdated'
    ])
  })

  it('removes one that exited under a wanted name once, also when it is outdated', () => {
    const { container, ...exited } = aReplica({ hash: OLD, phase: 'exited' })
    const { startedAt: _, ...neverStarted } = container
    const observed = anObserved([{ ...exited, container: neverStarted }])
    expect(steps(aDesired(), observed)).to.deep.equal([
      'remove hello-0: outdated',
      'create hello-0: outdated',
      'start hello-0: outdated'
    ])
  })

  it('gives its name back to no replica that has it, or that exited', () => {
    const exited = aReplica({ phase: 'exited', name: 'renamed' })
    expect(steps(aDesired(), anObserved([exited])).filter(text => text.startsWith('rename'))).to.deep.equal([])
    expect(steps(aDesired(), anObserved([aReplica()]))).to.deep.equal([])
  })

  it('K8: connects what runs, in any phase, and nothing that does not', () => {
    const { address: _, ...lost } = aReplica()
    for (const phase of ['starting', 'ready', 'unready'] as const) {
      expect(steps(aDesired(), anObserved([{ ...lost, phase }])), phase).to.deep.equal([
        'connect id-hello-0: not on its network'
      ])
    }
    expect(steps(aDesired(), anObserved([{ ...lost, phase: 'exiting', name: 'x' }])).join()).to.not.contain('connect')
  })

  it('sends calls to replicas that are ready, reachable and its own', () => {
    const { address: _, ...lost } = aReplica({ ordinal: 1, id: 'lost' })
    const replicas = [aReplica({ id: 'good' }), lost, aReplica({ ordinal: 2, uid: 'uid-0', id: 'other' })]
    const plan = planFunction(aDesired({ replicas: 3 }), anObserved(replicas), NOW)
    expect(plan.endpoints.map(r => r.id)).to.deep.equal(['good'])
  })

  it('leaves a network alone that is just large enough, and that of a function at zero', () => {
    expect(steps(aDesired(), anObserved([aReplica()], { ...NETWORK, capacity: 1 }))).to.deep.equal([])
    const exact = { ...NETWORK, capacity: 2 }
    expect(steps(aDesired({ replicas: 2 }), anObserved([], exact))[0]).to.equal('create hello-0: missing')
    expect(steps(aDesired({ replicas: 0 }), anObserved([], exact))).to.deep.equal([])
    expect(steps(aDesired({ replicas: 0 }), anObserved([], null))).to.deep.equal([])
  })

  it('N7: detaches the gateway only where it is attached', () => {
    const fn = aFunction({ deletionRequestedAt: new Date(NOW).toISOString() })
    const gone = (members: string[], gatewayId?: string) =>
      steps(
        aDesired({ fn, ...(gatewayId === undefined ? {} : { gatewayId }) }),
        anObserved([], { ...NETWORK, members })
      )
    expect(gone(['gw'], 'gw').map(text => text.split(' ')[0])).to.deep.equal(['disconnect', 'remove'])
    expect(gone([], 'gw').map(text => text.split(' ')[0])).to.deep.equal(['remove'])
    expect(gone(['other']).map(text => text.split(' ')[0])).to.deep.equal(['remove'])
  })

  it('N5: is finished though a stranger has a network of its name, not while a replica is left', () => {
    const fn = aFunction({ deletionRequestedAt: new Date(NOW).toISOString() })
    const finished = (observed: Observed) => planFunction(aDesired({ fn }), observed, NOW).finished
    expect(finished(anObserved([], { ...NETWORK, ours: false }))).to.equal(true)
    expect(finished(anObserved([aReplica({ phase: 'removing' })], null))).to.equal(false)
  })
})
