import { expect } from 'chai'
import { aDesired, aFunction, anObserved, aReplica, NETWORK, NOW, POLICY } from '../../test/helpers/builders.ts'
import type { Replica } from './observed.ts'
import { planFunction } from './plan.ts'
import { statusOf } from './status.ts'
import { formatPlan } from './step.ts'

const CLOSED = aDesired({ fn: aFunction({ annotations: { 'com.docker-faas.egress': 'none' } }) })
const on = (...replicas: Replica[]) => anObserved(replicas, { ...NETWORK, members: replicas.map(({ id }) => id) })

describe('a function whose network leads where it may not go', () => {
  it('S9: takes no new calls until those that run have ended', () => {
    const busy = planFunction(CLOSED, on(aReplica({ inflight: 1 })), NOW)
    expect([formatPlan(busy.steps), busy.endpoints.length, [...busy.leaving]]).to.deep.equal(['', 0, ['id-hello-0']])
    expect(busy.requeueAfter).to.equal(POLICY.drainMs)
    const idle = planFunction(CLOSED, on(aReplica()), NOW)
    expect([formatPlan(idle.steps), idle.requeueAfter]).to.deep.equal(['', 0])
  })

  it('S9: is taken off it then, or when they have had their time', () => {
    const step = 'disconnect id-hello-0: moves, as egress is open, and none is wanted'
    const left = planFunction(CLOSED, on(aReplica({ leavingSince: NOW })), NOW)
    expect([formatPlan(left.steps), left.endpoints.length, left.leaving.size]).to.deep.equal([step, 0, 1])
    const late = aReplica({ inflight: 1, leavingSince: NOW - POLICY.drainMs })
    expect(formatPlan(planFunction(CLOSED, on(late), NOW).steps)).to.equal(step)
  })

  it('S9: waits for the last of its replicas, and takes in none of those that are idle by then', () => {
    const idle = aReplica({ leavingSince: NOW - 1 })
    const late = aReplica({ ordinal: 1, id: 'id-hello-1', name: 'hello-1' })
    const plan = planFunction(CLOSED, on(idle, late), NOW)
    expect([formatPlan(plan.steps), [...plan.leaving].sort()]).to.deep.equal(['', ['id-hello-0', 'id-hello-1']])
    const after = planFunction(CLOSED, on(idle, { ...late, leavingSince: NOW }), NOW)
    expect(after.steps.map(({ kind }) => kind)).to.deep.equal(['disconnect-replica', 'disconnect-replica'])
  })

  it('S9: comes to another one in its place', () => {
    const { address: _, ...off } = aReplica({ phase: 'starting' })
    const { steps } = planFunction(CLOSED, anObserved([off]), NOW)
    expect(formatPlan(steps)).to.equal(
      [
        'remove network test-net-hello: moves, as egress is open, and none is wanted',
        'create network test-net-hello: missing',
        'connect id-hello-0: not on its network'
      ].join('\n')
    )
  })

  it('stays on it while somebody else is there, or while the function may not be at all', () => {
    const shared = anObserved([aReplica()], { ...NETWORK, members: ['id-hello-0', 'foreign'] })
    expect(planFunction(CLOSED, shared, NOW)).to.deep.include({ steps: [] })
    const refusal = { reason: 'PolicyViolation', message: '' } as const
    const refused = { ...CLOSED, isolation: { ...CLOSED.isolation, refusal } }
    const plan = planFunction(refused, on(aReplica()), NOW)
    expect([plan.steps, plan.endpoints.length]).to.deep.equal([[], 1])
  })
})

describe('the status of a function that moves to another network', () => {
  it('S9: is not converged before it is there', () => {
    const conditions = (network: typeof NETWORK) =>
      statusOf({ object: aFunction(), desired: CLOSED, observed: anObserved([aReplica()], network), now: NOW })
        .conditions
    const progressing = (network: typeof NETWORK) => conditions(network).find(({ type }) => type === 'Progressing')
    expect(progressing(NETWORK)).to.include({ status: 'True', reason: 'RollingOut' })
    expect(progressing(NETWORK)?.message).to.contain('egress none')
    expect(progressing({ ...NETWORK, egress: 'none' })).to.include({ status: 'False', reason: 'Converged' })
  })
})
