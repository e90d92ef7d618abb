import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client'
import { keyOf, parseKey } from '../../api/meta.ts'
import { systemClock } from '../clock.ts'
import type { EngineFault } from '../engine/faults.ts'
import { type AsyncCallMetrics, createAsyncCallMetrics } from './async.ts'
import { type AuditMetrics, createAuditMetrics } from './audit.ts'
import { type AuthMetrics, createAuthMetrics } from './auth.ts'
import { type AutoscalerMetrics, createAutoscalerMetrics } from './autoscaler.ts'
import { type FunctionMetrics, FunctionMetricsTable, type ReplicaCounts } from './function.ts'
import { createGarbageMetrics, type GarbageMetrics } from './garbage.ts'
import { LagTracker } from './lag.ts'
import { createLogReaderMetrics, type LogReaderMetrics } from './logs.ts'
import { type ControllerMetrics, LoopMetrics } from './loop.ts'
import { createNamespaceMetrics, type NamespaceMetrics } from './namespaces.ts'
import { createScheduleMetrics, type ScheduleMetrics } from './schedules.ts'
import { createSecretMetrics, type SecretMetrics } from './secrets.ts'
import { createTlsMetrics, type TlsMetrics } from './tls.ts'
import { createUsageMetrics, type UsageMetrics } from './usage.ts'
import { createWorkerMetrics, type WorkerMetrics } from './workers.ts'

/** Why every key was enqueued. */
export const RESYNC_REASONS = ['start', 'reconnect', 'disconnect', 'away', 'gap', 'periodic', 'asked'] as const
export type ResyncReason = (typeof RESYNC_REASONS)[number]

export const REPAIR_KINDS = [
  'connect-replica',
  'disconnect-replica',
  'unpause-replica',
  'rename-replica',
  'start-replica'
] as const
export type RepairKind = (typeof REPAIR_KINDS)[number]

const STORE_STATUSES = ['success', 'error'] as const
export type StoreStatus = (typeof STORE_STATUSES)[number]

const METHODS: ReadonlySet<string> = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'])

export interface HttpObservation {
  readonly method: string
  /** Route template, never a raw path. */
  readonly path: string
  readonly code: number
  readonly seconds: number
}

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
    GarbageMetrics,
    LogReaderMetrics,
    NamespaceMetrics,
    SecretMetrics,
    TlsMetrics,
    UsageMetrics,
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
  readonly setFunctionsDeployed: (count: number) => void
  /** Removes every series of a function and forgets its lag. */
  readonly removeFunction: (namespace: string, name: string) => void
  readonly lag: LagTracker
  readonly schedules: ScheduleMetrics
  readonly asyncCalls: AsyncCallMetrics

  /** The metrics of one controller; ask once. */
  readonly controller: (name: string) => ControllerMetrics
  readonly observeRequest: (request: HttpObservation) => void
  /** A request to the API was refused for its rate. */
  readonly rateLimited: () => void
  readonly observeEngineCall: (operation: string, fault: EngineFault | 'none', seconds: number) => void
  /** Whether calls are kept away from an engine that does not answer. */
  readonly setBreakerOpen: (isOpen: boolean) => void
  /** Whether events come in; counts a gap when they no longer do. */
  readonly setWatchConnected: (connected: boolean) => void
  readonly watchResynced: (reason: ResyncReason) => void
  readonly observeStoreOperation: (operation: string, status: StoreStatus, seconds: number) => void
  /** Calls that are held until a function is ready. */
  readonly setActivatorWaiting: (count: number) => void
  /** It could not be written down that a function is to run for calls that wait. */
  readonly wakeWriteFailed: () => void
  /** What somebody did to a replica by hand, or what befell it, was undone. */
  readonly repaired: (kind: RepairKind) => void
  /** Repairs were told to wait, so that the engine is not overrun. */
  readonly repairDelayed: (seconds: number) => void
  /** The process did not get to run for a while. */
  readonly stalled: () => void
  /** A promise failed that nobody waits for. */
  readonly rejected: () => void
  /** So many connections of clients were cut off, or not taken, as there were too many. */
  readonly connectionsCut: (count: number) => void
  /** The gateway came up. */
  readonly gatewayStarted: () => void
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

