import { Counter, Gauge, type Registry } from 'prom-client'
import { functionNameLabel } from './function.ts'

/** What functions use, by the names of OpenFaaS Pro. */
export interface UsageMetrics {
  readonly cpuUsed: (key: string, seconds: number) => void
  readonly memoryUsed: (key: string, bytes: number) => void
  /** Has what they use read whenever metrics are. */
  readonly watchUsage: (read: () => Promise<void>) => void
  /** Removes the series of usage of a function. */
  readonly removeUsage: (key: string) => void
}

export function createUsageMetrics(registry: Registry): UsageMetrics {
  const labelNames = ['function_name']
  let read: () => Promise<void> = () => Promise.resolve()
  const cpu = new Counter({
    ...{ name: 'pod_cpu_usage_seconds_total', help: 'CPU that functions have used, all replicas together', labelNames },
    registers: [registry],
    // NOTE: both ask, as metrics are collected side by side; the second one waits for what the first one began.
    collect: () => read()
  })
  const memory = new Gauge({
    ...{ name: 'pod_memory_working_set_bytes', help: 'Memory of functions, all replicas together', labelNames },
    registers: [registry],
    collect: () => read()
  })
  return {
    cpuUsed: (key, seconds) => cpu.inc({ function_name: functionNameLabel(key) }, seconds),
    memoryUsed: (key, bytes) => memory.set({ function_name: functionNameLabel(key) }, bytes),
    watchUsage: next => {
      read = next
    },
    removeUsage: key => {
      for (const family of [cpu, memory]) family.remove({ function_name: functionNameLabel(key) })
    }
  }
}
