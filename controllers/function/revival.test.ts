import { expect } from 'chai'
import fc from 'fast-check'
import type { RestartRecord } from '../../api/function.ts'
import { aDesired, aFunction, anObserved, aReplica, NETWORK, NOW } from '../../test/helpers/builders.ts'
import { Loop } from '../../test/helpers/loop.ts'
import type { Desired } from './desired.ts'
import type { Observed, Replica } from './observed.ts'
import { planFunction } from './plan.ts'
import { decideRevival, restartable } from './revival.ts'
import { formatPlan } from './step.ts'

const OLD = 'aaaaaaaa'
const ATTACHED = { 'test-net-hello': { networkId: NETWORK.id, ipAddress: '' } }

function planText(desired: Desired, observed: Observed, now = NOW): string {
  return formatPlan(planFunction(desired, observed, now).steps)
}

/** An old replica that exited after it ran for a second. */
function aDead(overrides: Partial<Replica> = {}, ranMs = 1000): Replica {
  const container = { startedAt: NOW - ranMs, finishedAt: NOW, exitCode: 137, networks: ATTACHED }
  return aReplica({ hash: OLD, name: `hello-0-${OLD}`, phase: 'exited', ...overrides, container })
}

/** What is wanted while the image of the new revision is not there. */
function aWaiting(overrides: Parameters<typeof aDesired>[0] = {}): Desired {
  const { hash: _, ...desired } = aDesired({
    image: { state: 'pulling', currentBytes: 0, totalBytes: 0 },
    ...overrides
  })
  return desired
}

function aRecord(overrides: Partial<RestartRecord> = {}): RestartRecord {
  return {
    ordinal: 0,
    count: 1,
    exitCode: 1,
    oomKilled: false,
    started: true,
    container: 'id-hello-0',
    exitedAt: new Date(NOW - 500).toISOString(),
    notBefore: new Date(NOW + 500).toISOString(),
    lastOutput: '',
    ...overrides
  }
}

