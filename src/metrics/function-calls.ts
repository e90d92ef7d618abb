import type { Counter, Gauge, Histogram } from 'prom-client'
import { SHED_REASONS, type ShedReason, TIMEOUT_KINDS, type TimeoutKind } from '../gateway/proxy-deps.ts'
import type { FunctionFamilies } from './function-families.ts'

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

interface BoundCode {
  readonly total: Counter.Internal
  readonly legacyTotal: Counter.Internal
  readonly seconds: Histogram.Internal<string>
}

/** The series of one function, looked up once. */
export class BoundFunction implements FunctionMetrics {
  readonly #name: string
  readonly #families: FunctionFamilies
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

  constructor(name: string, families: FunctionFamilies) {
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
