import { expect } from 'chai'
import { type ConditionType, getCondition } from '../../api/condition.ts'
import type { RestartRecord } from '../../api/function.ts'
import { EngineError } from '../../src/engine/faults.ts'
import { aDesired, aFunction, anObserved, aReplica, NETWORK, NOW } from '../../test/helpers/builders.ts'
import type { Desired, ImageStatus } from './desired.ts'
import type { PassResult } from './pass-result.ts'
import { statusOf } from './status.ts'
import { troubleOf } from './trouble.ts'

type Situation = Partial<PassResult>

function statusIn(situation: Situation) {
  return statusOf({ object: aFunction(), desired: aDesired(), now: NOW, ...situation })
}

function message(type: ConditionType, situation: Situation): string | undefined {
  return getCondition(statusIn(situation).conditions, type)?.message
}

function withoutHash(image: ImageStatus): Desired {
  const { hash: _, ...desired } = aDesired({ image })
  return desired
}

function anExit(overrides: Partial<RestartRecord> = {}): RestartRecord {
  return {
    ordinal: 0,
    count: 1,
    exitCode: 1,
    oomKilled: false,
    started: true,
    container: 'id-hello-0',
    exitedAt: new Date(NOW - 1000).toISOString(),
    notBefore: new Date(NOW).toISOString(),
    lastOutput: '',
    ...overrides
  }
}

const starting = aReplica({ phase: 'starting' })
const deleted = aFunction({ deletionRequestedAt: new Date(NOW).toISOString() })
const halfPulled = withoutHash({ state: 'pulling', currentBytes: 1.5 * 2 ** 20, totalBytes: 20 * 2 ** 20 })
const pulling = withoutHash({ state: 'pulling', currentBytes: 0, totalBytes: 0 })

describe('the messages of a status', () => {
  const messages: readonly [type: ConditionType, situation: Situation, message: string][] = [
    ['Ready', { observed: anObserved([aReplica()]) }, '1 of 1 replicas answer'],
    ['Ready', { observed: anObserved([starting]) }, 'no replica answers yet'],
    ['Ready', { desired: aDesired({ fn: deleted }), observed: anObserved([]) }, 'deletion was asked for'],
    ['Ready', { desired: aDesired({ replicas: 0 }), observed: anObserved([]) }, 'no replica is wanted'],
    ['Progressing', { observed: anObserved([aReplica()]) }, 'everything is as wanted'],
    ['Progressing', { observed: anObserved([starting]) }, '0 of 1 replicas are as wanted and answer'],
    ['Progressing', { desired: pulling, observed: anObserved([]) }, 'the image is being pulled'],
    ['Progressing', { desired: halfPulled, observed: anObserved([]) }, 'the image is being pulled: 1.5 of 20.0 MiB'],
    [
      'Progressing',
      { desired: aDesired({ fn: deleted }), observed: anObserved([aReplica()]) },
      '1 replicas are left to remove'
    ],
    ['Degraded', { observed: anObserved([aReplica()]) }, 'nothing is wrong'],
    ['Degraded', {}, 'the engine could not be read'],
    [
      'Degraded',
      { desired: aDesired({ missingSecrets: ['a', 'b'] }), observed: anObserved([]) },
      'secrets are missing: a, b; create them'
    ],
    [
      'Degraded',
      { observed: anObserved([], { ...NETWORK, ours: false }) },
      'network test-net-hello is not ours; remove or rename it'
    ],
    [
      'Degraded',
      { desired: aDesired({ replicas: 3 }), observed: anObserved([], { ...NETWORK, capacity: 2 }) },
      'network test-net-hello holds 2 replicas; scale to 0 and back to get a larger one'
    ]
  ]
  for (const [type, situation, text] of messages) {
    it(`say in ${type}: ${text}`, () => {
      expect(message(type, situation)).to.equal(text)
    })
  }

  const exits: readonly [record: Partial<RestartRecord>, message: string][] = [
    [{}, 'replica 0 exited with code 1'],
    [{ oomKilled: true }, 'replica 0 was killed for lack of memory'],
    [{ started: false, lastOutput: 'no such file' }, 'replica 0 could not be started; the engine says: no such file'],
    [
      { started: false, lastOutput: 'adding interface veth1 to bridge br-1 failed: exchange full' },
      'replica 0 could not be started; the engine says: adding interface veth1 to bridge br-1 failed: exchange full; ' +
        'the bridge of its network takes no more interfaces, of which Linux allows 1023: ask for fewer replicas'
    ],
    [
      { started: false, lastOutput: 'mkdir x: no space left on device' },
      "replica 0 could not be started; the engine says: mkdir x: no space left on device; free space on the engine's " +
        'disk, or remove images'
    ],
    [{ count: 2, lastOutput: 'boom' }, 'replica 0 exited with code 1, 2 times in a row; last output: boom']
  ]
  for (const [record, text] of exits) {
    it(`say of an exit: ${text}`, () => {
      const desired = aDesired({ restarts: [anExit(record)] })
      expect(message('Degraded', { desired, observed: anObserved([]) })).to.equal(text)
    })
  }

  it('K13: say since when a replica has not answered, and why when it is known', () => {
    const since = new Date(NOW - 60_000).toISOString()
    const late = (probeError?: string) =>
      anObserved([
        aReplica({ phase: 'starting', phaseSince: NOW - 60_000, ...(probeError === undefined ? {} : { probeError }) })
      ])
    const text = `replica hello-0 has not answered since ${since}`
    expect(message('Degraded', { observed: late() })).to.equal(text)
    expect(message('Degraded', { observed: late('answered 500') })).to.equal(`${text} (answered 500)`)
  })

  it('name the engine that does not answer, and a failure of any other kind', () => {
    const away = new EngineError('container_list', 'unavailable', 'connect ENOENT')
    expect(message('Ready', { failure: away })).to.equal('connect ENOENT')
    expect(message('Degraded', { failure: new Error('a bug'), observed: anObserved([aReplica()]) })).to.equal('a bug')
  })
})