function createLag(registry: Registry, now: () => number): LagTracker {
  const registers = [registry]
  const convergence = new Histogram({
    ...{ name: 'docker_faas_convergence_seconds', help: 'Time from a wish written down until the world meets it' },
    ...{ buckets: [0.1, 0.25, 0.5, 1, 2, 3, 5, 10, 20, 30, 60, 120, 300, 600], registers }
  })
  const lag = new LagTracker(seconds => convergence.observe(seconds))
  new Gauge({
    ...{
      name: 'docker_faas_reconcile_lag_seconds',
      help: 'Time since the oldest wish that is not met; 0 when all are'
    },
    ...{ labelNames: ['namespace', 'function'], registers },
    collect() {
      this.reset()
      for (const key of lag.keys()) {
        const { namespace, name } = parseKey(key)
        this.set({ namespace, function: name }, lag.lagOf(key, now()) / 1000)
      }
    }
  })
  new Gauge({
    ...{ name: 'docker_faas_reconcile_lag_max_seconds', help: 'The longest lag of all functions', registers },
    collect() {
      this.set(lag.maxLag(now()) / 1000)
    }
  })
  return lag
}

function createGatewayMetrics(registry: Registry) {
  const registers = [registry]
  const labelNames = ['method', 'path', 'code']
  const counter = (name: string, help: string, labels: string[] = []) =>
    new Counter({ name, help, labelNames: labels, registers })
  const restarts = counter('gateway_restarts_total', 'Starts of the gateway in this process')
  const stalls = counter(
    'faas_event_loop_stalls_total',
    'Times that the process did not get to run for a second or more'
  )
  const rejections = counter('faas_unhandled_rejections_total', 'Promises that failed and that nobody waits for')
  const cut = counter(
    'faas_connections_cut_total',
    'Connections that were cut off, or not taken, as there were too many'
  )
  // The older program's name, and those of OpenFaaS: of its provider and of its gateway, which are one here.
  const requests = ['gateway_http_requests_total', 'provider_http_requests_total', 'http_requests_total'].map(name =>
    counter(name, 'Requests to the API', labelNames)
  )
  const limited = counter('docker_faas_api_rate_limited_total', 'Requests to the API that were refused for their rate')
  const errors = counter('gateway_http_errors_total', 'Requests to the API that were answered 400 or above')
  const seconds = new Histogram({
    name: 'gateway_request_duration_seconds',
    help: 'Duration of requests to the API',
    registers
  })
  const durations = ['provider_http_request_duration_seconds', 'http_request_duration_seconds'].map(
    name => new Histogram({ name, help: 'Duration of requests to the API', labelNames, registers })
  )
  const deployed = new Gauge({ name: 'functions_deployed', help: 'Functions that are written down', registers })
  const waiting = new Gauge({ name: 'faas_activator_waiting', help: 'Calls that wait for a ready replica', registers })
  const unwritten = new Counter({
    name: 'faas_wake_write_failures_total',
    help: 'Times that it could not be written down that a function is to run for calls that wait',
    registers
  })
  return {
    observeRequest: (request: HttpObservation) => {
      const method = METHODS.has(request.method) ? request.method : 'OTHER'
      const labels = { method, path: request.path, code: String(request.code) }
      for (const family of requests) family.inc(labels)
      if (request.code >= 400) errors.inc()
      seconds.observe(request.seconds)
      for (const family of durations) family.observe(labels, request.seconds)
    },
    rateLimited: () => limited.inc(),
    setFunctionsDeployed: (count: number) => deployed.set(count),
    setActivatorWaiting: (count: number) => waiting.set(count),
    wakeWriteFailed: () => unwritten.inc(),
    stalled: () => stalls.inc(),
    rejected: () => rejections.inc(),
    connectionsCut: (count: number) => cut.inc(count),
    gatewayStarted: () => restarts.inc()
  }
}

function createEngineMetrics(registry: Registry) {
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

function createStoreMetrics(registry: Registry) {
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
