import type { Adoption } from '../../controllers/adopt/adoption.ts'
import type { Resync } from '../../controllers/function/resync.ts'
import { GarbageReconciler } from '../../controllers/gc/reconciler.ts'
import { systemClock } from '../clock.ts'
import { doubtsOf } from './adoption.ts'
import type { ControlPlaneDeps } from './control-plane-deps.ts'
import { inheritance } from './inheritance.ts'
import type { Self } from './self.ts'

/** Orphans that may go in one pass, as a share of all that is ours. */
const GC_SHARE = 0.25

interface GarbageParts {
  readonly resync: Resync
  readonly self: Self
  readonly adoption: Adoption
  readonly deserted: ReadonlySet<string>
}

export function assembleGarbage(
  deps: ControlPlaneDeps,
  { resync, self, adoption, deserted }: GarbageParts
): GarbageReconciler {
  const { config, store, engine, signer, metrics, log } = deps
  return new GarbageReconciler({
    engine,
    functions: store.functions,
    events: store.events,
    signer,
    instance: config.INSTANCE_ID,
    gatewayId: () => self.id,
    heirOf: inheritance(deps),
    doubts: signal => doubtsOf(adoption, signal),
    deserted,
    bornAt: store.bornAt,
    graceMs: config.GC_GRACE,
    intervalMs: config.GC_INTERVAL,
    maxShare: GC_SHARE,
    isReady: () => resync.isComplete,
    onCollected: kind => metrics.collected(kind),
    onOrphans: count => metrics.setOrphans(count),
    onForged: count => metrics.setForged(count),
    onLeaked: count => metrics.setLeakedNetworks(count),
    now: systemClock.now,
    log
  })
}
