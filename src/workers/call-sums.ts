import type { ProxyMetrics } from '../gateway/proxy-deps.ts'
import { SECONDS_BUCKETS } from '../metrics/buckets.ts'
import type { BucketSum, CallSums } from './protocol.ts'

/** What of the proxy's metrics is told with a key, and perhaps one word out of few. */
type Counted = Exclude<keyof ProxyMetrics, 'finished' | 'waiting'>

interface Bucket {
  count: number
  seconds: number
}

interface Sums {
  readonly counts: Record<string, number>
  /** Code → bucket → durations. */
  readonly finished: Map<number, Map<number, Bucket>>
}

/** The worker's end of the metrics of calls: sums, which are told now and then. */
export class CallSummer {
  readonly #sums = new Map<string, Sums>()
  /** What the proxy counts with. */
  readonly metrics: ProxyMetrics
  /** How many calls wait for an endpoint now. */
  waiting = 0

  constructor() {
    this.metrics = {
      started: key => this.#count(key, 'started'),
      retried: key => this.#count(key, 'retried'),
      shed: (key, reason) => this.#count(key, 'shed', reason),
      timedOut: (key, kind) => this.#count(key, 'timedOut', kind),
      held: key => this.#count(key, 'held'),
      waiting: count => {
        this.waiting = count
      },
      finished: (key, code, seconds) => this.#finish(key, code, seconds)
    }
  }

  /** The sums since the last time, in no order. */
  take(): CallSums[] {
    const taken = [...this.#sums].map(([key, { counts, finished }]) => ({
      key,
      counts,
      finished: [...finished].map(([code, buckets]) => ({ code, buckets: [...buckets].map(toBucketSum) }))
    }))
    this.#sums.clear()
    return taken
  }

  #count(key: string, what: Counted, word?: string): void {
    const { counts } = this.#of(key)
    const name = word === undefined ? what : `${what} ${word}`
    counts[name] = (counts[name] ?? 0) + 1
  }

  #finish(key: string, code: number, seconds: number): void {
    const { finished } = this.#of(key)
    let buckets = finished.get(code)
    if (buckets === undefined) {
      buckets = new Map()
      finished.set(code, buckets)
    }
    const at = bucketOf(seconds)
    const bucket = buckets.get(at)
    if (bucket === undefined) buckets.set(at, { count: 1, seconds })
    else {
      bucket.count++
      bucket.seconds += seconds
    }
  }

  #of(key: string): Sums {
    const known = this.#sums.get(key)
    if (known !== undefined) return known
    const sums = { counts: {}, finished: new Map<number, Map<number, Bucket>>() }
    this.#sums.set(key, sums)
    return sums
  }
}

/** A worker's call that broke with it is counted as an answer that broke off. */
const BROKEN_CODE = 502

/**
 * The controller's end for one worker: adds its sums to the metrics. Within a bucket of their histogram durations are told by their
 * mean, which leaves counts, buckets and sums as if each had been told by itself.
 */
export class CallLedger {
  readonly #metrics: ProxyMetrics
  /** Key → calls that were started and not finished. */
  readonly #open = new Map<string, number>()

  constructor(metrics: ProxyMetrics) {
    this.#metrics = metrics
  }

  add(sums: readonly CallSums[]): void {
    for (const { key, counts, finished } of sums) {
      for (const [name, count] of Object.entries(counts)) {
        const [what, word] = name.split(' ')
        const tell = this.#metrics[what as Counted] as (key: string, word?: string) => void
        repeat(count, () => tell(key, word))
      }
      let ended = 0
      for (const { code, buckets } of finished) {
        for (const [, count, seconds] of buckets) {
          repeat(count, () => this.#metrics.finished(key, code, seconds / count))
          ended += count
        }
      }
      this.#note(key, (counts['started'] ?? 0) - ended)
    }
  }

  /** The worker is gone: ends what it had begun. */
  close(): void {
    for (const [key, count] of this.#open) repeat(count, () => this.#metrics.finished(key, BROKEN_CODE, 0))
    this.#open.clear()
  }

  #note(key: string, change: number): void {
    const open = (this.#open.get(key) ?? 0) + change
    if (open > 0) this.#open.set(key, open)
    else this.#open.delete(key)
  }
}

function repeat(times: number, act: () => void): void {
  for (let i = 0; i < times; i++) act()
}

/** The bucket of the histogram that takes the duration; one more than it has for what is longer than all. */
function bucketOf(seconds: number): number {
  const at = SECONDS_BUCKETS.findIndex(bound => seconds <= bound)
  return at < 0 ? SECONDS_BUCKETS.length : at
}

function toBucketSum([at, { count, seconds }]: readonly [number, Bucket]): BucketSum {
  return [at, count, seconds]
}
