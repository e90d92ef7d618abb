import { systemClock } from '../clock.ts'
import { Controller } from '../runtime/controller.ts'
import type { Reconciler } from '../runtime/reconciler.ts'
import type { ControlPlaneDeps } from './control-plane-deps.ts'

export function assembleController(
  { config, metrics, log }: ControlPlaneDeps,
  reconciler: Reconciler,
  concurrency: number
): Controller {
  return new Controller({
    reconciler,
    concurrency,
    deadlineMs: config.RECONCILE_DEADLINE,
    log,
    metrics: metrics.controller(reconciler.name),
    clock: systemClock,
    random: Math.random
  })
}