describe('an old replica that exited before its successor is ready', () => {
  const starting = aReplica({ phase: 'starting' })

  it('is started again while the image of the new revision is not there', () => {
    expect(planText(aWaiting(), anObserved([aDead({ name: 'hello-0' })]))).to.equal(
      'start hello-0: exited with code 137, and its image is not there'
    )
  })

  it('is started again while its successor starts, and while that cannot start', () => {
    const text = `start hello-0-${OLD}: exited with code 137, and its successor is not ready`
    expect(planText(aDesired(), anObserved([aDead(), starting]))).to.equal(text)
    const desired = aDesired({ restarts: [aRecord()] })
    expect(planText(desired, anObserved([aDead(), aReplica({ phase: 'exited' })]))).to.equal(text)
  })

  it('keeps the place it has, so that its successor gets the canonical name', () => {
    expect(planText(aDesired(), anObserved([aDead({ name: 'hello-0' })])).split('\n')).to.deep.equal([
      'start hello-0: exited with code 137, and its successor is not ready',
      `rename hello-0 to hello-0-${OLD}: makes room`,
      'create hello-0: outdated',
      'start hello-0: outdated'
    ])
  })

  it('waits for its back-off, and the function comes back then', () => {
    const plan = planFunction(aDesired({ outdatedRestarts: [aRecord()] }), anObserved([aDead(), starting]), NOW)
    expect([formatPlan(plan.steps), plan.requeueAfter]).to.deep.equal(['', 500])
    expect(planText(aDesired({ outdatedRestarts: [aRecord()] }), anObserved([aDead(), starting]), NOW + 500)).to.match(
      /^start hello-0-/
    )
  })

  it('may start though it has not answered yet, when it was started again', () => {
    const old = aReplica({ hash: OLD, name: `hello-0-${OLD}`, id: 'revived', phase: 'starting' })
    const outdatedRestarts = [aRecord({ container: 'revived' })]
    expect(planText(aDesired({ outdatedRestarts }), anObserved([old, starting]))).to.equal('')
    expect(planText(aDesired(), anObserved([old, starting]))).to.equal(`stop hello-0-${OLD}: outdated`)
  })

  it('is attached to its network first when that was made anew', () => {
    const lost = aDead()
    const observed = anObserved([{ ...lost, container: { ...lost.container, networks: {} } }, starting])
    expect(planText(aDesired(), observed)).to.equal(
      [
        `connect id-hello-0-${OLD}: not on its network`,
        `start hello-0-${OLD}: exited with code 137, and its successor is not ready`
      ].join('\n')
    )
  })

  it('goes once its successor is ready, or when it was asked to stop, never ran, or is not wanted', () => {
    const gone = `remove hello-0-${OLD}: outdated`
    expect(planText(aDesired(), anObserved([aDead(), aReplica()]))).to.equal(gone)
    expect(planText(aDesired(), anObserved([aDead({ stoppingSince: NOW }), starting]))).to.equal(gone)
    const { startedAt: _, ...neverRan } = aDead().container
    expect(planText(aDesired(), anObserved([{ ...aDead(), container: neverRan }, starting]))).to.equal(gone)
    expect(planText(aDesired({ replicas: 0 }), anObserved([aDead()]))).to.equal(gone)
  })

  it('goes when a new one waits for its room', () => {
    const olds = [
      aReplica({ ordinal: 1, hash: OLD }),
      aReplica({ hash: OLD, name: `hello-0-${OLD}`, phase: 'unready' })
    ]
    const desired = aDesired({ replicas: 2 })
    expect(planText(desired, anObserved(olds, { ...NETWORK, capacity: 2 }))).to.equal(`stop hello-0-${OLD}: outdated`)
    expect(planText(desired, anObserved(olds))).not.to.contain('stop')
  })

  it('is the one of several that ran longest', () => {
    const [brief, long] = [aDead({ id: 'a', hash: 'cccccccc', name: 'hello-0-cccccccc' }), aDead({ id: 'b' }, 60_000)]
    expect(planText(aDesired(), anObserved([brief, long, starting])).split('\n')).to.deep.equal([
      `start hello-0-${OLD}: exited with code 137, and its successor is not ready`,
      'remove hello-0-cccccccc: outdated'
    ])
  })

  it('is mended by others of its kind: unpaused, and put back on its network', () => {
    const { address: _, ...off } = aReplica({ hash: OLD, name: `hello-0-${OLD}`, phase: 'unready', paused: true })
    expect(planText(aDesired(), anObserved([off, starting]))).to.equal(`unpause id-hello-0-${OLD}: paused`)
    expect(planText(aDesired(), anObserved([{ ...off, paused: false }, starting]))).to.equal(
      `connect id-hello-0-${OLD}: not on its network`
    )
  })

  it('is started for every wanted ordinal that would have none else, and for no other', () =>
    fc.assert(
      fc.property(
        fc.array(fc.constantFrom('ready', 'unready', 'exited' as const), { minLength: 1, maxLength: 6 }),
        fc.integer({ min: 0, max: 6 }),
        (phases, replicas) => {
          const olds = phases.map((phase, ordinal) => {
            const name = `hello-${ordinal}`
            return phase === 'exited' ? aDead({ ordinal, name }) : aReplica({ ordinal, name, hash: OLD, phase })
          })
          const desired = aWaiting({ fn: aFunction({ replicas }), replicas })
          const started = planFunction(desired, anObserved(olds), NOW).steps.filter(s => s.kind === 'start-replica')
          const dead = olds.filter(r => r.phase === 'exited' && r.ordinal < replicas)
          expect(started.map(step => step.ordinal)).to.deep.equal(dead.map(r => r.ordinal))
        }
      )
    ))
})

