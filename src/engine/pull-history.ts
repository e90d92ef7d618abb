import type { Clock } from '../clock.ts'
import type { EngineFault } from './faults.ts'

const BACKOFF_CAP_MS = 5 * 60_000
/**
 * First step of the back-off: what a person has to mend is asked for less often than what mends itself. A registry's
 * `Retry-After` cannot be followed, as the engine does not pass it on; one that says too often is asked as seldom as one
 * that refuses. NOTE asking the registry beside the engine would not help: mirrors, proxies and certificates are the
 * engine's own.
 */
const BACKOFF_BASE_MS: Partial<Record<EngineFault, number>> = {
  unauthorized: 30_000,
  throttled: 30_000,
  'no-image': 10_000,
  'no-space': 10_000
}
const DEFAULT_BASE_MS = 1_000
/** What nobody asked for this long is forgotten. */
const MEMORY_MS = 60 * 60_000

/** A pull that is queued or under way. */
export interface Pull {
  readonly since: number
  currentBytes: number
  totalBytes: number
}

interface Failure {
  /** When the pull began (epoch). */
  readonly since: number
  readonly fault: EngineFault
  readonly message: string
  /** On the monotonic clock. */
  readonly retryAt: number
}

/** What is known of one reference; nothing, for one that is present and was never pulled. */
export interface PullRecord {
  pull?: Pull | undefined
  /** When the last pull that went well began (epoch) and ended (monotonic). */
  pulled?: { readonly since: number; readonly endedAt: number } | undefined
  failure?: Failure | undefined
  /** Pulls in a row that failed. */
  failures: number
  /** Pulls that ended: tells a look from before an end from one after it. */
  settled: number
  /** On the monotonic clock. */
  touchedAt: number
}

interface Deps {
  readonly clock: Pick<Clock, 'monotonic'>
  /** In [0, 1). */
  readonly random: () => number
}

/** What pulls came to, by reference: so that one that failed is tried again later and later, and none twice at a time. */
export class PullHistory {
  readonly #deps: Deps
  /** Longest untouched first. */
  readonly #records = new Map<string, PullRecord>()

  constructor(deps: Deps) {
    this.#deps = deps
  }

  get(reference: string): PullRecord | undefined {
    return this.#records.get(reference)
  }

  /** The record of a reference, as the one that was touched last. */
  touch(reference: string): PullRecord {
    const record = this.#records.get(reference) ?? { failures: 0, settled: 0, touchedAt: 0 }
    record.touchedAt = this.#deps.clock.monotonic()
    this.#records.delete(reference)
    this.#records.set(reference, record)
    return record
  }

  /** References whose last pull ended with that fault. */
  failedWith(fault: EngineFault): string[] {
    return [...this.#records].filter(([, { failure }]) => failure?.fault === fault).map(([reference]) => reference)
  }

  /** Drops the record of a reference, unless a pull is queued or under way. */
  drop(reference: string): void {
    if (this.#records.get(reference)?.pull === undefined) this.#records.delete(reference)
  }

  /** Drops what nobody has asked for for long. */
  dropOld(): void {
    const oldest = this.#deps.clock.monotonic() - MEMORY_MS
    for (const [reference, record] of this.#records) {
      if (record.touchedAt >= oldest) return
      this.drop(reference)
    }
  }

  clear(): void {
    this.#records.clear()
  }

  /** Takes down that a pull went well. */
  succeeded(record: PullRecord, { since }: Pull): void {
    settle(record)
    record.pulled = { since, endedAt: this.#deps.clock.monotonic() }
    pardon(record)
  }

  /**
   * Takes down that a pull failed. The next one is due after a random time in [0, min(cap, base·2^failures)), so that
   * references that failed together come back apart.
   */
  failed(record: PullRecord, { since }: Pull, failure: Pick<Failure, 'fault' | 'message'>): void {
    settle(record)
    const waitMs = this.#deps.random() * Math.min(BACKOFF_CAP_MS, baseMs(failure.fault) * 2 ** record.failures++)
    record.failure = { ...failure, since, retryAt: this.#deps.clock.monotonic() + waitMs }
  }
}

function settle(record: PullRecord): void {
  record.pull = undefined
  record.settled++
}

/** Clears the failures of a reference: it may be pulled at once. */
export function pardon(record: PullRecord): void {
  record.failure = undefined
  record.failures = 0
}

/** First step of the back-off after that fault. */
export function baseMs(fault: EngineFault): number {
  return BACKOFF_BASE_MS[fault] ?? DEFAULT_BASE_MS
}
