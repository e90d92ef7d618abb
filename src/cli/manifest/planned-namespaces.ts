import { QuotaExceededError } from '../../../api/errors.ts'
import { addUsage, NO_USAGE, type Quota, quotaRefusals, type Share, shareOf, type Usage } from '../../../api/quota.ts'
import type { ApiObject } from './api-object.ts'

interface Planned {
  readonly quota: Quota
  /** What a function counts for that does not say it. */
  readonly defaults: { readonly replicas: number; readonly memoryBytes?: number }
  used: Usage
}

/** Namespaces that a dry run would make, with their quotas, and what the functions take that it would make in them. */
export class PlannedNamespaces {
  readonly #planned = new Map<string, Planned>()

  /** Takes a namespace as a dry run gives it. */
  add({ metadata, status }: ApiObject): void {
    const { quota, defaults } = (status ?? {}) as Partial<Planned>
    this.#planned.set(metadata.name, {
      quota: quota ?? {},
      defaults: defaults ?? { replicas: 1 },
      used: NO_USAGE
    })
  }

  has(namespace: string): boolean {
    return this.#planned.has(namespace)
  }

  /** Counts a new function in. Throws `QuotaExceededError` when there is no room for it beside those that were counted before. */
  async take(namespace: string, body: ApiObject): Promise<void> {
    const planned = this.#planned.get(namespace)
    if (planned === undefined) return
    const after = await shareIn(body, planned.defaults)
    const refusals = quotaRefusals(planned.quota, { others: planned.used, after })
    if (refusals.length > 0) throw new QuotaExceededError(namespace, refusals)
    planned.used = addUsage(planned.used, after)
  }
}

async function shareIn({ metadata, spec = {} }: ApiObject, defaults: Planned['defaults']): Promise<Share> {
  const { minReplicasOf } = await import('../../../api/openfaas.ts')
  const { memory } = (spec['limits'] ?? {}) as { readonly memory?: string }
  const asked = spec['replicas']
  const replicas = typeof asked === 'number' ? asked : (minReplicasOf(metadata.labels ?? {}) ?? defaults.replicas)
  return shareOf(memory, replicas, defaults.memoryBytes ?? 0)
}
