import { Counter, Gauge, Histogram, type Registry } from 'prom-client'
import type { EngineFault } from '../engine/faults.ts'

/** Why everything is looked at. */
export const RESYNC_REASONS = ['start', 'reconnect', 'disconnect', 'away', 'gap', 'periodic', 'asked'] as const
export type ResyncReason = (typeof RESYNC_REASONS)[number]

/** Steps that undo something, where their cause does not say otherwise. */
export const REPAIR_KINDS = [
  'connect-replica',
  'disconnect-replica',
  'unpause-replica',
  'rename-replica',
  'start-replica'
] as const
export type RepairKind = (typeof REPAIR_KINDS)[number]

/** Calls of the engine, its events, and what was mended in it. */
export interface EngineMetrics {
  readonly observeEngineCall: (operation: string, fault: EngineFault | 'none', seconds: number) => void
  /** Whether calls are kept away from an engine that does not answer. */
  readonly setBreakerOpen: (isOpen: boolean) => void
  /** Whether events come in; counts a gap when they no longer do. */
  readonly setWatchConnected: (connected: boolean) => void
  readonly watchResynced: (reason: ResyncReason) => void
  /** What somebody did to a replica by hand, or what befell it, was undone. */
  readonly repaired: (kind: RepairKind) => void
  /** Repairs were told to wait, so that the engine is not overrun. */
  readonly repairDelayed: (seconds: number) => void
}

export function createEngineMetrics(registry: Registry): EngineMetrics {
  const registers = [registry]
  const seconds = new Histogram({
    ...{ name: 'faas_engine_request_duration_seconds', help: 'Duration of calls of the engine, by what came out' },
    ...{
      labelNames: ['operation', 'fault'],
      buckets: [0.001, 0.005, 0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60],
      registers
    }
  })
  const breaker = new Gauge({
    ...{ name: 'faas_engine_breaker_open', help: 'Whether the engine does not answer and calls are kept away from it' },
    registers
  })
  const connected = new Gauge({
    name: 'faas_engine_watch_connected',
    help: 'Whether events of the engine come in',
    registers
  })
  const resyncs = new Counter({
    ...{
      name: 'faas_engine_watch_resyncs_total',
      help: 'Times that every key was enqueued',
      labelNames: ['reason'],
      registers
    }
  })
  const gaps = new Counter({
    name: 'faas_engine_watch_gaps_total',
    help: 'Times that the stream of events of the engine broke off',
    registers
  })
  const repairs = new Counter({
    ...{ name: 'faas_repairs_total', help: 'Changes by hand to replicas that were undone' },
    ...{ labelNames: ['kind'], registers }
  })
  const delays = new Histogram({
    ...{ name: 'faas_engine_throttle_wait_seconds', help: 'Time that repairs wait so that the engine is not overrun' },
    ...{ buckets: [0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300], registers }
  })
  let isWatching = false
  for (const reason of RESYNC_REASONS) resyncs.inc({ reason }, 0)
  for (const kind of REPAIR_KINDS) repairs.inc({ kind }, 0)
  return {
    observeEngineCall: (operation: string, fault: EngineFault | 'none', took: number) =>
      seconds.observe({ operation, fault }, took),
    setBreakerOpen: (isOpen: boolean) => breaker.set(isOpen ? 1 : 0),
    setWatchConnected: (isConnected: boolean) => {
      // Each attempt that fails while the engine is away belongs to the same gap.
      if (isWatching && !isConnected) gaps.inc()
      isWatching = isConnected
      connected.set(isConnected ? 1 : 0)
    },
    watchResynced: (reason: ResyncReason) => resyncs.inc({ reason }),
    repairDelayed: (seconds: number) => delays.observe(seconds),
    repaired: (kind: RepairKind) => repairs.inc({ kind })
  }
}
