import type { Clock } from '../../src/clock.ts'
import { KeptVolumes } from './kept-volumes.ts'

/** What is known of a replica that Docker does not write down; lost at a restart, which costs time, never correctness. */
interface Departure {
  /** When it left the endpoint table for good; milliseconds since the epoch. */
  readonly leavingSince: number
  /** When it was asked to stop; milliseconds since the epoch. */
  readonly stoppingSince?: number
}

/** The same on the clock that never jumps. */
interface Entry {
  readonly leavingAt: number
  readonly stoppingAt?: number
}

/** Since when replicas have been leaving, so that draining and stopping have an end. */
export class Departures {
  /** Volumes that were to go and did not. */
  readonly volumes: KeptVolumes
  readonly #clock: Clock
  readonly #byKey = new Map<string, Map<string, Entry>>()
  /** Container id → key, for the invocation path: whether an idle container is waited for must be cheap to ask. */
  readonly #keys = new Map<string, string>()

  constructor(clock: Clock) {
    this.#clock = clock
    this.volumes = new KeptVolumes(clock)
  }

  get(key: string, containerId: string): Departure | undefined {
    const entry = this.#byKey.get(key)?.get(containerId)
    if (entry === undefined) return undefined
    const { leavingAt, stoppingAt } = entry
    const ahead = this.#clock.now() - this.#clock.monotonic()
    return {
      leavingSince: leavingAt + ahead,
      ...(stoppingAt === undefined ? {} : { stoppingSince: stoppingAt + ahead })
    }
  }

  /** The function that the container is leaving; undefined when it is not leaving. */
  keyOf(containerId: string): string | undefined {
    return this.#keys.get(containerId)
  }

  /** All containers of which something is known. */
  containerIds(): string[] {
    return [...this.#keys.keys()]
  }

  /** Notes who leaves as of this pass; forgets who does not, unless it was asked to stop already. */
  leaving(key: string, containerIds: ReadonlySet<string>): void {
    const before = this.#byKey.get(key)
    const next = new Map([...(before ?? [])].filter(([, entry]) => entry.stoppingAt !== undefined))
    const leavingAt = this.#clock.monotonic()
    for (const id of containerIds) next.set(id, before?.get(id) ?? { leavingAt })
    this.#set(key, next)
  }

  /** Notes that a replica was asked to stop. */
  stopping(key: string, containerId: string): void {
    const departures = new Map(this.#byKey.get(key))
    const now = this.#clock.monotonic()
    departures.set(containerId, { leavingAt: now, ...departures.get(containerId), stoppingAt: now })
    this.#set(key, departures)
  }

  /** Forgets all containers of the key but these. */
  prune(key: string, containerIds: ReadonlySet<string>): void {
    const departures = this.#byKey.get(key)
    if (departures !== undefined) this.#set(key, new Map([...departures].filter(([id]) => containerIds.has(id))))
  }

  #set(key: string, departures: ReadonlyMap<string, Entry>): void {
    for (const id of this.#byKey.get(key)?.keys() ?? []) this.#keys.delete(id)
    for (const id of departures.keys()) this.#keys.set(id, key)
    if (departures.size === 0) this.#byKey.delete(key)
    else this.#byKey.set(key, new Map(departures))
  }
}
