import { expect } from 'chai'
import { LEGACY_HASH } from '../../api/legacy.ts'
import { aDesired, anObserved, aReplica, NETWORK, NOW } from '../../test/helpers/builders.ts'
import type { Desired } from './desired.ts'
import type { Observed } from './observed.ts'
import { planFunction } from './plan.ts'
import { formatPlan } from './step.ts'

function planText(desired: Desired, observed: Observed, now = NOW): string {
  return formatPlan(planFunction(desired, observed, now).steps)
}

function lines(...text: string[]): string {
  return text.join('\n')
}

describe('planFunction', () => {
  describe('what the older program left', () => {
    const LEGACY = { ...NETWORK, legacy: true } as const
    const aLegacy = (ordinal: number, overrides: Parameters<typeof aReplica>[0] = {}) =>
      aReplica({ ordinal, hash: LEGACY_HASH, legacy: true, ...overrides })
    const aside = (ordinal: number, overrides: Parameters<typeof aReplica>[0] = {}) =>
      aLegacy(ordinal, { name: `hello-${ordinal}-legacy`, ...overrides })
    const names = (replicas: readonly { readonly name: string }[]) => replicas.map(r => r.name)
    const two = aDesired({ replicas: 2 })

    it('serves, and its name is moved aside for the first of ours', () => {
      const plan = planFunction(two, anObserved([aLegacy(0), aLegacy(1)], LEGACY), NOW)
      expect(formatPlan(plan.steps)).to.equal(
        lines(
          'rename hello-0 to hello-0-legacy: makes room',
          'create hello-0: of the older program',
          'start hello-0: of the older program'
        )
      )
      expect(names(plan.endpoints)).to.deep.equal(['hello-0', 'hello-1'])
    })

    it('serves on until one of ours is ready', () => {
      const replicas = [aReplica({ phase: 'starting' }), aside(0), aLegacy(1)]
      const plan = planFunction(two, anObserved(replicas, LEGACY), NOW)
      expect(plan.steps).to.deep.equal([])
      expect(names(plan.endpoints)).to.deep.equal(['hello-0-legacy', 'hello-1'])
    })

    it('goes one by one: the one whose successor is ready, while the next one of ours starts', () => {
      const plan = planFunction(two, anObserved([aReplica(), aside(0), aLegacy(1)], LEGACY), NOW)
      expect(formatPlan(plan.steps)).to.equal(
        lines(
          'rename hello-1 to hello-1-legacy: makes room',
          'create hello-1: of the older program',
          'start hello-1: of the older program',
          'stop hello-0-legacy: of the older program'
        )
      )
      expect(names(plan.endpoints)).to.deep.equal(['hello-0', 'hello-1'])
    })

    it('is stopped only after its calls have ended, and then removed', () => {
      const leaving = (rest: object) => [aReplica(), aReplica({ ordinal: 1 }), aside(0, rest)]
      expect(planText(two, anObserved(leaving({ inflight: 1, leavingSince: NOW }), LEGACY))).to.equal('')
      expect(planText(two, anObserved(leaving({ phase: 'exited' }), LEGACY))).to.equal(
        'remove hello-0-legacy: of the older program'
      )
    })

    for (const phase of ['starting', 'unready'] as const) {
      it(`is let alone while it is ${phase} and ours are fewer than wanted, for it may be serving`, () => {
        const replicas = [aReplica({ phase: 'starting' }), aside(0, { phase }), aLegacy(1, { phase })]
        const plan = planFunction(two, anObserved(replicas, LEGACY), NOW)
        expect(formatPlan(plan.steps)).not.to.match(/stop|remove/)
        expect(plan.leaving).to.deep.equal(new Set())
        const ready = [aReplica(), aReplica({ ordinal: 1 }), aside(0, { phase })]
        expect(planText(two, anObserved(ready, LEGACY))).to.equal('stop hello-0-legacy: of the older program')
      })
    }

    it('serves while the image of its successor is not there', () => {
      const { hash: _, ...unresolved } = aDesired({ image: { state: 'pulling', currentBytes: 0, totalBytes: 0 } })
      const plan = planFunction(unresolved, anObserved([aLegacy(0)], LEGACY), NOW)
      expect(plan.steps).to.deep.equal([])
      expect(names(plan.endpoints)).to.deep.equal(['hello-0'])
    })

    it('has its network used as it is while a replica is on it', () => {
      expect(planText(aDesired(), anObserved([aReplica()], LEGACY))).to.equal('')
    })

    it('has its network removed when nothing is on it, and replaced when replicas are wanted', () => {
      expect(planText(aDesired({ replicas: 0 }), anObserved([], LEGACY))).to.equal(
        'remove network test-net-hello: of the older program'
      )
      const attached = { ...LEGACY, members: ['gateway'] }
      expect(planText(aDesired({ gatewayId: 'gateway' }), anObserved([], attached))).to.equal(
        lines(
          'disconnect gateway from test-net-hello: of the older program',
          'remove network test-net-hello: of the older program',
          'create network test-net-hello: missing',
          'connect gateway to test-net-hello: not attached',
          'create hello-0: missing',
          'start hello-0: missing'
        )
      )
    })

    it('has its network left alone, and used, while a stranger is on it', () => {
      const shared = { ...LEGACY, members: ['stranger'] }
      expect(planText(aDesired({ replicas: 0 }), anObserved([], shared))).to.equal('')
      expect(planText(aDesired(), anObserved([], shared))).to.equal(
        lines('create hello-0: missing', 'start hello-0: missing')
      )
    })

    it('goes when its function is deleted, and its network after it', () => {
      const deleting = aDesired({ deleting: true, replicas: 0 })
      expect(planText(deleting, anObserved([aLegacy(0)], LEGACY))).to.equal('stop hello-0: function deleted')
      const last = planFunction(deleting, anObserved([], LEGACY), NOW)
      expect(formatPlan(last.steps)).to.equal('remove network test-net-hello: function deleted')
      expect(last.finished).to.equal(false)
    })
  })
})
