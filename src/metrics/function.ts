import { Counter, Gauge, Histogram, type Registry } from 'prom-client'
import { parseKey } from '../../api/meta.ts'
import { SHED_REASONS, type ShedReason, TIMEOUT_KINDS, type TimeoutKind } from '../gateway/proxy-deps.ts'
import { SECONDS_BUCKETS } from './buckets.ts'

/** What the invocation path tells of one function; got once per call from a map, nothing else is looked up. */
export interface FunctionMetrics {
  /** A call was taken. Every one of them ends in one `finished`. */
  readonly started: () => void
  readonly finished: (code: number, seconds: number) => void
  /** A call went out again: it had reached no replica, or its function asks for it. */
  readonly retried: () => void
  /** A call was refused at once. */
  readonly shed: (reason: ShedReason) => void
  /** A time of a call was over. */
  readonly timedOut: (kind: TimeoutKind) => void
  /** A call had to wait for a replica. */
  readonly held: () => void
  /** A call brought it back from zero. */
  readonly woken: () => void
  /** A call brought it back from being frozen. */
  readonly thawed: () => void
  /** A replica failed its liveness probe, and is replaced. */
  readonly livenessFailed: () => void
  /** Calls that are running. */
  readonly inflight: number
  /** Calls that were taken since the start of the process. */
  readonly calls: number
  /** Calls that have finished since the start of the process. */
  readonly invocations: number
  /** Of these, the ones that were answered 200. */
  readonly succeeded: number
}

/** Replicas of a function, by what they are. */
export interface ReplicaCounts {
  readonly wanted: number
  /** Containers of it, in whatever phase. */
  readonly replicas: number
  readonly ready: number
  readonly frozen: number
  /** The load per replica that its autoscaler aims at; left out when it has none. */
  readonly target?: number
  /** The least number of replicas that its autoscaler leaves, and the most. */
  readonly min?: number
  readonly max?: number
}

/** `name.namespace`: the value of the label `function_name`, for functions of the default namespace too. */
export function functionNameLabel(key: string): string {
  const { namespace, name } = parseKey(key)
  return `${name}.${namespace}`
}

const NAME = ['function_name']
const NAME_AND_CODE = ['function_name', 'code']

/** The metrics of functions: OpenFaaS's names, and those that the older Docker FaaS had. */
export class FunctionMetricsTable {
  readonly #families: Families
  readonly #byKey = new Map<string, BoundFunction>()

