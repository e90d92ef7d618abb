import { expect } from 'chai'
import { getCondition } from '../../api/condition.ts'
import { eventually } from '../helpers/eventually.ts'
import type { ServeProcess } from '../helpers/serve-process.ts'
import type { Installation } from './installation.ts'

/** What is to be there of the installation's one function in the end. */
export interface Wanted {
  /** 0 with `isGone`. */
  readonly replicas: number
  /** The value of its variable VERSION, of every replica. */
  readonly version: string
  readonly isGone?: boolean
  /** Its replicas are frozen, and nobody calls it. */
  readonly isFrozen?: boolean
  /** The value of the secret `key` that every replica finds; absent: there is none. */
  readonly secret?: string
  /** Its containers run as they did when the database was lost: none was started or made since. */
  readonly isUntouched?: boolean
  /** Network of the older program that stays in use instead of one of ours. */
  readonly keepsForeignNetwork?: boolean
}

/**
 * One thing that people do, interrupted at every place where it can be. To add one: say what is asked for and what must
 * be there in the end. It begins where the scenario before it in its chain ended.
 */
export interface Scenario {
  readonly title: string
  /** Asks for it; rejects when it was refused or the process died. Asked again when nobody said that it was written down. */
  readonly ask: (on: Installation) => Promise<void>
  readonly wanted: Wanted
  /** The least number of places to expect; fewer, and the turnstiles have let something pass. */
  readonly minPlaces: number
}

const CONVERGED_MS = 40_000

/** What one interruption came to. */
export interface Interrupted {
  /** Whether there was an n-th place. */
  readonly wasReached: boolean
  readonly places: readonly string[]
}

/** Does what the scenario says with the process killed at the n-th place, then lets another finish it, and looks whether all is well. */
export async function interruptAt(n: number, scenario: Scenario, on: Installation): Promise<Interrupted> {
  on.arm(n)
  let isAcknowledged = false
  const asked = scenario.ask(on).then(() => {
    isAcknowledged = true
  })
  const finished = asked.then(() => isSettled(scenario.wanted, on))
  const outcome = await Promise.race([finished.catch((err: unknown) => err), on.killed.then(() => 'killed')])
  const { wasReached, places } = on.stops
  if (!wasReached) {
    if (outcome instanceof Error) throw outcome
    return { wasReached, places }
  }
  await on.killed
  await finished.catch(() => undefined) // it failed because its process was killed
  on.arm(0)
  await on.start().listening()
  if (isAcknowledged) await expectWritten(scenario.wanted, on)
  else await scenario.ask(on)
  await isSettled(scenario.wanted, on)
  return { wasReached, places }
}

/** I4: what was said to be written down is there, before anybody asks for it again. */
async function expectWritten(wanted: Wanted, on: Installation): Promise<void> {
  const object = await on.process.get(on.functionName)
  if (wanted.isGone) {
    const isLeaving = object === undefined || object.metadata.deletionRequestedAt !== undefined
    expect(isLeaving, 'deletion that was acknowledged').to.equal(true)
    return
  }
  const written = { replicas: object?.spec.replicas, version: object?.spec.env['VERSION'] }
  expect(written, 'write that was acknowledged').to.deep.equal({ replicas: wanted.replicas, version: wanted.version })
}

/** Waits until the gateway, the engine and a caller agree that it is so, and the loop has nothing left to do. */
export async function isSettled(wanted: Wanted, on: Installation): Promise<void> {
  const gateway = on.process
  await eventually(
    async () => {
      if (gateway.hasEnded) return
      await expectStatus(wanted, on)
      await expectIdle(gateway)
      await expectOnEngine(wanted, on)
    },
    { timeoutMs: CONVERGED_MS, intervalMs: 25 }
  )
  if (gateway.hasEnded) throw new Error(`the gateway ended: ${gateway.errors}`)
}

async function expectStatus(wanted: Wanted, { process, functionName }: Installation): Promise<void> {
  const object = await process.get(functionName)
  if (wanted.isGone) {
    expect(object, 'function').to.equal(undefined)
    return
  }
  const { metadata, status } = object ?? {}
  expect(status?.observedGeneration, 'observedGeneration').to.equal(metadata?.generation)
  expect(getCondition(status?.conditions ?? [], 'Progressing')?.reason).to.equal('Converged')
  if (wanted.isFrozen) {
    expect(getCondition(status?.conditions ?? [], 'Ready')?.reason).to.equal('Frozen')
    return
  }
  const answer = await process.call('GET', `/function/${functionName}`)
  expect(answer.status, 'answer').to.equal(200)
  // A thaw is written down a moment after the call that brought it about is answered.
  const { scale } = (await process.get(functionName)) ?? {}
  expect(scale?.frozenSince, 'since when it is frozen').to.equal(undefined)
}

/** No key of the function controller is due or worked on. */
async function expectIdle(gateway: ServeProcess): Promise<void> {
  const text = await gateway.metrics()
  for (const gauge of ['depth', 'unfinished_work_seconds']) {
    expect(text, gauge).to.match(new RegExp(`^faas_workqueue_${gauge}\\{name="function"\\} 0$`, 'm'))
  }
}

/** I2 and I5: exactly what is wanted, and nothing beside it. */
async function expectOnEngine(wanted: Wanted, on: Installation): Promise<void> {
  const names = Array.from(
    { length: wanted.replicas },
    (_, n) => `${on.functionName}-${n} ${wanted.isFrozen ? 'paused' : 'running'}, version ${wanted.version}`
  )
  expect(await on.containers(), 'containers').to.deep.equal(names)
  if (wanted.isUntouched) expect(await on.runs(), 'runs of containers').to.deep.equal(on.runsBefore)
  expect(await on.volumes(), 'volumes').to.have.length(wanted.secret === undefined ? 0 : 1)
  if (wanted.secret !== undefined) {
    expect(new Set(await on.secrets('key')), 'secrets').to.deep.equal(new Set([wanted.secret]))
  }
  expect(await on.networks(), 'networks').to.have.length(wanted.isGone || wanted.keepsForeignNetwork ? 0 : 1)
}
