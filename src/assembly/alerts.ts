import { AlertDesk } from '../../controllers/autoscaler/alert.ts'
import { boundsPolicyOf } from './autoscaler.ts'
import type { ControlPlane } from './control-plane.ts'
import type { ControlPlaneDeps } from './control-plane-deps.ts'

/** What scales functions as alerts say; it works without the autoscaler, too. */
export function assembleAlerts(
  plane: Pick<ControlPlane, 'functions' | 'capacities' | 'isHeld'>,
  { config, store, metrics, log }: Pick<ControlPlaneDeps, 'config' | 'store' | 'metrics' | 'log'>
): AlertDesk {
  return new AlertDesk({
    ...{ functions: store.functions, events: store.events, policy: boundsPolicyOf(config) },
    isAutoscaling: config.AUTOSCALER_ENABLED,
    capacityOf: key => plane.capacities.get(key),
    isHeld: plane.isHeld,
    enqueue: key => plane.functions.add(key),
    onDecision: ({ direction, reason }) => metrics.scaleDecided(direction, reason),
    log
  })
}
