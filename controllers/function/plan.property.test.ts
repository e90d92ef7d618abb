import { expect } from 'chai'
import fc from 'fast-check'
import { LEGACY_HASH } from '../../api/legacy.ts'
import { aDesired, aFunction, aReplica, NETWORK, NOW } from '../../test/helpers/builders.ts'
import { type Fate, World } from '../../test/helpers/world.ts'
import { waitsFor } from './debug-ports.ts'
import type { Desired } from './desired.ts'
import type { Replica } from './observed.ts'
import { type Plan, planFunction } from './plan.ts'
import { isUnhealthy } from './replica-phase.ts'
import { formatPlan, isReplicaStep, type Step } from './step.ts'

const HASHES = ['aaaaaaaa', 'bbbbbbbb', 'cccccccc'] as const

/** Those of specs with debug, of which no two replicas of one ordinal can run at the same time. */
const DEBUG_HASHES: ReadonlySet<string> = new Set(['bbbbbbbb', 'cccccccc'])

interface Wish {
  readonly replicas: number
  readonly hash: string
  readonly deleting: boolean
}

const wish: fc.Arbitrary<Wish> = fc.record({
  replicas: fc.integer({ min: 0, max: 6 }),
  hash: fc.constantFrom(...HASHES),
  deleting: fc.boolean().map(b => b)
})
const seed = fc.record({
  ordinal: fc.integer({ min: 0, max: 6 }),
  hash: fc.constantFrom(...HASHES, LEGACY_HASH),
  uid: fc.constantFrom('uid-1', 'uid-1', 'uid-0'),
  phase: fc.constantFrom('created', 'starting', 'ready', 'unready', 'exited'),
  canonical: fc.boolean()
})
const fate = fc.constantFrom<Fate>('settle', 'stay', 'exit', 'vanish', 'busy', 'idle', 'hang')
/** What happens around one pass: after how many steps it is cut off, and what each replica meets with then. */
const turn = fc.record({
  cut: fc.integer({ min: 0, max: 8 }),
  fates: fc.array(fate, { minLength: 1, maxLength: 4 }),
  elapsedMs: fc.integer({ min: 1, max: 20_000 }),
  wish: fc.option(wish, { nil: undefined })
})

function desiredOf({ replicas, hash, deleting }: Wish): Desired {
  const debug = DEBUG_HASHES.has(hash)
  const fn = aFunction({ replicas, debug, ...(deleting ? { deletionRequestedAt: new Date(NOW).toISOString() } : {}) })
  return aDesired({ fn, hash })
}

/** One pass that is cut off after `cut` steps. Refused calls end the pass, as they do in the reconciler. */
function pass(world: World, desired: Desired, cut = Number.POSITIVE_INFINITY): Plan {
  const plan = planFunction(desired, world.observed, world.now)
  world.leave(plan.leaving)
  for (const step of plan.steps.slice(0, cut)) world.apply(step, desired)
  return plan
}

function aWorld(
  seeds: readonly {
    ordinal: number
    canonical: boolean
    hash: string
    uid: string
    phase: 'created' | 'starting' | 'ready' | 'unready' | 'exited'
  }[]
): World {
  const world = new World()
  for (const { canonical, ...replica } of seeds) {
    const name = `hello-${replica.ordinal}`
    world.seed({ ...replica, name: canonical ? name : `${name}-${replica.hash}` })
  }
  return world
}

/** Its successor is made, and cannot start before it has ended. */
function isAwaited(replicas: readonly Replica[], old: Replica): boolean {
  return replicas.some(r => r.phase === 'created' && r.ordinal === old.ordinal && waitsFor(r, old))
}

/** Names that containers have once the step is done. */
function namesMade(step: Step): string[] {
  if (step.kind === 'create-replica') return [step.name]
  return step.kind === 'rename-replica' ? [step.to] : []
}

