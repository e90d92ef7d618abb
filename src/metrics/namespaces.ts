import { Gauge, type Registry } from 'prom-client'
import type { Quota, Usage } from '../../api/quota.ts'

/** A namespace as it is to be shown. */
export interface NamespaceSample {
  readonly name: string
  readonly quota: Quota
  readonly used: Usage
}

/** How much of their quotas namespaces use. */
export interface NamespaceMetrics {
  /** From now on each scrape asks for all namespaces. */
  readonly watchNamespaces: (ask: () => Promise<readonly NamespaceSample[]>) => void
}

const RESOURCES = [
  ['faas_namespace_functions', 'Functions of the namespace, those that are being deleted among them', 'functions'],
  ['faas_namespace_replicas', 'Replicas that are wanted of the functions of the namespace', 'replicas'],
  [
    'faas_namespace_memory_bytes',
    'Memory limits of the replicas that are wanted, of those that have one',
    'memoryBytes'
  ]
] as const

/** `type` is `used`, or `quota` where the namespace has one. */
export function createNamespaceMetrics(registry: Registry): NamespaceMetrics {
  let ask = async (): Promise<readonly NamespaceSample[]> => []
  let asking: Promise<readonly NamespaceSample[]> | undefined
  // One look for all gauges of a scrape.
  const askOnce = () => {
    asking ??= ask().finally(() => {
      asking = undefined
    })
    return asking
  }
  for (const [name, help, resource] of RESOURCES) {
    new Gauge({
      ...{ name, help, labelNames: ['namespace', 'type'], registers: [registry] },
      async collect() {
        // A database that does not answer is told elsewhere, and must not cost the other metrics.
        const samples = await askOnce().catch(() => [])
        this.reset()
        for (const { name: namespace, quota, used } of samples) {
          const most = quota[resource]
          this.set({ namespace, type: 'used' }, used[resource])
          if (most !== undefined) this.set({ namespace, type: 'quota' }, most)
        }
      }
    })
  }
  return {
    watchNamespaces: asked => {
      ask = asked
    }
  }
}
