import { expect } from 'chai'
import { getCondition } from '../../api/condition.ts'
import type { FunctionObject, RestartRecord } from '../../api/function.ts'
import { EngineError } from '../../src/engine/faults.ts'
import { aDesired, aFunction, anObserved, aReplica, NETWORK, NOW } from '../../test/helpers/builders.ts'
import type { Desired, ImageStatus } from './desired.ts'
import { NameConflictError, SubnetsExhaustedError } from './faults.ts'
import type { Observed } from './observed.ts'
import { statusOf } from './status.ts'
import { troubleOf } from './trouble.ts'

const OLD = 'aaaaaaaa'

interface Situation {
  readonly object?: FunctionObject
  readonly desired?: Desired
  readonly observed?: Observed | undefined
  readonly failure?: unknown
  readonly now?: number
}

function statusIn(situation: Situation) {
  return statusOf({ object: aFunction(), desired: aDesired(), now: NOW, ...situation })
}

/** `Ready=True ReplicasReady, Progressing=False Converged, Degraded=False AsWanted`. */
function conditionsIn(situation: Situation): string {
  return statusIn(situation)
    .conditions.map(c => `${c.type}=${c.status} ${c.reason}`)
    .join(', ')
}

function without(image: ImageStatus): Desired {
  const { hash: _, ...desired } = aDesired({ image })
  return desired
}

const RECORD: RestartRecord = {
  ordinal: 0,
  count: 3,
  exitCode: 1,
  oomKilled: false,
  started: true,
  container: 'id-hello-0',
  exitedAt: new Date(NOW - 1000).toISOString(),
  notBefore: new Date(NOW + 3000).toISOString(),
  lastOutput: 'boom'
}

