import { Counter, Histogram, type Registry } from 'prom-client'

const STORE_STATUSES = ['success', 'error'] as const
export type StoreStatus = (typeof STORE_STATUSES)[number]

/** Operations on the database. */
export interface StoreMetrics {
  readonly observeStoreOperation: (operation: string, status: StoreStatus, seconds: number) => void
}

export function createStoreMetrics(registry: Registry): StoreMetrics {
  const registers = [registry]
  const operations = new Counter({
    ...{
      name: 'store_db_operations_total',
      help: 'Operations on the database',
      labelNames: ['operation', 'status'],
      registers
    }
  })
  const seconds = new Histogram({
    name: 'store_db_operation_duration_seconds',
    help: 'Duration of operations on the database',
    registers
  })
  return {
    observeStoreOperation: (operation: string, status: StoreStatus, took: number) => {
      operations.inc({ operation, status })
      seconds.observe(took)
    }
  }
}
