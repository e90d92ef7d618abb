import type { Adoption } from '../../controllers/adopt/adoption.ts'
import type { Prober } from '../../controllers/function/prober.ts'
import { Resync } from '../../controllers/function/resync.ts'
import { survey } from '../../controllers/function/survey.ts'
import { GC_KEY } from '../../controllers/gc/reconciler.ts'
import { IMAGES_KEY } from '../../controllers/images/reconciler.ts'
import { systemClock } from '../clock.ts'
import type { Config } from '../config/config.ts'
import type { Controller } from '../runtime/controller.ts'
import { hostRoutes } from './addresses.ts'
import { COMPARISON_KEY, meetHeld } from './adoption.ts'
import type { ControlPlaneDeps } from './control-plane-deps.ts'
import { inheritance } from './inheritance.ts'
import type { Self } from './self.ts'

/** A function at rest gets a pass after so many periods of the resync. */
const FULL_LOOK_PERIODS = 10

export function fullLookMs({ RECONCILE_INTERVAL_SECONDS }: Config): number {
  return FULL_LOOK_PERIODS * RECONCILE_INTERVAL_SECONDS * 1000
}

interface ResyncTargets {
  readonly adoption: Adoption
  readonly self: Self
  readonly prober: Prober
  readonly functions: () => Controller
  readonly garbage: () => Controller
  readonly imageGarbage: () => Controller
}

export function assembleResync(deps: ControlPlaneDeps, targets: ResyncTargets): Resync {
  const { adoption, self, prober, functions, garbage, imageGarbage } = targets
  const { config, store, engine, endpoints, metrics, log } = deps
  const surveyDeps = {
    engine,
    secrets: store.secrets,
    profiles: store.profiles,
    instance: config.INSTANCE_ID,
    functionsNetwork: config.FUNCTIONS_NETWORK,
    gatewayId: () => self.id,
    heirOf: inheritance(deps),
    routes: hostRoutes
  }
  const resync = new Resync({
    functions: store.functions,
    alsoAwaited: [COMPARISON_KEY],
    // What somebody asked for, or an event told of, does not wait for a look at everything.
    add: key => functions().addLast(key),
    addAfter: (key, delayMs) => functions().addAfter(key, delayMs),
    onFirstComplete: () => {
      endpoints.markComplete()
      garbage().add(GC_KEY)
      imageGarbage().add(IMAGES_KEY)
    },
    onResync: reason => {
      metrics.watchResynced(reason)
      void meetHeld(deps, adoption, { add: key => functions().add(key), settled: key => resync.settled(key) })
    },
    look: (objects, signal) => survey(surveyDeps, objects, signal),
    confirm: keys => prober.confirm(keys),
    onLookError: err => log.warn({ err }, 'Failed to look at everything at once'),
    fullLookMs: fullLookMs(config),
    random: Math.random,
    now: systemClock.now
  })
  return resync
}
