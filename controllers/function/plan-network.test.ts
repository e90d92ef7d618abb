import { expect } from 'chai'
import { aDesired, anObserved, aReplica, NETWORK, NOW } from '../../test/helpers/builders.ts'
import type { Phase } from './observed.ts'
import { planFunction } from './plan.ts'
import { formatPlan } from './step.ts'

const FULL = { ...NETWORK, capacity: 4 }

function some(count: number, hash: string, phase: Phase = 'ready', from = 0) {
  return Array.from({ length: count }, (_, i) => aReplica({ ordinal: from + i, hash, phase }))
}

describe('planFunction, when its network is full', () => {
  const planText = (replicas: ReturnType<typeof some>, wanted = 4) =>
    formatPlan(planFunction(aDesired({ replicas: wanted }), anObserved(replicas, FULL), NOW).steps)

  it('updates with one replica fewer, because there is no room for one more', () => {
    expect(planText(some(4, 'aaaaaaaa'))).to.equal('stop hello-3: outdated')
  })

  it('takes no second one away before the first has a successor that answers', () => {
    const three = some(3, 'aaaaaaaa')
    expect(planText([...three, ...some(1, 'aaaaaaaa', 'exiting', 3)])).to.equal('')
    expect(planText(three)).to.match(/^create hello-\d: [a-z]+\nstart hello-\d: [a-z]+$/m)
    expect(planText([...three, ...some(1, 'bbbbbbbb', 'starting', 3)])).to.equal('')
    expect(planText([...three, ...some(1, 'bbbbbbbb', 'ready', 3)])).to.equal('stop hello-2: outdated')
  })

  it('takes none away while a successor that found room is starting', () => {
    const starting = aReplica({ ordinal: 0, name: 'hello-0', phase: 'starting' })
    const old = some(3, 'aaaaaaaa').map(r => ({ ...r, name: `${r.name}-aaaaaaaa` }))
    expect(
      formatPlan(planFunction(aDesired({ replicas: 3 }), anObserved([...old, starting], FULL), NOW).steps)
    ).to.equal('')
  })

  it('never takes the only replica away', () => {
    const desired = aDesired({ replicas: 1 })
    const observed = anObserved(some(1, 'aaaaaaaa'), { ...NETWORK, capacity: 1 })
    expect(formatPlan(planFunction(desired, observed, NOW).steps)).to.equal('')
  })

  it('leaves all replicas alone when nothing new can be created', () => {
    const desired = aDesired({ replicas: 4, missingSecrets: ['key'] })
    expect(formatPlan(planFunction(desired, anObserved(some(4, 'aaaaaaaa'), FULL), NOW).steps)).to.equal('')
  })
})

describe('planFunction, when its network is too small', () => {
  const desired = aDesired({ replicas: 6, gatewayId: 'gateway' })
  const planText = (members: readonly string[]) =>
    formatPlan(planFunction(desired, anObserved([], { ...FULL, members }), NOW).steps)

  it('makes a larger one, the gateway taken off first and put back', () => {
    expect(planText(['gateway'])).to.match(
      /^disconnect gateway .*\nremove network .*: too small\ncreate network .*\nconnect gateway/
    )
  })

  it('keeps the one that a stranger uses, and fills it', () => {
    expect(planText(['database', 'gateway'])).to.match(/^create hello-0: missing\n(?:.*\n){6}start hello-3: missing$/)
  })
})
