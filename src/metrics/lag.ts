import { Gauge, Histogram, type Registry } from 'prom-client'
import { parseKey } from '../../api/meta.ts'

interface Pending {
  readonly generation: number
  readonly atMs: number
}

interface Tracked {
  metGeneration: number
  /** Since when the world does not meet it any more. */
  lostAtMs?: number | undefined
  /** Oldest first. */
  pending: readonly Pending[]
}

/** Under more unmet generations than this the newest ones count as wanted since the first of them. */
const MAX_PENDING = 16

/**
 * How long wishes have been waiting: the time since the oldest generation that the world does not meet yet, or since it
 * ceased to meet the one that it met. All times are milliseconds of one clock, and it does not matter which.
 */
export class LagTracker {
  readonly #tracked = new Map<string, Tracked>()
  readonly #observe: (seconds: number) => void

  /** `observe` is told how long a wish took, when it is met. */
  constructor(observe: (seconds: number) => void = () => undefined) {
    this.#observe = observe
  }

  /** Says that a generation is wanted. The same one again changes nothing; a lower one is that of a new object. */
  wanted(key: string, generation: number, atMs: number): void {
    const known = this.#tracked.get(key)
    const latest = known === undefined ? 0 : (known.pending.at(-1)?.generation ?? known.metGeneration)
    if (generation === latest) return
    const pending = known === undefined || generation < latest ? [] : known.pending
    const metGeneration = generation < latest ? 0 : (known?.metGeneration ?? 0)
    const lostAtMs = metGeneration === 0 ? undefined : known?.lostAtMs
    this.#tracked.set(key, { metGeneration, lostAtMs, pending: extended(pending, { generation, atMs }) })
  }

  /** Says that the world met a generation before anybody looked: it is no news how long that took. */
  foundMet(key: string, generation: number): void {
    this.#tracked.set(key, { metGeneration: generation, pending: [] })
  }

  /** Says that the world meets a generation, and so all before it. Unknown keys and generations are passed over. */
  met(key: string, generation: number, atMs: number): void {
    const known = this.#tracked.get(key)
    if (known === undefined) return
    if (generation >= known.metGeneration) known.lostAtMs = undefined
    const oldest = known.pending[0]
    if (oldest === undefined || generation < oldest.generation) return
    known.pending = known.pending.filter(pending => pending.generation > generation)
    known.metGeneration = Math.max(known.metGeneration, generation)
    this.#observe(Math.max(0, atMs - oldest.atMs) / 1000)
  }

  /** Says that the world does not meet a generation. That counts from now on when it met it before. */
  lost(key: string, generation: number, atMs: number): void {
    const known = this.#tracked.get(key)
    if (known?.metGeneration === generation) known.lostAtMs ??= atMs
  }

  /** Forgets a function that is gone. */
  forget(key: string): void {
    this.#tracked.delete(key)
  }

  /** Milliseconds; 0 when nothing is waited for. */
  lagOf(key: string, now: number): number {
    const tracked = this.#tracked.get(key)
    const sinceMs = Math.min(tracked?.pending[0]?.atMs ?? now, tracked?.lostAtMs ?? now)
    return Math.max(0, now - sinceMs)
  }

  /** Milliseconds of the key that waits longest; 0 when none does. */
  maxLag(now: number): number {
    return this.keys().reduce((longest, key) => Math.max(longest, this.lagOf(key, now)), 0)
  }

  /** Every key that was wanted and not forgotten. */
  keys(): string[] {
    return [...this.#tracked.keys()]
  }
}

function extended(pending: readonly Pending[], next: Pending): readonly Pending[] {
  const last = pending.at(-1)
  if (pending.length < MAX_PENDING || last === undefined) return [...pending, next]
  return [...pending.slice(0, -1), { generation: next.generation, atMs: last.atMs }]
}

/** The lag of all functions, with its metrics; `now` gives milliseconds of the clock that it is told in. */
export function createLag(registry: Registry, now: () => number): LagTracker {
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
