import { Counter, Gauge, type Registry } from 'prom-client'
import {
  HOLD_REASONS,
  type HoldReason,
  SCALE_DIRECTIONS,
  SCALE_REASONS,
  type ScaleDirection,
  type ScaleReason
} from '../../api/scale-decision.ts'
import { functionNameLabel } from './function.ts'

export interface AutoscalerMetrics {
  /** The autoscaler has decided about a function, or to leave it as it is. */
  readonly scaleDecided: (direction: ScaleDirection | 'hold', reason: ScaleReason | HoldReason) => void
  /** What all replicas of a function have used of CPU since it was last told, and have of memory now. */
  readonly usageRead: (key: string, usage: { readonly cpuSeconds: number; readonly memoryBytes: number }) => void
  /** Removes the series of usage of a function. */
  readonly removeUsage: (key: string) => void
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
  const [labelNames, registers] = [['function_name'], [registry]]
  // Names of OpenFaaS Pro; of functions that scale by CPU, as others are not read.
  const cpu = new Counter({
    ...{
      name: 'pod_cpu_usage_seconds_total',
      help: 'CPU that functions which scale by it have used',
      labelNames,
      registers
    }
  })
  const memory = new Gauge({
    ...{ name: 'pod_memory_working_set_bytes', help: 'Memory of functions that scale by CPU', labelNames, registers }
  })
  return {
    scaleDecided: (direction, reason) => decisions.inc({ direction, reason }),
    usageRead: (key, { cpuSeconds, memoryBytes }) => {
      const labels = { function_name: functionNameLabel(key) }
      cpu.inc(labels, cpuSeconds)
      memory.set(labels, memoryBytes)
    },
    removeUsage: key => {
      for (const family of [cpu, memory]) family.remove({ function_name: functionNameLabel(key) })
    }
  }
}
