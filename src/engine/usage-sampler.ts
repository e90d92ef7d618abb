import { setTimeout as sleep } from 'node:timers/promises'
import PQueue from 'p-queue'
import type { FunctionUsage } from '../../api/usage.ts'
import type { ContainerUsage, Engine } from './engine.ts'

export interface UsageSamplerDeps {
  readonly engine: Pick<Engine, 'usage'>
  /** Ids of the containers of a function that answer, and of those that are frozen. */
  readonly containersOf: (key: string) => readonly string[]
  /** Told what a container of a function has used of CPU since it was last read. */
  readonly onCpu: (key: string, seconds: number) => void
  /** Told what memory all replicas of a function have. */
  readonly onMemory: (key: string, bytes: number) => void
  /** Told when readings fail, and not again until one has succeeded. */
  readonly onFailure: (err: unknown) => void
  /** Monotonic milliseconds. */
  readonly now: () => number
  /** Resolves after so many milliseconds, or rejects when the signal aborts. */
  readonly wait?: (ms: number, signal?: AbortSignal) => Promise<void>
  /** How long an asker waits; what has not been read by then is left out. */
  readonly deadlineMs?: number
}

/**
 * So many containers are read at the same time: each reading is work for the engine, and Docker before 23 takes up to a second
 * over it, with a connection out of those that the loop needs as well.
 */
const CONCURRENCY = 12
/** A container is not read again for so long, whoever asks: a page that looks each second costs half as many readings. */
const LIFE_MS = 2000
/** CPU is told over at least this much time, and at most that. */
const LEAST_WINDOW_MS = 500
const LONGEST_WINDOW_MS = 60_000
/** Readings are forgotten when nobody has asked for so long. */
const FORGET_MS = 600_000
const DEADLINE_MS = 4000
/** For metrics everything is read this often at most, so many functions at a time, for so long; and a scrape waits for so long. */
const ROUND_EVERY_MS = 10_000
const ROUND_MS = 8000
const ROUND_WAIT_MS = 1000
const ROUND_STEP = 12

interface Sample {
  /** When `latest` was read, by the monotonic clock. */
  at: number
  before: ContainerUsage | undefined
  latest: ContainerUsage | undefined
  /** What is under way, and serves all who ask meanwhile: a reading, and the wait for another one to compare with. */
  reading: Promise<void> | undefined
  comparing: Promise<void> | undefined
}

/** Reads of the engine what functions use: only when somebody asks, and each container seldom. */
export class UsageSampler {
  readonly #deps: UsageSamplerDeps
  readonly #pool = new PQueue({ concurrency: CONCURRENCY })
  readonly #samples = new Map<string, Sample>()
  /** When each function was last read for metrics. */
  #roundOf = new Map<string, number>()
  #round: Promise<void> | undefined
  #roundAt = Number.NEGATIVE_INFINITY
  #hasFailed = false

  constructor(deps: UsageSamplerDeps) {
    this.#deps = deps
  }

  /**
   * What each of these functions uses, for people who look. One that cannot be read, or not in time, is left out; one without
   * replicas uses nothing. Never rejects.
   */
  async of(keys: readonly string[]): Promise<ReadonlyMap<string, FunctionUsage>> {
    this.#forget()
    const usages = new Map<string, FunctionUsage>()
    const all = keys.map(async key => {
      const usage = await this.#usageOf(key)
      if (usage !== undefined) usages.set(key, usage)
    })
    await this.#within(this.#deps.deadlineMs ?? DEADLINE_MS, Promise.all(all))
    return new Map(usages)
  }

