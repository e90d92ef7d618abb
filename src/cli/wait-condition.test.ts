import { expect } from 'chai'
import { type Condition, needsPerson, REASONS, type Reason } from '../../api/condition.ts'
import type { FunctionObject } from '../../api/function.ts'
import { aFunction } from '../../test/helpers/builders.ts'
import { describeProgress, isSettled, isStuck } from './client/settled.ts'
import { parseFor } from './wait-condition.ts'

const at = '2026-01-01T00:00:00.000Z'
const condition = (type: Condition['type'], status: Condition['status'], reason: Condition['reason']): Condition => ({
  ...{ type, status, reason, message: `it is ${reason}`, lastTransitionTime: at }
})

const READY = [condition('Ready', 'True', 'ReplicasReady'), condition('Progressing', 'False', 'Converged')]
const ROLLING = [condition('Ready', 'True', 'ReplicasReady'), condition('Progressing', 'True', 'RollingOut')]

function standing(conditions: Condition[], rest: Partial<FunctionObject['status']> = {}): FunctionObject {
  const fn = aFunction({ replicas: 3 })
  return { ...fn, status: { ...fn.status, observedGeneration: fn.metadata.generation, conditions, ...rest } }
}

describe('what --for waits for', () => {
  const isMet = (text: string, object: FunctionObject | undefined) => parseFor(text).isMet(object)

  it('is a condition that speaks of the generation that is wanted now', () => {
    expect(isMet('condition=Ready', standing(READY))).to.equal(true)
    expect(isMet('condition=ready=true', standing(READY))).to.equal(true)
    expect(isMet('condition=Ready=False', standing(READY))).to.equal(false)
    expect(isMet('condition=Progressing=False', standing(READY))).to.equal(true)
    expect(isMet('condition=Ready', standing(READY, { observedGeneration: 0 }))).to.equal(false)
    expect(isMet('condition=Degraded=False', standing(READY))).to.equal(false)
  })

  it('is never met by one that is being deleted, or is not there', () => {
    const object = standing(READY)
    const dying = { ...object, metadata: { ...object.metadata, deletionRequestedAt: at } }
    expect(isMet('condition=Ready', dying)).to.equal(false)
    expect(isMet('condition=Ready', undefined)).to.equal(false)
  })

  it('is that a function is gone', () => {
    expect(isMet('delete', standing(READY))).to.equal(false)
    expect(isMet('delete', undefined)).to.equal(true)
  })

  it('is a value of the object, or that there is one', () => {
    const object = standing(READY, { readyReplicas: 2 })
    expect(isMet('jsonpath={.status.readyReplicas}=2', object)).to.equal(true)
    expect(isMet('jsonpath=.status.readyReplicas=3', object)).to.equal(false)
    expect(isMet("jsonpath={.status['conditions'][0].type}=Ready", object)).to.equal(true)
    expect(isMet('jsonpath={.spec.image}', object)).to.equal(true)
    expect(isMet('jsonpath={.spec.constructor}', object)).to.equal(false)
    expect(isMet('jsonpath={.spec.nothing.there}', object)).to.equal(false)
  })

  for (const text of ['Ready', 'condition=Happy', 'condition=Ready=maybe', 'jsonpath=x', 'jsonpath={..x}', '']) {
    it(`is not ${JSON.stringify(text)}`, () => {
      expect(() => parseFor(text))
        .to.throw()
        .with.property('exitCode', 2)
    })
  }
})

describe('how far a function is', () => {
  const cases: [title: string, object: FunctionObject, settled: boolean, words: RegExp][] = [
    ['as wanted', standing(READY, { readyReplicas: 3 }), true, /^3 of 3 replicas ready$/],
    [
      'replaced',
      standing(ROLLING, { readyReplicas: 3, outdatedReplicas: 1 }),
      false,
      /3 ready, 1 outdated|1 outdated: RollingOut: it is/
    ],
    ['not looked at', standing(READY, { observedGeneration: 0 }), false, /was not looked at yet/],
    ['broken', standing([...ROLLING, condition('Degraded', 'True', 'ImageNotFound')]), false, /: ImageNotFound: it is/],
    ['without a replica', standing([condition('Ready', 'False', 'WaitingForReadiness')]), false, /WaitingForReadiness/]
  ]
  for (const [title, object, settled, words] of cases) {
    it(`is told of one that is ${title}`, () => {
      expect(isSettled(object)).to.equal(settled)
      expect(describeProgress(object)).to.match(words)
    })
  }
})

describe('what waiting does not help', () => {
  const PASSING: readonly Reason[] = [
    ...(['ReplicasReady', 'ScaledToZero', 'Frozen', 'Converged', 'AsWanted'] as const),
    ...(['Reconciling', 'ImagePulling', 'WaitingForReadiness', 'RollingOut', 'Scaling', 'Deleting'] as const),
    ...([
      'ImagePullFailed',
      'DiskPressure',
      'CrashLoopBackOff',
      'OOMKilled',
      'ReplicaExited',
      'LivenessFailed'
    ] as const),
    ...([
      'ReadinessTimeout',
      'StartFailed',
      'SubnetsExhausted',
      'SubnetConflict',
      'BridgeFull',
      'NetworkBusy'
    ] as const),
    ...(['PortInUse', 'DebugPortsExhausted', 'DebugPortsExposed', 'NetworkOutsidePool'] as const),
    ...(['EngineUnreachable', 'EngineError', 'InternalError'] as const)
  ]
  const failed = (reason: Reason) => [
    condition('Ready', 'False', reason),
    condition('Progressing', 'False', reason),
    condition('Degraded', 'True', reason)
  ]

  it('is decided for every reason', () => {
    expect(REASONS.filter(reason => !needsPerson(reason))).to.have.members(PASSING)
  })

  it('is what a person has to mend, of the generation that is wanted now, where a replica is wanted', () => {
    expect(isStuck(standing(failed('SecretMissing')))).to.equal(true)
    expect(isStuck(standing(failed('CrashLoopBackOff')))).to.equal(false)
    expect(isStuck(standing(failed('SecretMissing'), { observedGeneration: 0 }))).to.equal(false)
    const idle = standing([...READY, condition('Degraded', 'True', 'SecretMissing')])
    expect(isStuck({ ...idle, spec: { ...idle.spec, replicas: 0 } })).to.equal(false)
  })

  it('is an update that cannot be, though old replicas serve on: it is not as wanted', () => {
    const fault = [condition('Progressing', 'False', 'ImageNotFound'), condition('Degraded', 'True', 'ImageNotFound')]
    const object = standing([condition('Ready', 'True', 'ReplicasReady'), ...fault], { readyReplicas: 3 })
    expect([isSettled(object), isStuck(object)]).to.deep.equal([false, true])
  })

  it('ends what waits for a function to be well, and nothing else', () => {
    const object = standing(failed('ImageNotFound'))
    const isHopeless = (text: string) => parseFor(text).isHopeless(object)
    expect(['condition=Ready', 'condition=Degraded=False'].map(isHopeless)).to.deep.equal([true, true])
    const others = ['condition=Ready=Unknown', 'condition=Progressing', 'delete', 'jsonpath={.status.readyReplicas}=3']
    expect(others.map(isHopeless)).to.deep.equal([false, false, false, false])
    expect(parseFor('condition=Ready').isHopeless(undefined)).to.equal(false)
  })
})