describe('statusOf, in detail', () => {
  const reason = (type: ConditionType, situation: Situation) =>
    getCondition(statusIn(situation).conditions, type)?.reason

  it('says Unknown when the engine went away after it was read', () => {
    const away = new EngineError('container_start', 'unavailable', 'connect ENOENT')
    const [ready] = statusIn({ failure: away, observed: anObserved([aReplica()]) }).conditions
    expect(ready).to.include({ status: 'Unknown', reason: 'EngineUnreachable' })
  })

  it('keeps what it said of readiness when one call has no answer of an engine that answers others', () => {
    const late = new EngineError('container_list', 'timeout', 'timed out', { isEngineThere: true })
    const before = statusIn({ observed: anObserved([aReplica()]) })
    const object = { ...aFunction(), status: before }
    const { conditions } = statusIn({ failure: late, object })
    expect(conditions.map(c => `${c.type}=${c.status} ${c.reason}`)).to.deep.equal([
      'Ready=True ReplicasReady',
      'Progressing=False Converged',
      'Degraded=True EngineError'
    ])
    expect(reason('Ready', { failure: late })).to.equal('EngineError')
  })

  it('gives the reason of what stopped a pass that never read the engine', () => {
    expect(reason('Ready', { failure: new Error('a bug') })).to.equal('InternalError')
    expect(reason('Ready', {})).to.equal('EngineUnreachable')
  })

  it('keeps hash and image of the pinned revision, and the image of before while the next one is pulled', () => {
    const pinned = statusIn({ observed: anObserved([]) })
    expect(pinned).to.include({ specHash: 'bbbbbbbb' })
    expect(pinned.image?.id).to.equal('sha256:image')
    const next = statusIn({ object: { ...aFunction(), status: pinned }, desired: pulling, observed: anObserved([]) })
    expect(next).to.not.have.property('specHash')
    expect(next.image).to.deep.equal(pinned.image)
    expect(statusIn({ desired: pulling, observed: anObserved([]) })).to.not.have.property('image')
  })

  it('counts containers of an earlier function of the name as there, and as nothing else', () => {
    const strangers = [aReplica({ uid: 'uid-0' }), aReplica({ uid: 'uid-0', hash: 'aaaaaaaa', name: 'old' })]
    const { replicas, readyReplicas, outdatedReplicas } = statusIn({ observed: anObserved(strangers) })
    expect([replicas, readyReplicas, outdatedReplicas]).to.deep.equal([2, 0, 0])
    expect(reason('Progressing', { observed: anObserved([aReplica(), ...strangers]) })).to.equal('Scaling')
  })

  it('takes nothing for outdated or as wanted while the image is not known', () => {
    const { outdatedReplicas, conditions } = statusIn({ desired: pulling, observed: anObserved([aReplica()]) })
    expect(outdatedReplicas).to.equal(0)
    expect(getCondition(conditions, 'Progressing')?.reason).to.equal('ImagePulling')
  })

  it('takes a frozen function for as wanted when its image is known, and not before', () => {
    const observed = anObserved([aReplica({ phase: 'unready', paused: true })])
    expect(reason('Progressing', { desired: { ...pulling, frozen: true }, observed })).to.equal('ImagePulling')
    expect(reason('Progressing', { desired: { ...aDesired(), frozen: true }, observed })).to.equal('Converged')
  })

  it('finds no fault with a network that is just large enough, nor with any while no replica is wanted', () => {
    const small = { ...NETWORK, capacity: 1 }
    expect(reason('Degraded', { observed: anObserved([aReplica()], small) })).to.equal('AsWanted')
    const none = aDesired({ replicas: 0 })
    expect(reason('Degraded', { desired: none, observed: anObserved([], { ...NETWORK, ours: false }) })).to.equal(
      'AsWanted'
    )
    expect(reason('Degraded', { observed: anObserved([aReplica()], null) })).to.equal('AsWanted')
  })

  it('K2: tells of the ordinal that exited most often, of wanted ones only', () => {
    const restarts = [anExit({ count: 1 }), anExit({ ordinal: 1, count: 5 }), anExit({ ordinal: 2, count: 9 })]
    const desired = aDesired({ replicas: 2, restarts })
    expect(message('Degraded', { desired, observed: anObserved([]) })).to.contain('replica 1 exited')
    expect(reason('Degraded', { desired, observed: anObserved([]) })).to.equal('CrashLoopBackOff')
    const once = aDesired({ restarts: [anExit()] })
    expect(reason('Degraded', { desired: once, observed: anObserved([]) })).to.equal('ReplicaExited')
  })

  it('takes an exit for made good by a ready replica of its own ordinal only', () => {
    const desired = aDesired({ replicas: 2, restarts: [anExit()] })
    const other = aReplica({ ordinal: 1 })
    expect(reason('Degraded', { desired, observed: anObserved([other]) })).to.equal('ReplicaExited')
    expect(reason('Degraded', { desired, observed: anObserved([aReplica(), other]) })).to.equal('AsWanted')
  })

  it('K13: blames no replica for its silence that is outdated, of another function, or has answered', () => {
    const late = { phase: 'starting', phaseSince: NOW - 60_000 } as const
    for (const replica of [
      aReplica({ ...late, hash: 'aaaaaaaa' }),
      aReplica({ ...late, uid: 'uid-0' }),
      aReplica({ ...late, phase: 'unready' }),
      aReplica({ ...late, phaseSince: NOW - 59_999 })
    ]) {
      expect(reason('Degraded', { observed: anObserved([replica]) })).to.equal('AsWanted')
    }
  })

  it('P2: shows no debugger port that is not bound', () => {
    const ports = [{ containerPort: 5678, address: '127.0.0.1', hostPort: 0 }]
    expect(statusIn({ observed: anObserved([aReplica({ container: { ports } })]) }).debugPorts).to.deep.equal([])
  })
})

describe('troubleOf, in detail', () => {
  it('is every fault that lasts until somebody mends it', () => {
    const failed = (fault: 'unauthorized' | 'unavailable' | 'no-space') =>
      troubleOf(withoutHash({ state: 'failed', fault, message: '', retryAt: NOW }), anObserved([]), NOW)
    expect(failed('unauthorized')).to.equal('ImagePullUnauthorized')
    expect(failed('unavailable')).to.equal('ImagePullFailed')
    expect(failed('no-space')).to.equal('DiskPressure')
    expect(troubleOf(aDesired(), anObserved([], { ...NETWORK, ours: false }), NOW)).to.equal('NameConflict')
    const late = aReplica({ phase: 'starting', phaseSince: NOW - 60_000 })
    expect(troubleOf(aDesired(), anObserved([late]), NOW)).to.equal('ReadinessTimeout')
  })

  it('is the back-off of one replica among several', () => {
    const soon = anExit({ ordinal: 1, count: 2 })
    const late = anExit({ count: 3, notBefore: new Date(NOW + 60_000).toISOString() })
    expect(troubleOf(aDesired({ replicas: 2, restarts: [late, soon] }), anObserved([]), NOW)).to.equal(
      'CrashLoopBackOff'
    )
  })
})
