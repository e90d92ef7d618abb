import type { FunctionObject } from '../../api/function.ts'
import { keyOf } from '../../api/meta.ts'
import { EngineError } from '../../src/engine/faults.ts'
import type { ResyncReason } from '../../src/metrics/engine.ts'
import type { Reconciler } from '../../src/runtime/reconciler.ts'
import { StorageFullError, StoreUnavailableError } from '../../src/store/errors.ts'
import type { FunctionStore } from '../../src/store/store.ts'

export interface ResyncDeps {
  readonly functions: Pick<FunctionStore, 'list'>
  /** Also looked at before the first round is over, beside the functions that are written down. */
  readonly alsoAwaited?: readonly string[]
  readonly add: (key: string) => void
  readonly addAfter: (key: string, delayMs: number) => void
  /** The sight of each of these functions, by key, out of one look. */
  readonly look: (objects: readonly FunctionObject[], signal: AbortSignal) => Promise<ReadonlyMap<string, string>>
  /** Asks the replicas of these functions whether they still answer. */
  readonly confirm: (keys: ReadonlySet<string>) => void
  /** Told once, when every function of the first list has been looked at. */
  readonly onFirstComplete: () => void
  readonly onResync: (reason: ResyncReason) => void
  readonly onLookError: (err: unknown) => void
  /** A function at rest gets a pass after so many milliseconds at the latest, though no list shows a change. */
  readonly fullLookMs: number
  readonly random: () => number
  readonly now: () => number
}

export interface ResyncOptions {
  /** The passes are spread over so many milliseconds, so that a large host is not asked everything at the same time. */
  readonly spreadMs?: number
  readonly signal?: AbortSignal
}

const NEVER = new AbortController().signal

/**
 * Makes the loop look at every function: at the start, after each connect, loss and gap of the event stream, when the engine goes
 * away, on a period, and when asked. It is what makes lost events cost time only. Knows when the first full round is over.
 *
 * On the period one look serves all: a function gets a pass unless it was at rest and nothing that a list shows has
 * changed since. What no list shows, such as limits, is found by a pass of its own, more seldom.
 */
export class Resync {
  readonly #deps: ResyncDeps
  /** Keys of the first list that no pass has settled yet; absent before the first list. */
  #awaited: Set<string> | undefined
  /** What the last pass of each key saw, of those that it left at rest. */
  readonly #rest = new Map<string, string>()
  #isComplete = false
  #lastAt: number | undefined

  constructor(deps: ResyncDeps) {
    this.#deps = deps
  }

  get isComplete(): boolean {
    return this.#isComplete
  }

  /** When everything was last looked at; milliseconds since the epoch. */
  get lastAt(): number | undefined {
    return this.#lastAt
  }

  /** Looks at every function: enqueues all, or on the period those that need it. */
  async run(reason: ResyncReason, { spreadMs = 0, signal = NEVER }: ResyncOptions = {}): Promise<void> {
    const { functions, add, addAfter, confirm, random, onResync, now } = this.#deps
    const objects = await functions.list()
    const keys = objects.map(({ metadata }) => keyOf(metadata))
    if (this.#awaited === undefined) {
      this.#awaited = new Set([...keys, ...(this.#deps.alsoAwaited ?? [])])
      this.#completeIfEmpty()
    }
    const resting = reason === 'periodic' ? await this.#resting(objects, signal) : new Set<string>()
    for (const key of keys) {
      if (resting.has(key)) continue
      if (spreadMs > 0) addAfter(key, Math.floor(random() * spreadMs))
      else add(key)
    }
    confirm(resting)
    this.#lastAt = now()
    onResync(reason)
  }

  /** Notes that the key was looked at, and how things are with it is known. */
  settled(key: string): void {
    if (this.#awaited?.delete(key) === true) this.#completeIfEmpty()
  }

  /** Notes what a pass left: its sight when all is as wanted and nothing is to be waited for, else undefined. */
  left(key: string, sight: string | undefined): void {
    if (sight === undefined) this.#rest.delete(key)
    else this.#rest.set(key, sight)
  }

  /** The reconciler, with each pass that learned how things are noted: all but those that could not read engine or database. */
  attend(reconciler: Reconciler): Reconciler {
    return {
      name: reconciler.name,
      reconcile: async (key, signal) => {
        try {
          const result = await reconciler.reconcile(key, signal)
          this.settled(key)
          this.#planFullLook(key)
          return result
        } catch (err) {
          this.#rest.delete(key)
          if (!isBlind(err)) this.settled(key)
          throw err
        }
      }
    }
  }

  /** Keys of the functions at rest of which the engine shows what their last pass saw; none when it cannot be read. */
  async #resting(objects: readonly FunctionObject[], signal: AbortSignal): Promise<ReadonlySet<string>> {
    try {
      const sights = await this.#deps.look(objects, signal)
      return new Set([...sights].filter(([key, sight]) => this.#rest.get(key) === sight).map(([key]) => key))
    } catch (err) {
      this.#deps.onLookError(err)
      return new Set()
    }
  }

  /** Functions that came to rest together come back apart. */
  #planFullLook(key: string): void {
    const { addAfter, fullLookMs, random } = this.#deps
    if (this.#rest.has(key)) addAfter(key, Math.ceil((fullLookMs * (1 + random())) / 2))
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
