import PQueue from 'p-queue'
import type { ContainerUsage, Engine } from '../../src/engine/engine.ts'

export interface CpuReaderDeps {
  readonly engine: Pick<Engine, 'usage'>
  /** Ids of the containers of a function that answer. */
  readonly containersOf: (key: string) => readonly string[]
  /** Told when readings fail, and not again until one has succeeded. */
  readonly onFailure: (err: unknown) => void
  /** Monotonic milliseconds. */
  readonly now: () => number
}

/** So many containers are read at the same time: each reading is work for the engine. */
const CONCURRENCY = 4
/** A function is read this often at most. */
const EVERY_MS = 2000
/** A rate that is older, or a mean over longer, says nothing about now. */
const FRESH_MS = 10_000

interface Rate {
  readonly millicores: number
  readonly at: number
}

/** Reads of the engine how much CPU functions use. Asked for those only that scale by it and are called. */
export class CpuReader {
  readonly #deps: CpuReaderDeps
  readonly #pool = new PQueue({ concurrency: CONCURRENCY })
  /** Key → container id → its last reading. */
  readonly #usages = new Map<string, ReadonlyMap<string, ContainerUsage>>()
  readonly #rates = new Map<string, Rate>()
  #isReading = false
  #readAt = Number.NEGATIVE_INFINITY
  #hasFailed = false

  constructor(deps: CpuReaderDeps) {
    this.#deps = deps
  }

  /** Thousandths of a core that the replicas of a function use together; undefined when that is not known of now. */
  rateOf(key: string): number | undefined {
    const rate = this.#rates.get(key)
    return rate === undefined || this.#deps.now() - rate.at > FRESH_MS ? undefined : rate.millicores
  }

  /** Reads these functions and forgets others; no effect soon after or during the last reading. Never rejects. */
  async read(keys: readonly string[], signal: AbortSignal): Promise<void> {
    const now = this.#deps.now()
    if (this.#isReading || now - this.#readAt < EVERY_MS) return
    this.#isReading = true
    this.#readAt = now
    const wanted = new Set(keys)
    for (const key of this.#usages.keys()) if (!wanted.has(key)) this.#forget(key)
    const outcomes = await Promise.allSettled(keys.map(key => this.#readOne(key, signal)))
    this.#isReading = false
    const failed = outcomes.find(outcome => outcome.status === 'rejected')
    if (failed !== undefined && !this.#hasFailed && !signal.aborted) this.#deps.onFailure(failed.reason)
    this.#hasFailed = failed !== undefined
  }

  async #readOne(key: string, signal: AbortSignal): Promise<void> {
    const { engine, containersOf, now } = this.#deps
    const ids = containersOf(key)
    const read = await Promise.all(ids.map(id => this.#pool.add(() => engine.usage(id, signal))))
    const usages = new Map(ids.flatMap((id, at) => (read[at] === undefined ? [] : [[id, read[at]] as const])))
    const before = this.#usages.get(key)
    this.#usages.set(key, usages)
    const spent = [...usages].flatMap(([id, usage]) => spentSince(before?.get(id), usage))
    const recent = spent.filter(({ ms }) => ms <= FRESH_MS)
    if (recent.length === 0) return
    // Of replicas that were not read twice, such as new ones, the mean of the others is believed.
    const each = sum(recent.map(({ cpuMs, ms }) => (cpuMs / ms) * 1000)) / recent.length
    this.#rates.set(key, { millicores: each * ids.length, at: now() })
  }

  #forget(key: string): void {
    this.#usages.delete(key)
    this.#rates.delete(key)
  }
}

/** Milliseconds of CPU, and of time, between two readings of one container; none where it was started anew. */
function spentSince(before: ContainerUsage | undefined, after: ContainerUsage) {
  if (before === undefined || after.readAt <= before.readAt || after.cpuNanos < before.cpuNanos) return []
  return [{ cpuMs: (after.cpuNanos - before.cpuNanos) / 1e6, ms: after.readAt - before.readAt }]
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0)
}
