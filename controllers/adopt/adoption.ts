import type { Undecided } from '../../api/adoption.ts'
import { parseKey } from '../../api/meta.ts'
import type { Logger } from '../../src/logging/logger.ts'
import { StorageFullError, StoreUnavailableError } from '../../src/store/errors.ts'
import type { AdoptionStore, EventStore, FunctionStore, Latch } from '../../src/store/store.ts'
import { listOwned, type OwnedDeps, type OwnedObject } from '../owned.ts'
import { compare, type Finding, REMEDY } from './plan.ts'

export interface AdoptionDeps extends OwnedDeps {
  readonly functions: Pick<FunctionStore, 'list' | 'resourceVersion'>
  readonly adoption: AdoptionStore
  readonly events: Pick<EventStore, 'record'>
  /** Nothing is written: what is found counts for this process only. */
  readonly isOnlyLooking: boolean
  /** How many functions wait for a decision, and whether anything does. */
  readonly onPending: (functions: number, isLatched: boolean) => void
  readonly now: () => number
  readonly log: Logger
}

/** What the loop must know of what is undecided. */
export interface AdoptionFacts {
  readonly latch?: Latch
  /** Uids that a person has given up. */
  readonly discarded: ReadonlySet<string>
}

interface Found {
  readonly latch: Latch | undefined
  readonly baseline: number
  readonly newest: number
  readonly owned: readonly OwnedObject[]
}

/** The engine's lists are read for it; each call has a deadline of its own. */
export const COMPARISON_MS = 60_000

/** Functions that are named in one log line. */
const MAX_TOLD = 20

/**
 * Whether the database goes on from what runs. One that is older (lost, or restored from an old backup) must remove
 * and replace nothing that it does not know, until a person decides.
 */
export class Adoption {
  readonly #deps: AdoptionDeps
  #facts: AdoptionFacts | undefined
  #comparing: Promise<AdoptionFacts> | undefined

  constructor(deps: AdoptionDeps) {
    this.#deps = deps
  }

  /** Compares what runs with the database, once for each process. Rejects while the engine or the database cannot be read. */
  async facts(signal: AbortSignal): Promise<AdoptionFacts> {
    if (this.#facts !== undefined) return this.#facts
    // Of all who ask meanwhile none may end it for the others.
    this.#comparing ??= this.#compare(AbortSignal.timeout(COMPARISON_MS)).finally(() => {
      this.#comparing = undefined
    })
    return untilAborted(this.#comparing, signal)
  }

  /** The container's owner that waits under this key; undefined when the function is to be kept as it is written down. */
  async heldOf(key: string, signal: AbortSignal): Promise<Undecided | undefined> {
    return (await this.facts(signal)).latch?.undecided.find(undecided => undecided.key === key)
  }

  /** Keys that wait, as far as they are known. */
  heldKeys(): string[] {
    return (this.#facts?.latch?.undecided ?? []).map(({ key }) => key)
  }

  /** Notes what a person has decided. */
  async decided(latch: Latch | undefined): Promise<void> {
    this.#know({ ...(latch === undefined ? {} : { latch }), discarded: await this.#deps.adoption.discarded() })
  }

  async #compare(signal: AbortSignal): Promise<AdoptionFacts> {
    const { adoption, functions, isOnlyLooking } = this.#deps
    const before = await adoption.state()
    const discarded = await adoption.discarded()
    const owned = await listOwned(this.#deps, signal)
    const baseline = before?.baseline ?? functions.resourceVersion()
    const finding = compare({ owned, functions: await functions.list(), baseline, discarded })
    const latch =
      before?.latch === undefined
        ? latchOf(finding, before?.openedAt ?? this.#deps.now())
        : joined(before.latch, finding)
    if (!isOnlyLooking) await this.#note({ latch, baseline, owned, newest: finding.newest })
    return this.#know({ ...(latch === undefined ? {} : { latch }), discarded })
  }

  #know(facts: AdoptionFacts): AdoptionFacts {
    this.#facts = facts
    this.#deps.onPending(facts.latch?.undecided.length ?? 0, facts.latch !== undefined)
    return facts
  }

  /** A disk that is full keeps nothing from being known, and the next start asks again. */
  async #note(found: Found): Promise<void> {
    const { adoption, log } = this.#deps
    try {
      if (found.latch === undefined) await adoption.pass(found.newest)
      else await adoption.latch(found.latch)
      await this.#tell(found)
    } catch (err) {
      if (!(err instanceof StorageFullError || err instanceof StoreUnavailableError)) throw err
      log.warn({ err }, 'Failed to note what was found about database')
    }
  }

  async #tell({ latch, baseline, newest, owned }: Found): Promise<void> {
    const { log, events } = this.#deps
    const forged = owned.filter(object => object.forged === true)
    if (forged.length > 0 && forged.length === owned.length) {
      const objects = forged.map(({ kind, name }) => `${kind} ${name}`).slice(0, MAX_TOLD)
      const remedy = 'restore instance-key from a backup; docs/operations.md says what to do when there is none'
      log.error({ objects, remedy }, 'Found nothing that the instance key has signed')
    }
    if (latch === undefined) {
      if (newest > baseline)
        log.warn({ newest, database: baseline }, 'Found restored database that knows all that runs')
      return
    }
    const waiting = latch.undecided.map(({ key }) => key)
    const told = { functions: waiting.slice(0, MAX_TOLD), count: waiting.length, newest, database: baseline }
    log.warn({ ...told, remedy: REMEDY }, 'Found database older than what runs')
    for (const { key, uid } of latch.undecided) {
      const message = `what runs of it is newer than the database, and is left as it is; ${REMEDY}`
      await events.record({ ...parseKey(key), uid, type: 'Warning', reason: 'DatabaseRestored', message })
    }
  }
}

/** What the promise gives, or the signal's reason as soon as that aborts. */
async function untilAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  signal.throwIfAborted()
  const aborted = Promise.withResolvers<never>()
  const abort = () => aborted.reject(signal.reason)
  signal.addEventListener('abort', abort, { once: true })
  try {
    return await Promise.race([promise, aborted.promise])
  } finally {
    signal.removeEventListener('abort', abort)
  }
}

function latchOf({ isAhead, newest, undecided }: Finding, since: number): Latch | undefined {
  return isAhead ? { since, newest, undecided } : undefined
}

/** Once it was found, only a person's decision ends it. */
function joined(latch: Latch, { newest, undecided }: Finding): Latch {
  const known = new Set(latch.undecided.map(({ key }) => key))
  return {
    since: latch.since,
    newest: Math.max(latch.newest, newest),
    undecided: [...latch.undecided, ...undecided.filter(({ key }) => !known.has(key))]
  }
}