describe('decideRevival', () => {
  const aNew = (ordinal: number, overrides: Partial<Replica> = {}) =>
    aReplica({ ordinal, name: `hello-${ordinal}`, phase: 'starting', ...overrides })
  const anOld = (ordinal: number, overrides: Partial<Replica> = {}) =>
    aReplica({ ordinal, name: `hello-${ordinal}-${OLD}`, hash: OLD, phase: 'unready', ...overrides })
  const dead = (ordinal: number, id: string, overrides: Partial<Replica> = {}) =>
    aDead({ ordinal, id, name: `hello-${ordinal}-${id}`, ...overrides })

  /** Ids that are held, of these old ones beside these others. */
  function held(
    olds: readonly Replica[],
    others: readonly Replica[] = [],
    overrides: Parameters<typeof aDesired>[0] = {}
  ) {
    const desired = aDesired({ replicas: 4, ...overrides })
    const kept = new Map(others.filter(r => r.hash !== OLD).map(r => [r.ordinal, r]))
    const facts = { outdated: olds, kept, isFull: false, now: NOW }
    return [...decideRevival(desired, anObserved([...olds, ...others]), facts).held]
  }

  it('holds none of the older program, of the wanted revision, or of an ordinal that is not wanted', () => {
    const [legacy, same] = [anOld(0, { id: 'l', legacy: true }), anOld(1, { id: 's', hash: 'bbbbbbbb' })]
    expect(held([legacy, same, anOld(4, { id: 'x' }), anOld(3, { id: 'y' })], [], { hash: 'bbbbbbbb' })).to.deep.equal([
      'y'
    ])
  })

  it('holds none of an ordinal that one of this function serves, or whose successor does', () => {
    const served = aReplica({ ordinal: 0, id: 'r', hash: OLD, name: 'hello-0' })
    expect(held([anOld(0, { id: 'a' }), anOld(1, { id: 'b' })], [served])).to.deep.equal(['b'])
    expect(held([anOld(0, { id: 'a' })], [{ ...served, uid: 'uid-0' }])).to.deep.equal(['a'])
    expect(
      held([anOld(0, { id: 'a' }), anOld(1, { id: 'b' })], [aNew(0, { phase: 'ready', uid: 'uid-0' })])
    ).to.deep.equal(['b'])
  })

  it('holds as many as are short, the lowest ordinals first, whether they run or not', () => {
    const ready = [2, 3].map(ordinal => aNew(ordinal, { id: `r${ordinal}`, phase: 'ready' }))
    const olds = [anOld(1, { id: 'runs' }), dead(0, 'dead')]
    expect(held(olds, ready)).to.deep.equal(['dead', 'runs'])
    expect(held(olds, ready, { replicas: 3 })).to.deep.equal(['dead'])
    expect(held(olds, [...ready, aNew(4, { phase: 'ready' })], { replicas: 4 })).to.deep.equal(['dead'])
    expect(
      held(
        olds,
        ready.map(r => ({ ...r, uid: 'uid-0' })),
        { replicas: 2 }
      )
    ).to.deep.equal(['dead', 'runs'])
  })

  it('holds one that runs rather than one that exited, and of one kind the first', () => {
    expect(held([dead(0, 'dead'), anOld(0, { id: 'runs', hash: 'cccccccc' })])).to.deep.equal(['runs'])
    expect(held([anOld(0, { id: 'a' }), anOld(0, { id: 'b', hash: 'cccccccc' })])).to.deep.equal(['a'])
  })

  it('holds none that exited while another one of its ordinal and revision is there', () => {
    const running = (overrides: Partial<Replica>) => anOld(0, { id: 'other', phase: 'starting', ...overrides })
    expect(held([dead(0, 'dead'), running({})])).to.deep.equal([])
    expect(held([dead(0, 'dead'), running({ ordinal: 1 })])).to.deep.equal(['dead'])
    expect(held([dead(0, 'dead'), running({ hash: 'cccccccc' })])).to.deep.equal(['dead'])
    expect(held([dead(0, 'dead'), running({ phase: 'removing' })])).to.deep.equal(['dead'])
  })

  it('holds one that starts only when it is the one that was started again', () => {
    const id = '0123456789abcdef'
    const old = anOld(0, { id, phase: 'starting' })
    const restarted = (container: string) => ({ outdatedRestarts: [aRecord({ container })] })
    expect(held([old], [], restarted('0123456789ab'))).to.deep.equal([id])
    expect(held([old], [], restarted('ffffffffffff'))).to.deep.equal([])
    expect(held([{ ...old, phase: 'exiting' }], [], restarted('0123456789ab'))).to.deep.equal([])
  })

  it('holds none without room', () => {
    const facts = { outdated: [anOld(0)], kept: new Map(), isFull: true, now: NOW }
    expect([...decideRevival(aDesired(), anObserved([anOld(0)]), facts).held]).to.deep.equal([])
  })

  it('starts each after the wait of its own ordinal', () => {
    const olds = [dead(0, 'a'), dead(1, 'b')]
    const facts = { outdated: olds, kept: new Map(), isFull: false, now: NOW }
    const desired = aDesired({ replicas: 2, outdatedRestarts: [aRecord({ ordinal: 1 })] })
    expect(decideRevival(desired, anObserved(olds), facts).start.map(({ replica }) => replica.id)).to.deep.equal(['a'])
  })
})

