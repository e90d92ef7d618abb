import type { Database, NativeClient } from './orm.ts'

interface Pending {
  readonly work: (native: NativeClient) => unknown
  readonly bytes: number
  /** Whether it is to be on the disk before anybody is told. */
  readonly isFlushed: boolean
  readonly resolve: (result: unknown) => void
  readonly reject: (err: unknown) => void
}

/** One transaction runs in one piece, which holds up everything else that the process does. */
const MAX_WORKS = 256
const MAX_BYTES = 4 * 2 ** 20
const MIN_REST_MS = 1
const MAX_REST_MS = 20

/**
 * Gathers small writes into one transaction, as each costs the disk a flush. The first of a quiet time is written at once. After
 * each transaction there is a rest as long as it took, so that under load others gather meanwhile, and no more than half of the
 * time goes to it. The flush itself is waited for beside all else: a slow disk delays those who are promised something, and nobody else.
 */
export class GroupCommit {
  readonly #database: Database
  #pending: Pending[] = []
  #isRunning = false

  constructor(database: Database) {
    this.#database = database
  }

  /**
   * What `work` gives, once it is on the disk. It may run again, must touch nothing but the database, and fails together with
   * those that happen to be in the same transaction; so it looks before it writes. `bytes`: what it writes, about.
   */
  run<T>(work: (native: NativeClient) => T, bytes = 0): Promise<T> {
    return this.#add(work, bytes, true)
  }

  /** The same, once it is committed: it outlives this process, and after a loss of power it may have to be done again. */
  runUnflushed<T>(work: (native: NativeClient) => T, bytes = 0): Promise<T> {
    return this.#add(work, bytes, false)
  }

  #add<T>(work: (native: NativeClient) => T, bytes: number, isFlushed: boolean): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      this.#pending.push({ work, bytes, isFlushed, resolve: result => resolve(result as T), reject })
      if (!this.#isRunning) void this.#runAll()
    })
  }

  async #runAll(): Promise<void> {
    this.#isRunning = true
    // Those that come in the same tick come together.
    await new Promise(resolve => setImmediate(resolve))
    while (this.#pending.length > 0) {
      const tookMs = await this.#commit(this.#take())
      await new Promise(resolve => setTimeout(resolve, Math.min(Math.max(tookMs, MIN_REST_MS), MAX_REST_MS)))
    }
    this.#isRunning = false
  }

  #take(): Pending[] {
    let bytes = 0
    let count = 0
    while (count < Math.min(this.#pending.length, MAX_WORKS) && bytes < MAX_BYTES) {
      bytes += this.#pending[count]?.bytes ?? 0
      count++
    }
    return this.#pending.splice(0, count)
  }

  async #commit(batch: readonly Pending[]): Promise<number> {
    let startedAt = performance.now()
    const { native } = this.#database
    try {
      const results = await this.#database.write(
        async () => {
          startedAt = performance.now()
          return batch.map(({ work }) => work(native))
        },
        { isUnflushed: true }
      )
      void this.#tell(batch, results)
    } catch (err) {
      for (const { reject } of batch) reject(err)
    }
    return performance.now() - startedAt
  }

  async #tell(batch: readonly Pending[], results: readonly unknown[]): Promise<void> {
    for (const [at, { isFlushed, resolve }] of batch.entries()) if (!isFlushed) resolve(results[at])
    try {
      await this.#database.flush()
      for (const [at, { isFlushed, resolve }] of batch.entries()) if (isFlushed) resolve(results[at])
    } catch (err) {
      for (const { isFlushed, reject } of batch) if (isFlushed) reject(err)
    }
  }
}
