import { collectDefaultMetrics, Registry } from 'prom-client'
import { keyOf } from '../../api/meta.ts'
import { systemClock } from '../clock.ts'
import { type AsyncCallMetrics, createAsyncCallMetrics } from './async.ts'
import { type AuditMetrics, createAuditMetrics } from './audit.ts'
import { type AuthMetrics, createAuthMetrics } from './auth.ts'
import { type AutoscalerMetrics, createAutoscalerMetrics } from './autoscaler.ts'
import { createEngineMetrics, type EngineMetrics } from './engine.ts'
import { FunctionMetricsTable, type ReplicaCounts } from './function.ts'
import type { FunctionMetrics } from './function-calls.ts'
import { createGarbageMetrics, type GarbageMetrics } from './garbage.ts'
import { createGatewayMetrics, type GatewayMetrics } from './gateway.ts'
import { createLag, type LagTracker } from './lag.ts'
import { createLogReaderMetrics, type LogReaderMetrics } from './logs.ts'
import { type ControllerMetrics, LoopMetrics } from './loop.ts'
import { createNamespaceMetrics, type NamespaceMetrics } from './namespaces.ts'
import { createScheduleMetrics, type ScheduleMetrics } from './schedules.ts'
import { createSecretMetrics, type SecretMetrics } from './secrets.ts'
import { createStoreMetrics, type StoreMetrics } from './store.ts'
import { createTlsMetrics, type TlsMetrics } from './tls.ts'
import { createUsageMetrics, type UsageMetrics } from './usage.ts'
import { createWatchMetrics, type WatchMetrics } from './watches.ts'
import { createWorkerMetrics, type WorkerMetrics } from './workers.ts'

export interface MetricsOptions {
  /** Milliseconds of the clock that the lag is told in; the system's when left out. */
  readonly now?: () => number
  /** Whether Node's own metrics are there too; they are when left out. */
  readonly nodeMetrics?: boolean
}

/** Every metric of the program. Names and labels are a contract with dashboards and alerts. */
export interface Metrics
  extends AuditMetrics,
    AuthMetrics,
    AutoscalerMetrics,
    EngineMetrics,
    GarbageMetrics,
    GatewayMetrics,
    LogReaderMetrics,
    NamespaceMetrics,
    SecretMetrics,
    StoreMetrics,
    TlsMetrics,
    UsageMetrics,
    WatchMetrics,
    WorkerMetrics {
  /** The text that Prometheus reads, and its content type. */
  readonly expose: () => Promise<{ readonly contentType: string; readonly text: string }>

  /** The object of one function, the same until it is removed. Only for functions that exist: it makes series. */
  readonly functionMetrics: (key: string) => FunctionMetrics
  /** The same, and undefined where there is none: after the removal, or before anybody asked for it. */
  readonly knownFunctionMetrics: (key: string) => FunctionMetrics | undefined
  /** The objects of all functions that were asked for. */
  readonly allFunctionMetrics: () => Iterable<readonly [string, FunctionMetrics]>
  readonly setReplicas: (key: string, counts: ReplicaCounts) => void
  /** Removes every series of a function and forgets its lag. */
  readonly removeFunction: (namespace: string, name: string) => void
  readonly lag: LagTracker
  readonly schedules: ScheduleMetrics
  readonly asyncCalls: AsyncCallMetrics

  /** The metrics of one controller; ask once. */
  readonly controller: (name: string) => ControllerMetrics
}

/** Metrics with a registry of their own: nothing is shared between two of them. */
export function createMetrics({ now = systemClock.now, nodeMetrics = true }: MetricsOptions = {}): Metrics {
  const registry = new Registry()
  const functions = new FunctionMetricsTable(registry)
  const loop = new LoopMetrics(registry)
  const lag = createLag(registry, now)
  const usage = createUsageMetrics(registry)
  const asyncCalls = createAsyncCallMetrics(registry)
  if (nodeMetrics) collectDefaultMetrics({ register: registry })
  return {
    expose: async () => ({ contentType: registry.contentType, text: await registry.metrics() }),
    functionMetrics: key => functions.get(key),
    knownFunctionMetrics: key => functions.find(key),
    allFunctionMetrics: () => functions.entries(),
    setReplicas: (key, counts) => functions.setReplicas(key, counts),
    removeFunction: (namespace, name) => {
      const key = keyOf({ namespace, name })
      functions.remove(key)
      usage.removeUsage(key)
      asyncCalls.remove(key)
      lag.forget(key)
    },
    lag,
    asyncCalls,
    controller: name => loop.controller(name),
    ...createGatewayMetrics(registry),
    ...createEngineMetrics(registry),
    ...createGarbageMetrics(registry),
    ...createLogReaderMetrics(registry),
    ...createWatchMetrics(registry),
    ...createNamespaceMetrics(registry),
    ...createSecretMetrics(registry),
    schedules: createScheduleMetrics(registry),
    ...createStoreMetrics(registry),
    ...createTlsMetrics(registry),
    ...createAuditMetrics(registry),
    ...createAuthMetrics(registry),
    ...createAutoscalerMetrics(registry),
    ...usage,
    ...createWorkerMetrics(registry)
  }
}
