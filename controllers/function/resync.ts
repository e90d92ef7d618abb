import { keyOf } from '../../api/meta.ts'
import { EngineError } from '../../src/engine/faults.ts'
import type { Reconciler } from '../../src/runtime/reconciler.ts'
import { StorageFullError, StoreUnavailableError } from '../../src/store/errors.ts'
import type { FunctionStore } from '../../src/store/store.ts'

/** Why everything is looked at. */
export type ResyncReason = 'start' | 'reconnect' | 'disconnect' | 'away' | 'gap' | 'periodic' | 'asked'

export interface ResyncDeps {
  readonly functions: Pick<FunctionStore, 'list'>
  /** Also looked at before the first round is over, beside the functions that are written down. */
  readonly alsoAwaited?: readonly string[]
  readonly add: (key: string) => void
  readonly addAfter: (key: string, delayMs: number) => void
  /** Told once, when every function of the first list has been looked at. */
  readonly onFirstComplete: () => void
  readonly onResync: (reason: ResyncReason) => void
  readonly random: () => number
  readonly now: () => number
}

/**
 * Makes the loop look at every function: at the start, after each connect, loss and gap of the event stream, when the engine goes
 * away, on a period, and when asked. It is what makes lost events cost time only. Knows when the first full round is over.
 */
export class Resync {
  readonly #deps: ResyncDeps
  /** Keys of the first list that no pass has settled yet; absent before the first list. */
  #awaited: Set<string> | undefined
  #isComplete = false
  #lastAt: number | undefined

  constructor(deps: ResyncDeps) {
    this.#deps = deps
  }

  get isComplete(): boolean {
    return this.#isComplete
  }

  /** When everything was last enqueued; milliseconds since the epoch. */
  get lastAt(): number | undefined {
    return this.#lastAt
  }

  /** Enqueues every function: at once, or over `spreadMs` so that a large host is not asked everything at the same time. */
  async run(reason: ResyncReason, spreadMs = 0): Promise<void> {
    const { functions, add, addAfter, random, onResync, now } = this.#deps
    const keys = (await functions.list()).map(({ metadata }) => keyOf(metadata))
    if (this.#awaited === undefined) {
      this.#awaited = new Set([...keys, ...(this.#deps.alsoAwaited ?? [])])
      this.#completeIfEmpty()
    }
    for (const key of keys) {
      if (spreadMs > 0) addAfter(key, Math.floor(random() * spreadMs))
      else add(key)
    }
    this.#lastAt = now()
    onResync(reason)
  }

  /** Notes that a pass looked at the key and learned how things are. */
  settled(key: string): void {
    if (this.#awaited?.delete(key) === true) this.#completeIfEmpty()
  }

  #completeIfEmpty(): void {
    if (this.#isComplete || this.#awaited?.size !== 0) return
    this.#isComplete = true
    this.#deps.onFirstComplete()
  }
}

/** Whether it kept a pass from learning how things are: neither engine nor database could be read. */
function isBlind(err: unknown): boolean {
  if (err instanceof EngineError) return err.isUnreachable
  return err instanceof StoreUnavailableError || err instanceof StorageFullError
}

/** The reconciler, telling of each pass that learned how things are: all but those that could not read engine or database. */
export function settling(reconciler: Reconciler, settled: (key: string) => void): Reconciler {
  return {
    name: reconciler.name,
    reconcile: async (key, signal) => {
      try {
        const result = await reconciler.reconcile(key, signal)
        settled(key)
        return result
      } catch (err) {
        if (!isBlind(err)) settled(key)
        throw err
      }
    }
  }
}