describe('statusOf', () => {
  const situations: readonly [title: string, situation: Situation, conditions: string][] = [
    [
      'everything is as wanted',
      { observed: anObserved([aReplica()]) },
      'Ready=True ReplicasReady, Progressing=False Converged, Degraded=False AsWanted'
    ],
    [
      'nothing answers yet',
      { observed: anObserved([aReplica({ phase: 'starting' })]) },
      'Ready=False WaitingForReadiness, Progressing=True WaitingForReadiness, Degraded=False AsWanted'
    ],
    [
      'the image is being pulled',
      { desired: without({ state: 'pulling', currentBytes: 1, totalBytes: 2 }), observed: anObserved() },
      'Ready=False WaitingForReadiness, Progressing=True ImagePulling, Degraded=False AsWanted'
    ],
    [
      'a new revision starts beside the old one',
      { observed: anObserved([aReplica({ phase: 'starting' }), aReplica({ hash: OLD, name: 'old' })]) },
      'Ready=True ReplicasReady, Progressing=True RollingOut, Degraded=False AsWanted'
    ],
    [
      'replicas are being scaled down',
      { observed: anObserved([aReplica(), aReplica({ ordinal: 1, phase: 'exiting' })]) },
      'Ready=True ReplicasReady, Progressing=True Scaling, Degraded=False AsWanted'
    ],
    [
      'nothing is wanted and nothing is there',
      { desired: aDesired({ fn: aFunction({ replicas: 0 }) }), observed: anObserved([]) },
      'Ready=True ScaledToZero, Progressing=False Converged, Degraded=False AsWanted'
    ],
    [
      'the function is being deleted',
      {
        desired: aDesired({ fn: aFunction({ deletionRequestedAt: new Date(NOW).toISOString() }) }),
        observed: anObserved([aReplica()])
      },
      'Ready=False Deleting, Progressing=True Deleting, Degraded=False AsWanted'
    ],
    [
      'the image is not there and an old revision serves',
      {
        desired: without({ state: 'failed', fault: 'no-image', message: 'no', retryAt: NOW }),
        observed: anObserved([aReplica({ hash: OLD })])
      },
      'Ready=True ReplicasReady, Progressing=False ImageNotFound, Degraded=True ImageNotFound'
    ],
    [
      'the registry wants credentials',
      {
        desired: without({ state: 'failed', fault: 'unauthorized', message: 'no', retryAt: NOW }),
        observed: anObserved()
      },
      'Ready=False ImagePullUnauthorized, Progressing=False ImagePullUnauthorized, Degraded=True ImagePullUnauthorized'
    ],
    [
      'a replica keeps exiting',
      { desired: aDesired({ restarts: [RECORD] }), observed: anObserved([aReplica({ phase: 'exited' })]) },
      'Ready=False CrashLoopBackOff, Progressing=False CrashLoopBackOff, Degraded=True CrashLoopBackOff'
    ],
    [
      'a replica ran out of memory',
      {
        desired: aDesired({ restarts: [{ ...RECORD, count: 1, oomKilled: true, exitCode: 137 }] }),
        observed: anObserved([aReplica({ phase: 'exited' })])
      },
      'Ready=False OOMKilled, Progressing=False OOMKilled, Degraded=True OOMKilled'
    ],
    [
      'a replica cannot be started',
      {
        desired: aDesired({ restarts: [{ ...RECORD, started: false, lastOutput: 'no such file' }] }),
        observed: anObserved([aReplica({ phase: 'exited' })])
      },
      'Ready=False StartFailed, Progressing=False StartFailed, Degraded=True StartFailed'
    ],
    [
      'a replica that exited was replaced and answers',
      { desired: aDesired({ restarts: [RECORD] }), observed: anObserved([aReplica()]) },
      'Ready=True ReplicasReady, Progressing=False Converged, Degraded=False AsWanted'
    ],
    [
      'a replica runs and does not answer in time',
      {
        observed: anObserved([aReplica({ phase: 'starting', probeError: 'connect ECONNREFUSED' })]),
        now: NOW + 60_000
      },
      'Ready=False ReadinessTimeout, Progressing=False ReadinessTimeout, Degraded=True ReadinessTimeout'
    ],
    [
      'a secret is missing',
      { desired: aDesired({ missingSecrets: ['db'] }), observed: anObserved() },
      'Ready=False SecretMissing, Progressing=False SecretMissing, Degraded=True SecretMissing'
    ],
    [
      'the network is a stranger’s',
      { observed: anObserved([], { ...NETWORK, ours: false }) },
      'Ready=False NameConflict, Progressing=False NameConflict, Degraded=True NameConflict'
    ],
    [
      'the network is too small',
      {
        desired: aDesired({ fn: aFunction({ replicas: 4 }) }),
        observed: anObserved([aReplica()], { ...NETWORK, capacity: 2 })
      },
      'Ready=True ReplicasReady, Progressing=False NetworkTooSmall, Degraded=True NetworkTooSmall'
    ],
    [
      'somebody else is on a network that leads where the function may not go',
      {
        desired: aDesired({ isolation: { level: 'baseline', egress: 'none' } }),
        observed: anObserved([aReplica()], { ...NETWORK, members: ['id-hello-0', 'stranger'] })
      },
      'Ready=True ReplicasReady, Progressing=False NetworkBusy, Degraded=True NetworkBusy'
    ],
    [
      'the engine does not answer',
      { failure: new EngineError('container_list', 'unavailable', 'connect ENOENT') },
      'Ready=Unknown EngineUnreachable, Progressing=Unknown EngineUnreachable, Degraded=True EngineUnreachable'
    ]
  ]
  for (const [title, situation, conditions] of situations) {
    it(`tells that ${title}`, () => {
      expect(conditionsIn(situation)).to.equal(conditions)
    })
  }

  const failures: readonly [failure: unknown, reason: string][] = [
    [new NameConflictError('container', 'hello-0'), 'NameConflict'],
    [new SubnetsExhaustedError(28), 'SubnetsExhausted'],
    [new EngineError('container_start', 'other', 'exec format error'), 'StartFailed'],
    [new EngineError('container_start', 'port-in-use', 'port is taken'), 'PortInUse'],
    [new EngineError('container_create', 'no-space', 'disk is full'), 'DiskPressure'],
    [new EngineError('container_start', 'bridge-full', 'exchange full'), 'BridgeFull'],
    [new EngineError('container_create', 'other', 'what'), 'EngineError'],
    [new TypeError('a bug'), 'InternalError']
  ]
  for (const [failure, reason] of failures) {
    it(`gives ${reason} for a pass that ended with ${(failure as Error).message}`, () => {
      expect(conditionsIn({ failure, observed: anObserved([]) })).to.contain(`Degraded=True ${reason}`)
    })
  }

  it('speaks of the generation that the pass planned for', () => {
    const object = aFunction({ generation: 7 })
    const planned = aDesired({ fn: aFunction({ generation: 6 }) })
    expect(statusIn({ object, desired: planned, observed: anObserved() }).observedGeneration).to.equal(6)
  })

  it('counts all containers, the ready ones and the outdated ones', () => {
    const observed = anObserved([
      aReplica(),
      aReplica({ name: 'old', hash: OLD }),
      aReplica({ ordinal: 1, phase: 'starting' })
    ])
    const { replicas, readyReplicas, outdatedReplicas } = statusIn({ observed })
    expect({ replicas, readyReplicas, outdatedReplicas }).to.deep.equal({
      replicas: 3,
      readyReplicas: 2,
      outdatedReplicas: 1
    })
  })

  it('keeps the counts and the image of before when the engine could not be read', () => {
    const before = statusIn({ observed: anObserved([aReplica()]) })
    const object = { ...aFunction(), status: before }
    const after = statusIn({ object, failure: new EngineError('container_list', 'timeout', 'late') })
    expect(after.readyReplicas).to.equal(1)
    expect(after.image).to.deep.equal(before.image)
  })

  it('changes lastTransitionTime only with the status of a condition', () => {
    const first = statusIn({ observed: anObserved([aReplica()]) })
    const later = NOW + 5000
    const same = statusIn({ object: { ...aFunction(), status: first }, observed: anObserved([aReplica()]), now: later })
    const gone = statusIn({ object: { ...aFunction(), status: first }, observed: anObserved([]), now: later })
    expect(getCondition(same.conditions, 'Ready')?.lastTransitionTime).to.equal(new Date(NOW).toISOString())
    expect(getCondition(gone.conditions, 'Ready')?.lastTransitionTime).to.equal(new Date(later).toISOString())
  })

  it('shows where debuggers listen', () => {
    const ports = [
      { containerPort: 5678, address: '127.0.0.1', hostPort: 32768 },
      { containerPort: 8080, address: '0.0.0.0', hostPort: 80 }
    ]
    expect(statusIn({ observed: anObserved([aReplica({ container: { ports } })]) }).debugPorts).to.deep.equal([
      { ordinal: 0, containerPort: 5678, address: '127.0.0.1', hostPort: 32768 }
    ])
  })

  it('says in the message why a replica exits, what it wrote and when it is tried again', () => {
    const desired = aDesired({ restarts: [RECORD] })
    const { conditions } = statusIn({ desired, observed: anObserved([aReplica({ phase: 'exited' })]) })
    expect(getCondition(conditions, 'Degraded')?.message).to.equal(
      `replica 0 exited with code 1, 3 times in a row; next start at ${RECORD.notBefore}; last output: boom`
    )
  })
})

describe('troubleOf', () => {
  const exited = anObserved([aReplica({ phase: 'exited' })])
  const backingOff = (seconds: number) =>
    aDesired({ restarts: [{ ...RECORD, notBefore: new Date(NOW + seconds * 1000).toISOString() }] })

  it('is what keeps a function from coming up soon', () => {
    expect(troubleOf(aDesired({ missingSecrets: ['db'] }), anObserved(), NOW)).to.equal('SecretMissing')
    const image = { state: 'failed', fault: 'no-image', message: '', retryAt: NOW } as const
    expect(troubleOf(without(image), anObserved(), NOW)).to.equal('ImageNotFound')
    expect(troubleOf(backingOff(6), exited, NOW)).to.equal('CrashLoopBackOff')
  })

  it('is nothing as long as waiting helps', () => {
    expect(troubleOf(aDesired(), anObserved([aReplica({ phase: 'starting' })]), NOW)).to.equal(undefined)
    expect(troubleOf(backingOff(5), exited, NOW)).to.equal(undefined)
  })
})
