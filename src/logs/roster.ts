import type { Clock } from '../clock.ts'
import type { ContainerSummary } from '../engine/engine.ts'

export type Listed = Pick<ContainerSummary, 'id' | 'name' | 'state'>

/** The containers of the function of this key, of any revision, running or not. */
export type ListContainers = (key: string, signal: AbortSignal) => Promise<readonly Listed[]>

export interface RostersDeps {
  readonly list: ListContainers
  readonly metrics: { readonly logLookFailed: () => void }
  readonly log: { readonly warn: (fields: object, message: string) => void }
  readonly clock: Pick<Clock, 'monotonic'>
}

const LIST_TIMEOUT_MS = 20_000
/** After so long another look that fails is told in the log. */
const QUIET_MS = 60_000

interface Entry {
  readonly followers: Set<Follower>
  /** The look under way, and the one that follows it, as something changed meanwhile. */
  running: Promise<readonly Listed[]> | undefined
  next: Promise<readonly Listed[]> | undefined
}

type Follower = (containers: readonly Listed[]) => void

/**
 * Who is there of functions whose logs are followed. One look serves all who follow a function, and there is one only when
 * something changed; nothing is looked at of the others.
 */
export class Rosters {
  readonly #deps: RostersDeps
  readonly #entries = new Map<string, Entry>()
  #toldAt = Number.NEGATIVE_INFINITY

  constructor(deps: RostersDeps) {
    this.#deps = deps
  }

  /** Tells `follower` of every look from now on, until what comes back is called. */
  follow(key: string, follower: Follower): () => void {
    const entry = this.#entries.get(key) ?? { followers: new Set(), running: undefined, next: undefined }
    this.#entries.set(key, entry)
    entry.followers.add(follower)
    return () => {
      entry.followers.delete(follower)
      if (entry.followers.size === 0 && this.#entries.get(key) === entry) this.#entries.delete(key)
    }
  }

  /** Containers of the function may have come or gone. A look that fails is told, and made up for by the next one. */
  changed(key: string): void {
    if (this.#entries.has(key)) void this.look(key).catch(() => undefined)
  }

  /** What happened may have been missed. */
  changedAll(): void {
    for (const key of this.#entries.keys()) this.changed(key)
  }

  /** Who is there, seen no earlier than now. Throws what the engine does. */
  look(key: string): Promise<readonly Listed[]> {
    const entry = this.#entries.get(key)
    if (entry === undefined) return this.#deps.list(key, AbortSignal.timeout(LIST_TIMEOUT_MS))
    if (entry.running === undefined) return this.#run(key, entry)
    entry.next ??= entry.running.then(
      () => this.#run(key, entry),
      () => this.#run(key, entry)
    )
    return entry.next
  }

  #run(key: string, entry: Entry): Promise<readonly Listed[]> {
    entry.next = undefined
    const look = async () => {
      try {
        const containers = await this.#deps.list(key, AbortSignal.timeout(LIST_TIMEOUT_MS))
        for (const follower of [...entry.followers]) follower(containers)
        return containers
      } catch (err) {
        this.#tell(key, err)
        throw err
      } finally {
        entry.running = undefined
      }
    }
    entry.running = look()
    return entry.running
  }

  #tell(key: string, err: unknown): void {
    const { metrics, log, clock } = this.#deps
    metrics.logLookFailed()
    if (clock.monotonic() - this.#toldAt < QUIET_MS) return
    this.#toldAt = clock.monotonic()
    log.warn({ err, key }, 'Failed to look for replicas whose logs are followed')
  }
}
