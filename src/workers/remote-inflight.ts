import type { Elsewhere } from '../gateway/inflight.ts'

/** Whoever does not go by this version of the table yet may still send calls to the container. */
interface Departure {
  readonly version: number
  readonly behind: Set<number>
}

/**
 * Calls that run in containers by way of the workers, as the workers have told. Of a container that has left the endpoint table the
 * number is never too low: until every worker goes by a table without it, it has one call at least, and from then on no new one can
 * come, so that what the workers tell can only be too high.
 */
export class RemoteInflight implements Elsewhere {
  readonly #workers = new Set<number>()
  /** Container id → worker → calls; no zeros. */
  readonly #counts = new Map<string, Map<number, number>>()
  readonly #departures = new Map<string, Departure>()
  #onIdle: (containerId: string) => void = () => undefined

  count(containerId: string): number {
    const told = sumOf(this.#counts.get(containerId))
    return this.#departures.has(containerId) ? Math.max(1, told) : told
  }

  total(): number {
    let sum = 0
    for (const counts of this.#counts.values()) sum += sumOf(counts)
    return sum
  }

  onIdle(listener: (containerId: string) => void): void {
    this.#onIdle = listener
  }

  /** A worker takes calls from now on, by a table as it is now. */
  attach(worker: number): void {
    this.#workers.add(worker)
  }

  /** A worker is gone, and its calls are. */
  detach(worker: number): void {
    this.#workers.delete(worker)
    const touched = [...this.#counts].flatMap(([id, counts]) => (counts.delete(worker) ? [id] : []))
    this.#settle(touched, this.#caughtUp(worker, Number.POSITIVE_INFINITY))
  }

  /** The container has left the table. */
  left(containerId: string, version: number): void {
    if (this.#workers.size > 0) this.#departures.set(containerId, { version, behind: new Set(this.#workers) })
  }

  /** The container is in the table. */
  entered(containerId: string): void {
    this.#departures.delete(containerId)
  }

  /** A worker goes by this version of the table, and has these numbers of calls now. */
  report(worker: number, version: number, counts: readonly (readonly [containerId: string, count: number])[]): void {
    if (!this.#workers.has(worker)) return
    for (const [id, count] of counts) this.#set(id, worker, count)
    this.#settle(
      counts.map(([id]) => id),
      this.#caughtUp(worker, version)
    )
  }

  #set(containerId: string, worker: number, count: number): void {
    const counts = this.#counts.get(containerId) ?? new Map<number, number>()
    this.#counts.set(containerId, counts)
    if (count > 0) counts.set(worker, count)
    else counts.delete(worker)
  }

  /** Containers that nobody can send calls to any more, now that the worker goes by the version. */
  #caughtUp(worker: number, version: number): string[] {
    const free: string[] = []
    for (const [id, departure] of this.#departures) {
      if (departure.version > version || !departure.behind.delete(worker) || departure.behind.size > 0) continue
      this.#departures.delete(id)
      free.push(id)
    }
    return free
  }

  /** Tells of those that have become idle. */
  #settle(...touched: readonly string[][]): void {
    for (const id of new Set(touched.flat())) {
      if (this.#counts.get(id)?.size === 0) this.#counts.delete(id)
      if (this.count(id) === 0) this.#onIdle(id)
    }
  }
}

function sumOf(counts: ReadonlyMap<number, number> | undefined): number {
  let sum = 0
  for (const count of counts?.values() ?? []) sum += count
  return sum
}