describe('planFunction, over random worlds, wishes, faults and interruptions', () => {
  it('is deterministic and changes nothing that it is given', () =>
    fc.assert(
      fc.property(fc.array(seed, { maxLength: 8 }), wish, (seeds, w) => {
        const { observed, now } = aWorld(seeds)
        const before = JSON.stringify(observed)
        const first = formatPlan(planFunction(desiredOf(w), observed, now).steps)
        expect(formatPlan(planFunction(desiredOf(w), observed, now).steps)).to.equal(first)
        expect(JSON.stringify(observed)).to.equal(before)
      })
    ))

  it('never asks for a name that is taken, nor for a replica that is not there', () =>
    fc.assert(
      fc.property(fc.array(seed, { maxLength: 8 }), wish, fc.array(turn, { maxLength: 12 }), (seeds, start, turns) => {
        const world = aWorld(seeds)
        let w = start
        for (const { cut, fates, elapsedMs, wish: next } of turns) {
          w = next ?? w
          pass(world, desiredOf(w), cut)
          world.evolve(fates, elapsedMs)
        }
      }),
      { numRuns: 500 }
    ))

  it('touches no container but its own, whatever name a forged one has', () =>
    fc.assert(
      fc.property(fc.array(seed, { maxLength: 8 }), wish, (seeds, w) => {
        const { observed, now } = aWorld(seeds)
        const free = ['hello-0', 'hello-1', 'hello-2'].filter(name => observed.replicas.every(r => r.name !== name))
        const forged = free.map(name => aReplica({ name, id: `forged-${name}` }).container)
        const { steps } = planFunction(desiredOf(w), { ...observed, forged }, now)
        const own = [...observed.replicas.flatMap(r => [r.id, r.name]), ...steps.flatMap(namesMade)]
        for (const step of steps.filter(isReplicaStep)) expect(own).to.include(step.name)
        for (const step of steps) if ('id' in step) expect(own).to.include(step.id)
      }),
      { numRuns: 500 }
    ))

  it('does nothing at all on a network of somebody else', () =>
    fc.assert(
      fc.property(fc.array(seed, { maxLength: 8 }), wish, (seeds, w) => {
        const { observed, now } = aWorld(seeds)
        const network = { ...NETWORK, ours: false }
        const { steps } = planFunction(desiredOf(w), { ...observed, network }, now)
        const onIt = steps.filter(step => /network|gateway|^(create|start|connect|disconnect)-/.test(step.kind))
        expect(formatPlan(onIt)).to.equal('')
      }),
      { numRuns: 500 }
    ))

  it('never makes a second container of one function, ordinal and revision', () =>
    fc.assert(
      fc.property(wish, fc.array(turn, { maxLength: 15 }), (start, turns) => {
        const world = new World()
        let w = start
        for (const { cut, fates, elapsedMs, wish: next } of turns) {
          w = next ?? w
          pass(world, desiredOf(w), cut)
          // One that hangs goes as soon as another one has its name.
          const isGoing = (r: Replica) => r.phase === 'exited' || r.phase === 'exiting' || isUnhealthy(r)
          const alive = world.observed.replicas.filter(r => !isGoing(r))
          const identities = alive.map(r => `${r.uid} ${r.ordinal} ${r.hash}`)
          expect(new Set(identities).size).to.equal(identities.length)
          world.evolve(fates, elapsedMs)
        }
      }),
      { numRuns: 500 }
    ))

  it('never has fewer replicas serve than are wanted and could, but for those whose successors wait for their debug ports', () =>
    fc.assert(
      fc.property(fc.array(seed, { maxLength: 8 }), wish, fc.array(turn, { maxLength: 12 }), (seeds, start, turns) => {
        const world = aWorld(seeds)
        let w = start
        for (const { cut, fates, elapsedMs, wish: next } of turns) {
          w = next ?? w
          const desired = desiredOf(w)
          const { replicas } = world.observed
          const could = replicas.filter(r => r.phase === 'ready' && r.uid === 'uid-1' && !isAwaited(replicas, r)).length
          const plan = pass(world, desired, cut)
          expect(plan.endpoints.length).to.be.at.least(Math.min(desired.replicas, could))
          const serve = new Set(plan.endpoints.map(r => r.id))
          const hurt = plan.steps.filter(step => 'id' in step && step.kind !== 'rename-replica' && serve.has(step.id))
          expect(formatPlan(hurt)).to.equal('')
          world.evolve(fates, elapsedMs)
        }
      }),
      { numRuns: 500 }
    ))

  it('converges in a bounded number of passes once faults end, and then plans nothing', () =>
    fc.assert(
      fc.property(fc.array(seed, { maxLength: 8 }), wish, fc.array(turn, { maxLength: 10 }), (seeds, w, turns) => {
        const world = aWorld(seeds)
        const desired = desiredOf(w)
        for (const { cut, fates, elapsedMs, wish: other } of turns) {
          pass(world, desiredOf(other ?? w), cut)
          world.evolve(fates, elapsedMs)
        }
        let passes = 0
        for (; passes < 40; passes++) {
          const { steps } = pass(world, desired)
          world.evolve(['settle'], 1000)
          if (steps.length === 0 && passes > 0) break
        }
        expect(passes).to.be.below(40)
        expect(formatPlan(planFunction(desired, world.observed, world.now).steps)).to.equal('')
        const names = world.observed.replicas.map(r => `${r.name} ${r.hash} ${r.phase}`)
        const wanted = Array.from({ length: desired.replicas }, (_, i) => `hello-${i} ${desired.hash} ready`)
        expect(names).to.deep.equal(wanted)
        expect(planFunction(desired, world.observed, world.now).finished).to.equal(desired.deleting)
      }),
      { numRuns: 500 }
    ))
})
