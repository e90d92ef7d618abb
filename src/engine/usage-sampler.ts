import { setTimeout as sleep } from 'node:timers/promises'
import PQueue from 'p-queue'
import type { FunctionUsage } from '../../api/usage.ts'
import type { ContainerUsage, Engine } from './engine.ts'

export interface UsageSamplerDeps {
  readonly engine: Pick<Engine, 'usage'>
  /** Ids of the containers of a function that answer, and of those that are frozen. */
  readonly containersOf: (key: string) => readonly string[]
  /** Told when readings fail, and not again until one has succeeded. */
  readonly onFailure: (err: unknown) => void
  /** Monotonic milliseconds. */
  readonly now: () => number
  /** Resolves after so many milliseconds, or rejects when the signal aborts. */
  readonly wait?: (ms: number, signal?: AbortSignal) => Promise<void>
  /** How long an asker waits; what has not been read by then is left out. */
  readonly deadlineMs?: number
}

/** So many containers are read at the same time: each reading is work for the engine. */
const CONCURRENCY = 4
/** A container is not read again for so long, whoever asks: a page that looks each second costs half as many readings. */
const LIFE_MS = 2000
/** CPU is told over at least this much time, and at most that. */
const LEAST_WINDOW_MS = 500
const LONGEST_WINDOW_MS = 15_000
/** Readings are forgotten when nobody has asked for so long. */
const FORGET_MS = 60_000
const DEADLINE_MS = 4000

interface Sample {
  /** When `latest` was read, by the monotonic clock. */
  at: number
  before: ContainerUsage | undefined
  latest: ContainerUsage | undefined
  /** A reading that is under way, and serves all who ask meanwhile. */
  reading: Promise<FunctionUsage | undefined> | undefined
}

/** Reads of the engine what functions use, for people who look: only when it is asked, and each container seldom. */
export class UsageSampler {
  readonly #deps: UsageSamplerDeps
  readonly #pool = new PQueue({ concurrency: CONCURRENCY })
  readonly #samples = new Map<string, Sample>()
  #hasFailed = false

  constructor(deps: UsageSamplerDeps) {
    this.#deps = deps
  }

  /**
   * What each of these functions uses. One that cannot be read, or not in time, is left out; one without replicas uses nothing.
   * Never rejects.
   */
  async of(keys: readonly string[]): Promise<ReadonlyMap<string, FunctionUsage>> {
    this.#forget()
    const usages = new Map<string, FunctionUsage>()
    const { wait = later, deadlineMs = DEADLINE_MS } = this.#deps
    const answered = new AbortController()
    const all = Promise.all(
      keys.map(async key => {
        const usage = await this.#ofFunction(key)
        if (usage !== undefined) usages.set(key, usage)
      })
    )
    // NOTE: the race has taken the rejection of a wait that is called off.
    await Promise.race([all, wait(deadlineMs, answered.signal)])
    answered.abort()
    return new Map(usages)
  }

  async #ofFunction(key: string): Promise<FunctionUsage | undefined> {
    const read = await Promise.allSettled(this.#deps.containersOf(key).map(id => this.#ofContainer(id)))
    const total = { cpuMillicores: 0, memoryBytes: 0 }
    for (const outcome of read) {
      // A sum without one of them would be told as that of all.
      if (outcome.status === 'rejected') return undefined
      total.cpuMillicores += outcome.value?.cpuMillicores ?? 0
      total.memoryBytes += outcome.value?.memoryBytes ?? 0
    }
    return total
  }

  /** Undefined for one that does not run. */
  #ofContainer(id: string): Promise<FunctionUsage | undefined> {
    const known = this.#samples.get(id)
    if (known?.reading !== undefined) return known.reading
    const age = this.#deps.now() - (known?.at ?? Number.NEGATIVE_INFINITY)
    if (known !== undefined && age < LIFE_MS) return Promise.resolve(usageOf(known))
    const sample = known ?? { at: 0, before: undefined, latest: undefined, reading: undefined }
    this.#samples.set(id, sample)
    sample.reading = this.#read(id, sample).finally(() => {
      sample.reading = undefined
    })
    return sample.reading
  }

  async #read(id: string, sample: Sample): Promise<FunctionUsage | undefined> {
    await this.#readOnce(id, sample)
    if (sample.latest === undefined || usageOf(sample) !== undefined) return usageOf(sample)
    // Nothing near enough to compare with.
    await (this.#deps.wait ?? later)(LEAST_WINDOW_MS)
    await this.#readOnce(id, sample)
    return usageOf(sample)
  }

  async #readOnce(id: string, sample: Sample): Promise<void> {
    try {
      const latest = await this.#pool.add(() => this.#deps.engine.usage(id))
      sample.before = sample.latest
      sample.latest = latest
      sample.at = this.#deps.now()
      this.#hasFailed = false
    } catch (err) {
      if (!this.#hasFailed) this.#deps.onFailure(err)
      this.#hasFailed = true
      this.#samples.delete(id)
      throw err
    }
  }

  #forget(): void {
    const now = this.#deps.now()
    for (const [id, { at, reading }] of this.#samples) {
      if (reading === undefined && now - at > FORGET_MS) this.#samples.delete(id)
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
  return { cpuMillicores: Math.round(cpuNanos / 10 / windowMs) / 100, memoryBytes: latest.workingSetBytes }
}