describe('restartable', () => {
  const ids = (...replicas: Replica[]) => restartable(replicas).map(({ id }) => id)

  it('is of each ordinal the one that ran longest; of equal ones that with the lower id', () => {
    const [a, b, long] = [aDead({ id: 'a' }), aDead({ id: 'b' }), aDead({ id: 'c' }, 2000)]
    expect(ids(a, b)).to.deep.equal(['a'])
    expect(ids(b, a)).to.deep.equal(['a'])
    expect(ids(a, long)).to.deep.equal(['c'])
    expect(ids(long, a)).to.deep.equal(['c'])
    expect(ids(a, aDead({ id: 'd', ordinal: 1 }))).to.deep.equal(['a', 'd'])
  })

  it('is none that the older program made', () => {
    expect(ids(aDead({ legacy: true }))).to.deep.equal([])
  })
})

describe('FunctionReconciler, when the new revision cannot come', () => {
  let loop: Loop
  beforeEach(async () => {
    loop = await Loop.open()
    await loop.put()
    await loop.settle()
    loop.clock.advance(60_000)
  })
  afterEach(() => loop.close())

  async function passes(count: number): Promise<void> {
    for (let i = 0; i < count; i++) {
      await loop.pass().catch(() => undefined)
      loop.clock.advance(1000)
    }
  }

  it('starts the old replica again though no new one can be created', async () => {
    await loop.put({ image: 'hello:2' })
    loop.engine.fail('container_create', 'no-space', { times: 1000 })
    await passes(3)
    const [old = ''] = (await loop.containers()).map(text => text.split(' ')[0] ?? '')
    loop.engine.exit(old, 137)
    await passes(3)
    expect(await loop.containers()).to.deep.equal([`${old} running`])
    expect(loop.endpoints.get('openfaas-fn/hello')?.endpoints).to.have.length(1)
  })

  it('waits longer each time it exits, and tells of each exit', async () => {
    await loop.put({ image: 'hello:none' })
    const counts: number[] = []
    for (let i = 0; i < 3; i++) {
      await passes(6)
      loop.engine.exit('hello-0', 1)
      await loop.pass().catch(() => undefined)
      counts.push((await loop.get()).status.outdatedRestarts[0]?.count ?? -1)
    }
    expect(counts).to.deep.equal([0, 1, 2])
    const events = (await loop.store.events.list({ name: 'hello' })).filter(e => e.reason === 'ReplicaExited')
    expect(events.reduce((sum, { count }) => sum + count, 0)).to.equal(3)
  })
})