  /**
   * Has `onCpu` and `onMemory` told of these functions, for metrics: of all of them where that is soon done, else of those that
   * were not read for longest. No effect soon after the last time. Never rejects.
   */
  async read(keys: readonly string[]): Promise<void> {
    const { now } = this.#deps
    if (this.#round === undefined && now() - this.#roundAt >= ROUND_EVERY_MS) {
      this.#roundAt = now()
      this.#forget()
      this.#round = this.#readAll(keys).finally(() => {
        this.#round = undefined
      })
    }
    if (this.#round !== undefined) await this.#within(ROUND_WAIT_MS, this.#round)
  }

  async #readAll(keys: readonly string[]): Promise<void> {
    const { now } = this.#deps
    const until = now() + ROUND_MS
    const lastOf = (key: string) => this.#roundOf.get(key) ?? Number.NEGATIVE_INFINITY
    this.#roundOf = new Map(keys.map(key => [key, lastOf(key)]))
    const due = keys.toSorted((a, b) => lastOf(a) - lastOf(b))
    for (let at = 0; at < due.length && now() < until; at += ROUND_STEP) {
      const step = due.slice(at, at + ROUND_STEP)
      for (const key of step) this.#roundOf.set(key, now())
      await Promise.all(step.map(key => this.#readFunction(key)))
    }
  }

  async #readFunction(key: string): Promise<void> {
    const ids = this.#deps.containersOf(key)
    const outcomes = await Promise.allSettled(ids.map(id => this.#fresh(id, key)))
    const samples = outcomes.map(outcome => (outcome.status === 'fulfilled' ? outcome.value : undefined))
    // A sum without one of them would be told as that of all.
    if (samples.includes(undefined)) return
    this.#deps.onMemory(
      key,
      samples.reduce((sum, sample) => sum + (sample?.latest?.workingSetBytes ?? 0), 0)
    )
  }

  async #usageOf(key: string): Promise<FunctionUsage | undefined> {
    const read = await Promise.allSettled(this.#deps.containersOf(key).map(id => this.#ofContainer(id, key)))
    const total = { cpuMillicores: 0, memoryBytes: 0 }
    for (const outcome of read) {
      if (outcome.status === 'rejected') return undefined
      total.cpuMillicores += outcome.value?.cpuMillicores ?? 0
      total.memoryBytes += outcome.value?.memoryBytes ?? 0
    }
    return { ...total, cpuMillicores: Math.round(total.cpuMillicores * 100) / 100 }
  }

  /** Undefined for one that does not run. */
  async #ofContainer(id: string, key: string): Promise<FunctionUsage | undefined> {
    const sample = await this.#fresh(id, key)
    if (sample.latest === undefined || usageOf(sample) !== undefined) return usageOf(sample)
    // Nothing near enough to compare with.
    sample.comparing ??= this.#compare(id, key, sample).finally(() => {
      sample.comparing = undefined
    })
    await sample.comparing
    return usageOf(sample)
  }

  async #compare(id: string, key: string, sample: Sample): Promise<void> {
    await (this.#deps.wait ?? later)(LEAST_WINDOW_MS)
    await this.#readOnce(id, key, sample)
  }

  /** A sample with a reading that is not old. */
  async #fresh(id: string, key: string): Promise<Sample> {
    const known = this.#samples.get(id)
    if (known !== undefined && known.reading === undefined && this.#deps.now() - known.at < LIFE_MS) return known
    const sample = known ?? { at: 0, before: undefined, latest: undefined, reading: undefined, comparing: undefined }
    this.#samples.set(id, sample)
    sample.reading ??= this.#readOnce(id, key, sample).finally(() => {
      sample.reading = undefined
    })
    await sample.reading
    return sample
  }

  async #readOnce(id: string, key: string, sample: Sample): Promise<void> {
    const { engine, onCpu, onFailure, now } = this.#deps
    try {
      const latest = await this.#pool.add(() => engine.usage(id))
      sample.before = sample.latest
      sample.latest = latest
      sample.at = now()
      this.#hasFailed = false
    } catch (err) {
      if (!this.#hasFailed) onFailure(err)
      this.#hasFailed = true
      this.#samples.delete(id)
      throw err
    }
    const { before, latest } = sample
    if (before !== undefined && latest !== undefined) onCpu(key, Math.max(0, latest.cpuNanos - before.cpuNanos) / 1e9)
  }

  /** Waits for the work, or so long at most. */
  async #within(ms: number, work: Promise<unknown>): Promise<void> {
    const over = new AbortController()
    // NOTE: the race has taken the rejection of a wait that is called off.
    await Promise.race([work, (this.#deps.wait ?? later)(ms, over.signal)])
    over.abort()
  }

  #forget(): void {
    const now = this.#deps.now()
    for (const [id, { at, reading, comparing }] of this.#samples) {
      if (reading === undefined && comparing === undefined && now - at > FORGET_MS) this.#samples.delete(id)
    }
  }
}

function later(ms: number, signal?: AbortSignal): Promise<void> {
  return sleep(ms, undefined, { ref: false, ...(signal === undefined ? {} : { signal }) })
}

/** Undefined where there is nothing to compare the latest reading with: it was read once, long ago, or started anew since. */
function usageOf({ before, latest }: Pick<Sample, 'before' | 'latest'>): FunctionUsage | undefined {
  if (before === undefined || latest === undefined) return undefined
  const windowMs = latest.readAt - before.readAt
  const cpuNanos = latest.cpuNanos - before.cpuNanos
  if (windowMs < LEAST_WINDOW_MS / 2 || windowMs > LONGEST_WINDOW_MS || cpuNanos < 0) return undefined
  return { cpuMillicores: cpuNanos / 1e3 / windowMs, memoryBytes: latest.workingSetBytes }
}
