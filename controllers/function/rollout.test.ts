import { expect } from 'chai'
import { LEGACY_HASH } from '../../api/legacy.ts'
import { aDesired, anObserved, aReplica, NETWORK, NOW } from '../../test/helpers/builders.ts'
import type { Desired } from './desired.ts'
import type { Observed, Replica } from './observed.ts'
import { decideRollout, isUpToDate, surgeOf } from './rollout.ts'

const OLD = 'aaaaaaaa'

/** What stays, comes and goes, each as names or ordinals. */
function decided(desired: Desired, observed: Observed, now = NOW) {
  const { kept, create, leave } = decideRollout(desired, observed, now)
  return {
    kept: [...kept.values()].map(r => r.id),
    create: create.map(({ ordinal, cause }) => `${ordinal} ${cause}`),
    leave: leave.map(({ replica, cause }) => `${replica.id} ${cause}`)
  }
}

/** Two replicas of ordinal 0, in both orders of observation: which one is kept. */
function better(a: Replica, b: Replica): string[] {
  const kept = ([first, second]: [Replica, Replica]) => decided(aDesired(), anObserved([first, second])).kept
  return [...kept([a, b]), ...kept([b, a])]
}

const exitedAt = (ordinal: number, seconds: number) => ({
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

describe('surgeOf', () => {
  it('is a quarter, at least one', () => {
    expect([0, 1, 4, 7, 8, 11, 12].map(surgeOf)).to.deep.equal([1, 1, 1, 1, 2, 2, 3])
  })
})

describe('isUpToDate', () => {
  const derived = { memory: false, cpu: false }
  const limits = (container: Partial<Replica['container']>) =>
    isUpToDate(aDesired({ limits: { memoryBytes: 1024, nanoCpus: 500, derived } }), aReplica({ container }))

  it('K10: sees that somebody changed the memory or the processors', () => {
    expect(limits({ memoryBytes: 1024, nanoCpus: 500 })).to.equal(true)
    expect(limits({ memoryBytes: 2048, nanoCpus: 500 })).to.equal(false)
    expect(limits({ memoryBytes: 1024, nanoCpus: 501 })).to.equal(false)
  })

  it('asks for no limit that the kernel cannot set', () => {
    expect(limits({ memoryBytes: 0, memoryUnlimitable: true, nanoCpus: 500 })).to.equal(true)
    expect(limits({ memoryBytes: 0, nanoCpus: 500 })).to.equal(false)
  })
})

describe('decideRollout, of two replicas of one ordinal', () => {
  const phases = ['ready', 'unready', 'starting', 'created', 'exited'] as const
  for (const [i, phase] of phases.slice(0, -1).entries()) {
    const next = phases[i + 1] ?? 'exited'
    it(`K12: keeps the one that is ${phase} before the one that is ${next}, whatever their names`, () => {
      const worse = aReplica({ phase: next, id: 'worse' })
      expect(better(aReplica({ phase, id: 'better', name: 'renamed' }), worse)).to.deep.equal(['better', 'better'])
    })
  }

  it('K12: keeps the one with the name of its own when both do as well', () => {
    expect(better(aReplica({ id: 'z' }), aReplica({ id: 'a', name: 'twin' }))).to.deep.equal(['z', 'z'])
  })

  it('K12: keeps the older one when both do as well, and the lesser id when both are as old', () => {
    const twin = (id: string, createdAt: number) => aReplica({ id, name: `twin-${id}`, container: { createdAt } })
    expect(better(twin('z', NOW - 1), twin('a', NOW))).to.deep.equal(['z', 'z'])
    expect(better(twin('z', NOW), twin('a', NOW))).to.deep.equal(['a', 'a'])
  })

  it('D12: keeps none that is on its way out, and makes a successor when the name is free', () => {
    for (const phase of ['exiting', 'removing'] as const) {
      const { kept, create } = decided(aDesired(), anObserved([aReplica({ phase, name: 'hello-0-moved' })]))
      expect(kept, phase).to.deep.equal([])
      expect(create, phase).to.deep.equal(['0 missing'])
    }
  })
})

describe('decideRollout, creating', () => {
  it('D12: waits for a name whose holder is being removed, or can be moved to no free name', () => {
    expect(decided(aDesired(), anObserved([aReplica({ phase: 'removing' })])).create).to.deep.equal([])
    const old = aReplica({ hash: OLD })
    const inTheWay = aReplica({ hash: OLD, ordinal: 7, name: `hello-0-${OLD}` })
    expect(decided(aDesired(), anObserved([old, inTheWay])).create).to.deep.equal([])
    expect(decided(aDesired(), anObserved([old])).create).to.deep.equal(['0 outdated'])
  })

  it('takes the name of one that exited, though its other name is taken', () => {
    const exited = aReplica({ hash: OLD, phase: 'exited' })
    const inTheWay = aReplica({ hash: OLD, ordinal: 7, name: `hello-0-${OLD}` })
    expect(decided(aDesired(), anObserved([exited, inTheWay])).create).to.deep.equal(['0 outdated'])
  })

  it('K1: says what the one before died of', () => {
    const died = (container: Partial<Replica['container']>) =>
      decided(aDesired(), anObserved([aReplica({ phase: 'exited', container })])).create
    expect(died({ exitCode: 3 })).to.deep.equal(['0 exited with code 3'])
    expect(died({ exitCode: 137, oomKilled: true })).to.deep.equal(['0 exited with code 137, out of memory'])
  })

  it('K2: fills an ordinal at the very end of its back-off', () => {
    const desired = aDesired({ restarts: [exitedAt(0, 5)] })
    const observed = anObserved([aReplica({ phase: 'exited' })])
    expect(decided(desired, observed, NOW + 4999).create).to.deep.equal([])
    expect(decided(desired, observed, NOW + 5000).create).to.have.length(1)
  })

  it('gives the cause of the ordinal’s own predecessor', () => {
    const observed = anObserved([aReplica({ hash: OLD, ordinal: 1, phase: 'unready' })])
    expect(decided(aDesired({ replicas: 2 }), observed).create).to.deep.equal(['0 missing', '1 outdated'])
  })

  it('counts no place in the network for one that exited', () => {
    const observed = anObserved([aReplica({ phase: 'exited' })], { ...NETWORK, capacity: 1 })
    expect(decided(aDesired(), observed).create).to.have.length(1)
  })

  it('starts all at once when no outdated replica serves', () => {
    const old = [0, 1, 2, 3].map(ordinal => aReplica({ hash: OLD, ordinal, phase: 'unready' }))
    expect(decided(aDesired({ replicas: 4 }), anObserved(old)).create).to.have.length(4)
  })

  it('creates nothing, and takes nothing for outdated, while the image is not known', () => {
    const { hash: _, ...unknown } = aDesired({ replicas: 2 })
    expect(decided(unknown, anObserved([aReplica({ hash: OLD })]))).to.deep.equal({
      kept: ['id-hello-0'],
      create: [],
      leave: []
    })
  })
})

describe('decideRollout, taking away', () => {
  it('lets the outdated one go first whose ordinal has a ready successor, then the highest', () => {
    const replicas = [
      aReplica({ ordinal: 0 }),
      aReplica({ ordinal: 0, hash: OLD, id: 'old-0', name: 'old-0' }),
      aReplica({ ordinal: 1, hash: OLD, id: 'old-1' })
    ]
    const { leave } = decided(aDesired({ replicas: 2 }), anObserved(replicas))
    expect(leave).to.deep.equal(['old-0 outdated'])
  })

  it('lets one go whose ordinal is not wanted any more before one that is', () => {
    const replicas = [
      aReplica({ ordinal: 1, hash: OLD, id: 'old-1' }),
      aReplica({ ordinal: 2, hash: OLD, id: 'old-2' }),
      aReplica({ ordinal: 0 })
    ]
    expect(decided(aDesired({ replicas: 2 }), anObserved(replicas)).leave).to.deep.equal(['old-2 outdated'])
  })

  it('lets one that is exiting go on exiting, also when it is of the right revision', () => {
    const stopping = aReplica({ phase: 'exiting', name: 'hello-0-moved', id: 'stopping' })
    expect(decided(aDesired(), anObserved([aReplica(), stopping])).leave).to.deep.equal(['stopping stopping'])
  })

  it('makes room in a full network of two, of a replica that is ready', () => {
    const old = [0, 1].map(ordinal => aReplica({ hash: OLD, ordinal, id: `old-${ordinal}` }))
    const full = { ...NETWORK, capacity: 2 }
    expect(decided(aDesired({ replicas: 2 }), anObserved(old, full)).leave).to.deep.equal(['old-1 outdated'])
  })

  it('makes no room while fewer serve than are wanted, for one replica alone, or on a stranger’s network', () => {
    const full = { ...NETWORK, capacity: 2 }
    const old = aReplica({ hash: OLD, id: 'old-0' })
    const ill = aReplica({ hash: OLD, ordinal: 1, phase: 'unready', id: 'old-1' })
    const other = aReplica({ hash: OLD, ordinal: 1, uid: 'uid-0', id: 'other' })
    const room = (replicas: number, all: Replica[], network = full) =>
      decided(aDesired({ replicas }), anObserved(all, network)).leave.filter(text => text.startsWith('old-0'))
    expect(room(2, [old, ill])).to.deep.equal([])
    expect(room(2, [old, other])).to.deep.equal([])
    expect(room(1, [old], { ...NETWORK, capacity: 1 })).to.deep.equal([])
    const second = aReplica({ hash: OLD, ordinal: 1, id: 'old-1' })
    expect(room(2, [old, second], { ...full, ours: false })).to.deep.equal([])
  })

  it('makes no room while one of the new revision is not ready', () => {
    const replicas = [
      aReplica({ ordinal: 0, phase: 'starting' }),
      aReplica({ ordinal: 1, hash: OLD, id: 'old-1' }),
      aReplica({ ordinal: 0, hash: OLD, id: 'old-0', name: 'old-0' })
    ]
    const full = { ...NETWORK, capacity: 3 }
    expect(decided(aDesired({ replicas: 2 }), anObserved(replicas, full)).leave).to.deep.equal([])
  })

  it('removes an outdated replica that does not serve at once, but not one of the older program that may', () => {
    const starting = (hash: string) =>
      aReplica({ hash, phase: 'starting', id: 'old', ...(hash === LEGACY_HASH ? { legacy: true as const } : {}) })
    expect(decided(aDesired(), anObserved([starting(OLD)])).leave).to.deep.equal(['old outdated'])
    expect(decided(aDesired(), anObserved([starting(LEGACY_HASH)])).leave).to.deep.equal([])
    const settled = [aReplica({ name: 'hello-0' }), { ...starting(LEGACY_HASH), name: 'hello-0-legacy' }]
    expect(decided(aDesired(), anObserved(settled)).leave).to.deep.equal(['old of the older program'])
  })
})
