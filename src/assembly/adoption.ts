import { Adoption, COMPARISON_MS } from '../../controllers/adopt/adoption.ts'
import { Decisions } from '../../controllers/adopt/decisions.ts'
import type { Holds } from '../../controllers/function/held.ts'
import type { Doubts } from '../../controllers/gc/plan.ts'
import { type GarbageReconciler, GC_KEY } from '../../controllers/gc/reconciler.ts'
import { systemClock } from '../clock.ts'
import type { Controller } from '../runtime/controller.ts'
import type { ControlPlaneDeps } from './control-plane-deps.ts'

/** Settled when what runs was compared with the database: an empty one may have lost what runs. */
export const COMPARISON_KEY = 'engine/comparison'

/** Whether the database goes on from what runs. */
export function assembleAdoption(deps: ControlPlaneDeps): Adoption {
  const { config, store, metrics } = deps
  return new Adoption({
    ...deps,
    functions: store.functions,
    adoption: store.adoption,
    events: store.events,
    instance: config.INSTANCE_ID,
    isOnlyLooking: deps.isOnlyLooking === true,
    onPending: metrics.setAdoption,
    now: systemClock.now
  })
}

/** Has the loop look at functions that run without being written down, so that their calls are answered. */
export async function meetHeld(
  { log }: ControlPlaneDeps,
  adoption: Adoption,
  loop: { readonly add: (key: string) => void; readonly settled: (key: string) => void }
): Promise<void> {
  try {
    await adoption.facts(AbortSignal.timeout(COMPARISON_MS))
  } catch (err) {
    // The next resync asks again; until then nothing that the engine holds is changed.
    log.warn({ err }, 'Failed to compare database with what runs')
    return
  }
  for (const key of adoption.heldKeys()) loop.add(key)
  loop.settled(COMPARISON_KEY)
}

/** What a person is asked, and what becomes of the answer. */
export function assembleDecisions(
  deps: ControlPlaneDeps,
  loop: {
    readonly adoption: Adoption
    readonly garbageReconciler: Pick<GarbageReconciler, 'preview'>
    readonly functions: Pick<Controller, 'add' | 'forgive'>
    readonly garbage: Pick<Controller, 'add'>
  }
): Decisions {
  const { config, store } = deps
  return new Decisions({
    ...deps,
    doubts: loop.adoption,
    functions: store.functions,
    adoption: store.adoption,
    events: store.events,
    instance: config.INSTANCE_ID,
    orphans: signal => loop.garbageReconciler.preview(signal),
    enqueue: key => {
      loop.functions.forgive(key)
      loop.functions.add(key)
    },
    collect: () => loop.garbage.add(GC_KEY),
    now: systemClock.now
  })
}

/** What the function controller leaves alone. */
export function holdsOf(adoption: Adoption): Holds {
  return {
    heldOf: (key, signal) => adoption.heldOf(key, signal),
    isHeld: key => adoption.heldKeys().includes(key)
  }
}

/** What the garbage collector leaves alone. */
export async function doubtsOf(adoption: Adoption, signal: AbortSignal): Promise<Doubts> {
  const { latch, discarded } = await adoption.facts(signal)
  return { isLatched: latch !== undefined, undecided: latch?.undecided ?? [], discarded }
}
