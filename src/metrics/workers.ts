import { Counter, Gauge, type Registry } from 'prom-client'

/** What a worker uses. */
export interface WorkerUsage {
  readonly residentBytes: number
  /** Since its start. */
  readonly cpuSeconds: number
}

/** The worker processes, by their numbers. */
export interface WorkerMetrics {
  readonly workerStarted: (worker: number) => void
  readonly workerUsed: (worker: number, usage: WorkerUsage) => void
  readonly workerGone: (worker: number) => void
  /** A worker ended unasked, and another one takes its place. */
  readonly workerReplaced: () => void
  /** A worker ran and said nothing, and was killed. */
  readonly workerHung: () => void
}

export function createWorkerMetrics(registry: Registry): WorkerMetrics {
  const registers = [registry]
  const labelNames = ['worker']
  const running = new Gauge({ name: 'faas_workers', help: 'Worker processes of the data plane', registers })
  const replaced = new Counter({
    ...{
      name: 'faas_worker_replacements_total',
      help: 'Worker processes that ended unasked and were replaced',
      registers
    }
  })
  const hung = new Counter({
    ...{ name: 'faas_worker_hangs_total', help: 'Worker processes that hung and were killed', registers }
  })
  const memory = new Gauge({
    ...{ name: 'faas_worker_resident_memory_bytes', help: 'Resident memory of a worker process', labelNames, registers }
  })
  const cpu = new Counter({
    ...{ name: 'faas_worker_cpu_seconds_total', help: 'CPU time of worker processes', labelNames, registers }
  })
  const told = new Map<number, number>()
  return {
    workerStarted: worker => {
      told.set(worker, 0)
      running.set(told.size)
    },
    workerUsed: (worker, { residentBytes, cpuSeconds }) => {
      const label = { worker: String(worker) }
      memory.set(label, residentBytes)
      cpu.inc(label, Math.max(0, cpuSeconds - (told.get(worker) ?? 0)))
      told.set(worker, cpuSeconds)
    },
    workerGone: worker => {
      told.delete(worker)
      running.set(told.size)
      memory.remove({ worker: String(worker) })
    },
    workerReplaced: () => replaced.inc(),
    workerHung: () => hung.inc()
  }
}
