import { Waker } from '../../controllers/wake/waker.ts'
import type { Controller } from '../runtime/controller.ts'
import { systemTimers } from '../runtime/timers.ts'
import type { ControlPlaneDeps } from './control-plane-deps.ts'

/** What brings functions back for calls that wait. */
export function assembleWaker(
  { store, endpoints, config, metrics, log }: ControlPlaneDeps,
  functions: () => Controller
): Waker {
  return new Waker({
    functions: store.functions,
    events: store.events,
    endpoints,
    addUrgent: key => functions().addUrgent(key),
    addFirst: key => {
      functions().forgive(key)
      functions().addFirst(key)
    },
    maxReplicas: config.MAX_REPLICAS,
    onWoken: (key, from) => {
      const own = metrics.knownFunctionMetrics(key)
      if (from === 'zero') own?.woken()
      else {
        own?.thawed()
        metrics.scaleDecided('thaw', 'called')
      }
    },
    onWriteFailed: metrics.wakeWriteFailed,
    timers: systemTimers,
    log
  })
}
