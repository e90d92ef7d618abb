import type { Metrics } from '../metrics/metrics.ts'
import type { FunctionStore } from '../store/store.ts'

const MEASURED = ['get', 'list', 'put', 'markDeleted', 'remove', 'putStatus', 'putScale', 'revisions'] as const

/** The store, telling how long each operation takes and how it ends. */
export function measured(store: FunctionStore, metrics: Pick<Metrics, 'observeStoreOperation'>): FunctionStore {
  const timed = Object.fromEntries(MEASURED.map(name => [name, timedCall(store, name, metrics)]))
  return {
    ...(timed as unknown as Pick<FunctionStore, (typeof MEASURED)[number]>),
    resourceVersion: () => store.resourceVersion(),
    watch: (resourceVersion, signal) => store.watch(resourceVersion, signal),
    onChange: listener => store.onChange(listener)
  }
}

function timedCall(
  store: FunctionStore,
  name: (typeof MEASURED)[number],
  metrics: Pick<Metrics, 'observeStoreOperation'>
) {
  const call = store[name].bind(store) as (...args: unknown[]) => Promise<unknown>
  return async (...args: unknown[]): Promise<unknown> => {
    const startedAt = performance.now()
    try {
      const result = await call(...args)
      metrics.observeStoreOperation(name, 'success', (performance.now() - startedAt) / 1000)
      return result
    } catch (err) {
      metrics.observeStoreOperation(name, 'error', (performance.now() - startedAt) / 1000)
      throw err
    }
  }
}