  constructor(registry: Registry) {
    const registers = [registry]
    const counter = (name: string, help: string, labelNames: string[]) =>
      new Counter({ name, help, labelNames, registers })
    const gauge = (name: string, help: string) => new Gauge({ name, help, labelNames: NAME, registers })
    const histogram = (name: string, help: string, labelNames: string[]) =>
      new Histogram({ name, help, labelNames, buckets: SECONDS_BUCKETS, registers })
    this.#families = {
      started: counter('gateway_function_invocation_started', 'Calls of functions that were taken', NAME),
      total: counter('gateway_function_invocation_total', 'Calls of functions that have finished', NAME_AND_CODE),
      seconds: histogram('gateway_functions_seconds', 'Duration of calls of functions', NAME_AND_CODE),
      shed: counter('gateway_function_invocation_shed_total', 'Calls that were refused at once, by why', [
        ...NAME,
        'reason'
      ]),
      timeouts: counter('gateway_function_invocation_timeouts_total', 'Times of calls that were over, by which', [
        ...NAME,
        'kind'
      ]),
      retries: counter('gateway_function_invocation_retries_total', 'Calls that went out again', NAME),
      held: counter('faas_function_held_calls_total', 'Calls that had to wait for a replica', NAME),
      woken: counter('faas_function_wakes_total', 'Times that a call brought the function back from zero', NAME),
      thawed: counter('faas_function_thaws_total', 'Times that a call brought the function back from frozen', NAME),
      unhealthy: counter('faas_function_liveness_failures_total', 'Replicas that failed their liveness probe', NAME),
      inflight: gauge('gateway_function_invocation_inflight', 'Calls of functions that are running'),
      legacyTotal: counter('function_invocations_total', 'Calls of functions that have finished', NAME_AND_CODE),
      legacySeconds: histogram('function_duration_seconds', 'Duration of calls of functions', NAME),
      legacyErrors: counter('function_errors_total', 'Calls of functions that were answered 500 or above', NAME),
      serviceCount: gauge('gateway_service_count', 'Ready replicas, by the name of OpenFaaS CE'),
      serviceReady: gauge('gateway_service_ready_count', 'Ready replicas'),
      serviceTarget: gauge('gateway_service_target', 'Load per replica that the autoscaler aims at'),
      serviceMin: gauge('gateway_service_min', 'Least number of replicas that the autoscaler leaves'),
      frozen: gauge('faas_function_replicas_frozen', 'Frozen replicas'),
      replicasMax: gauge('faas_function_replicas_max', 'Most replicas that the autoscaler gives'),
      replicasWanted: gauge('faas_function_replicas_wanted', 'Replicas that are wanted'),
      legacyReplicas: gauge('function_replicas', 'Containers of the function')
    }
  }

  /** The same object for a key until that is removed. Ask only for functions that exist: each one makes series. */
  get(key: string): FunctionMetrics {
    const known = this.#byKey.get(key)
    if (known !== undefined) return known
    const bound = new BoundFunction(functionNameLabel(key), this.#families)
    this.#byKey.set(key, bound)
    return bound
  }

  /** As `get`, but makes nothing. */
  find(key: string): FunctionMetrics | undefined {
    return this.#byKey.get(key)
  }

  /** Every function that somebody asked for. */
  entries(): IterableIterator<[string, FunctionMetrics]> {
    return this.#byKey.entries()
  }

  setReplicas(key: string, counts: ReplicaCounts): void {
    this.get(key)
    const families = this.#families
    const name = functionNameLabel(key)
    families.serviceCount.set({ function_name: name }, counts.ready)
    families.serviceReady.set({ function_name: name }, counts.ready)
    families.legacyReplicas.set({ function_name: name }, counts.replicas)
    families.replicasWanted.set({ function_name: name }, counts.wanted)
    families.frozen.set({ function_name: name }, counts.frozen)
    setOrRemove(families.serviceTarget, name, counts.target)
    setOrRemove(families.serviceMin, name, counts.min)
    setOrRemove(families.replicasMax, name, counts.max)
  }

  /** Removes every series of the function. Calls that still run are not counted any more. */
  remove(key: string): void {
    this.#byKey.get(key)?.close()
    this.#byKey.delete(key)
  }
}

interface Families {
  readonly started: Counter
  readonly total: Counter
  readonly seconds: Histogram
  readonly retries: Counter
  readonly shed: Counter
  readonly timeouts: Counter
  readonly held: Counter
  readonly woken: Counter
  readonly thawed: Counter
  readonly unhealthy: Counter
  readonly inflight: Gauge
  readonly legacyTotal: Counter
  readonly legacySeconds: Histogram
  readonly legacyErrors: Counter
  readonly serviceCount: Gauge
  readonly serviceReady: Gauge
  readonly serviceTarget: Gauge
  readonly serviceMin: Gauge
  readonly replicasMax: Gauge
  readonly replicasWanted: Gauge
  readonly frozen: Gauge
  readonly legacyReplicas: Gauge
}

interface BoundCode {
  readonly total: Counter.Internal
  readonly legacyTotal: Counter.Internal
  readonly seconds: Histogram.Internal<string>
}

class BoundFunction implements FunctionMetrics {
  readonly #name: string
  readonly #families: Families
  readonly #codes = new Map<number, BoundCode>()
  readonly #started: Counter.Internal
  readonly #retries: Counter.Internal
  readonly #shed: ReadonlyMap<ShedReason, Counter.Internal>
  readonly #timeouts: ReadonlyMap<TimeoutKind, Counter.Internal>
  readonly #held: Counter.Internal
  readonly #woken: Counter.Internal
  readonly #thawed: Counter.Internal
  readonly #unhealthy: Counter.Internal
  readonly #inflightGauge: Gauge.Internal<string>
  readonly #legacySeconds: Histogram.Internal<string>
  readonly #legacyErrors: Counter.Internal
  #inflight = 0
  #calls = 0
  #invocations = 0
  #succeeded = 0
  #closed = false

