import { Counter, type Registry } from 'prom-client'
import {
  HOLD_REASONS,
  type HoldReason,
  SCALE_DIRECTIONS,
  SCALE_REASONS,
  type ScaleDirection,
  type ScaleReason
} from '../../api/scale-decision.ts'

export interface AutoscalerMetrics {
  /** The autoscaler has decided about a function, or to leave it as it is. */
  readonly scaleDecided: (direction: ScaleDirection | 'hold', reason: ScaleReason | HoldReason) => void
}

export function createAutoscalerMetrics(registry: Registry): AutoscalerMetrics {
  const decisions = new Counter({
    ...{ name: 'faas_autoscaler_decisions_total', help: 'Decisions about the size of functions' },
    ...{ labelNames: ['direction', 'reason'], registers: [registry] }
  })
  for (const direction of SCALE_DIRECTIONS) {
    for (const reason of SCALE_REASONS[direction]) decisions.inc({ direction, reason }, 0)
  }
  for (const reason of HOLD_REASONS) decisions.inc({ direction: 'hold', reason }, 0)
  return { scaleDecided: (direction, reason) => decisions.inc({ direction, reason }) }
}
