import { expect } from 'chai'
import type { Condition, Reason } from '../../api/condition.ts'
import { type FunctionStatus, INITIAL_STATUS, type RestartRecord } from '../../api/function.ts'
import { NOW } from '../../test/helpers/builders.ts'
import { happeningsOf } from './history.ts'

const AT = new Date(NOW).toISOString()

const RECORD: RestartRecord = {
  ordinal: 2,
  count: 1,
  exitCode: 3,
  oomKilled: false,
  started: true,
  container: 'one',
  exitedAt: AT,
  notBefore: AT,
  lastOutput: 'boom'
}

function condition(type: Condition['type'], status: Condition['status'], reason: Reason): Condition {
  return { type, status, reason, message: `because of ${reason}`, lastTransitionTime: AT }
}

function degraded(reason: Reason): Partial<FunctionStatus> {
  return { conditions: [condition('Degraded', 'True', reason)] }
}

function converged(generation: number): Partial<FunctionStatus> {
  return {
    observedGeneration: generation,
    readyReplicas: 2,
    conditions: [condition('Progressing', 'False', 'Converged'), condition('Degraded', 'False', 'AsWanted')]
  }
}

/** `Warning OOMKilled: replica 2 …`, a line for each. */
function told(before: Partial<FunctionStatus>, after: Partial<FunctionStatus>): string[] {
  const happenings = happeningsOf({ ...INITIAL_STATUS, ...before }, { ...INITIAL_STATUS, ...after })
  return happenings.map(({ type, reason, message }) => `${type} ${reason}: ${message}`)
}

describe('happeningsOf', () => {
  it('K2: tells each exit once, with its code and what the replica wrote', () => {
    const known = { restarts: [RECORD] }
    expect(told({}, known)).to.deep.equal(['Warning ReplicaExited: replica 2 exited with code 3; last output: boom'])
    expect(told(known, known)).to.deep.equal([])
    expect(told(known, { restarts: [{ ...RECORD, container: 'two', lastOutput: '' }] })).to.deep.equal([
      'Warning ReplicaExited: replica 2 exited with code 3'
    ])
  })

  it('K1: tells of a replica that ran out of memory', () => {
    expect(told({}, { restarts: [{ ...RECORD, oomKilled: true, exitCode: 137 }] })).to.deep.equal([
      'Warning OOMKilled: replica 2 exited with code 137; last output: boom'
    ])
  })

  it('tells what the engine says of a replica that could not be started', () => {
    expect(told({}, { restarts: [{ ...RECORD, started: false, lastOutput: 'no such file' }] })).to.deep.equal([
      'Warning StartFailed: replica 2 could not be started: no such file'
    ])
  })

  it('tells a fault when it appears and when it becomes another one, not while it lasts', () => {
    const one = 'Warning NameConflict: because of NameConflict'
    expect(told({}, degraded('NameConflict'))).to.deep.equal([one])
    expect(told(degraded('NameConflict'), degraded('NameConflict'))).to.deep.equal([])
    expect(told(degraded('SecretMissing'), degraded('NameConflict'))).to.deep.equal([one])
    const mended = { conditions: [condition('Degraded', 'False', 'NameConflict')] }
    expect(told(mended, degraded('NameConflict'))).to.deep.equal([one])
    expect(told(degraded('NameConflict'), mended)).to.deep.equal([])
  })

  for (const reason of ['ReplicaExited', 'OOMKilled', 'StartFailed'] as const) {
    it(`leaves the fault ${reason} to the event of the exit`, () => {
      expect(told({}, degraded(reason))).to.deep.equal([])
    })
  }

  it('tells when a generation is as wanted, once, and again after trouble', () => {
    const done = (generation: number) => [
      `Normal RolloutComplete: generation ${generation} is as wanted: 2 replicas answer`
    ]
    expect(told({}, converged(1))).to.deep.equal(done(1))
    expect(told(converged(1), converged(1))).to.deep.equal([])
    expect(told(converged(1), converged(2))).to.deep.equal(done(2))
    expect(told(degraded('NameConflict'), converged(1))).to.deep.equal(done(1))
    expect(told(converged(1), { observedGeneration: 2 })).to.deep.equal([])
    expect(told({}, { ...converged(1), readyReplicas: 1 })[0]).to.match(/: 1 replica answers$/)
  })

  it('tells exits before faults', () => {
    expect(
      told({}, { restarts: [RECORD], ...degraded('CrashLoopBackOff') }).map(text => text.split(':')[0])
    ).to.deep.equal(['Warning ReplicaExited', 'Warning CrashLoopBackOff'])
  })
})