  constructor(name: string, families: Families) {
    this.#name = name
    this.#families = families
    this.#started = families.started.labels(name)
    this.#retries = families.retries.labels(name)
    this.#shed = boundCounters(families.shed, name, SHED_REASONS)
    this.#timeouts = boundCounters(families.timeouts, name, TIMEOUT_KINDS)
    this.#held = families.held.labels(name)
    this.#woken = families.woken.labels(name)
    this.#thawed = families.thawed.labels(name)
    this.#unhealthy = families.unhealthy.labels(name)
    this.#inflightGauge = families.inflight.labels(name)
    this.#legacySeconds = families.legacySeconds.labels(name)
    this.#legacyErrors = families.legacyErrors.labels(name)
    const counters = [this.#started, this.#retries, this.#held, this.#woken, this.#thawed, this.#unhealthy]
    for (const counter of counters) counter.inc(0)
    this.#inflightGauge.set(0)
    this.#legacyErrors.inc(0)
    families.legacySeconds.zero({ function_name: name })
  }

  get inflight(): number {
    return this.#inflight
  }

  get calls(): number {
    return this.#calls
  }

  get invocations(): number {
    return this.#invocations
  }

  get succeeded(): number {
    return this.#succeeded
  }

  readonly started = (): void => {
    this.#inflight++
    this.#calls++
    if (this.#closed) return
    this.#started.inc()
    this.#inflightGauge.set(this.#inflight)
  }

  readonly retried = (): void => {
    if (!this.#closed) this.#retries.inc()
  }

  readonly shed = (reason: ShedReason): void => {
    if (!this.#closed) this.#shed.get(reason)?.inc()
  }

  readonly timedOut = (kind: TimeoutKind): void => {
    if (!this.#closed) this.#timeouts.get(kind)?.inc()
  }

  readonly held = (): void => {
    if (!this.#closed) this.#held.inc()
  }

  readonly woken = (): void => {
    if (!this.#closed) this.#woken.inc()
  }

  readonly thawed = (): void => {
    if (!this.#closed) this.#thawed.inc()
  }

  readonly livenessFailed = (): void => {
    if (!this.#closed) this.#unhealthy.inc()
  }

  readonly finished = (code: number, seconds: number): void => {
    this.#inflight--
    this.#invocations++
    if (code === 200) this.#succeeded++
    if (this.#closed) return
    this.#inflightGauge.set(this.#inflight)
    const bound = this.#code(code)
    bound.total.inc()
    bound.legacyTotal.inc()
    bound.seconds.observe(seconds)
    this.#legacySeconds.observe(seconds)
    if (code >= 500) this.#legacyErrors.inc()
  }

  /** Removes its series and makes no new ones, though calls that still run will finish. */
  close(): void {
    this.#closed = true
    const { total, legacyTotal, seconds, shed, timeouts, ...byName } = this.#families
    const name = { function_name: this.#name }
    for (const family of Object.values(byName)) family.remove(name)
    for (const reason of SHED_REASONS) shed.remove({ ...name, reason })
    for (const kind of TIMEOUT_KINDS) timeouts.remove({ ...name, kind })
    for (const code of this.#codes.keys()) {
      for (const family of [total, legacyTotal, seconds]) family.remove({ ...name, code: String(code) })
    }
  }

  #code(code: number): BoundCode {
    const known = this.#codes.get(code)
    if (known !== undefined) return known
    const { total, legacyTotal, seconds } = this.#families
    const labels = [this.#name, String(code)]
    const bound = {
      total: total.labels(...labels),
      legacyTotal: legacyTotal.labels(...labels),
      seconds: seconds.labels(...labels)
    }
    this.#codes.set(code, bound)
    return bound
  }
}

/** A counter of the function for each value of a closed label, zero at start. */
function boundCounters<T extends string>(
  family: Counter,
  name: string,
  values: readonly T[]
): ReadonlyMap<T, Counter.Internal> {
  return new Map(
    values.map(value => {
      const bound = family.labels(name, value)
      bound.inc(0)
      return [value, bound]
    })
  )
}

function setOrRemove(family: Gauge, name: string, value: number | undefined): void {
  if (value === undefined) family.remove({ function_name: name })
  else family.set({ function_name: name }, value)
}
