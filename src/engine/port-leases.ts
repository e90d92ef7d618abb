import { createHash } from 'node:crypto'
import type { PortRange } from '../../api/debug-ports.ts'
import type { Clock } from '../clock.ts'

/** Longer than a pass: its container is in Docker's list by then, or was never made. */
const LEASE_MS = 2 * 60_000
/** What the engine refused is tried last for so long. */
const REFUSED_MS = 10 * 60_000

interface Deps {
  readonly range: PortRange
  /** Ports of the range that are for something else, such as the gateway's own. */
  readonly reserved: readonly number[]
  readonly clock: Pick<Clock, 'monotonic'>
}

export interface PortRequest {
  /** Whose ports they are: equal names start to look at the same places. */
  readonly owner: string
  readonly containerPorts: readonly number[]
  /** Container port → port of the host that the owner has or had last. */
  readonly held: ReadonlyMap<number, number>
  /** Ports of the host that others have, whether they run or not, read in this pass. */
  readonly taken: ReadonlySet<number>
}

interface Lease {
  readonly ports: readonly number[]
  /** On the monotonic clock. */
  readonly until: number
}

/**
 * Keeps passes that run side by side from picking one port twice, and remembers for a while which ports were refused.
 * All of it may be lost: what Docker lists and its refusals are the truth. Whether a port is free is not tried here, as
 * it is one of the engine's host, which may be another one.
 */
export class PortLeases {
  readonly #range: PortRange
  readonly #reserved: ReadonlySet<number>
  readonly #clock: Pick<Clock, 'monotonic'>
  readonly #leases = new Map<string, Lease>()
  /** Port → until when it is tried last; the longest ago first. */
  readonly #refused = new Map<number, number>()

  constructor({ range, reserved, clock }: Deps) {
    this.#range = range
    this.#reserved = new Set(reserved)
    this.#clock = clock
  }

  /**
   * Container port → port of the host that nobody else has or was promised: the one that it has where that may be, else
   * the first one from a place given by the hash of owner and container port. Undefined when the range has none left.
   */
  lease({ owner, containerPorts, held, taken }: PortRequest): ReadonlyMap<number, number> | undefined {
    this.#expire()
    this.#leases.delete(owner)
    const blocked = new Set([...this.#reserved, ...taken, ...[...this.#leases.values()].flatMap(({ ports }) => ports)])
    const chosen = new Map<number, number>()
    for (const containerPort of containerPorts) {
      const port = this.#heldPort(held.get(containerPort), blocked) ?? this.#pick(`${owner}/${containerPort}`, blocked)
      if (port === undefined) return undefined
      chosen.set(containerPort, port)
      blocked.add(port)
    }
    this.#leases.set(owner, { ports: [...chosen.values()], until: this.#clock.monotonic() + LEASE_MS })
    return chosen
  }

  /** The engine said that somebody listens on it. */
  refused(port: number): void {
    this.#refused.delete(port)
    this.#refused.set(port, this.#clock.monotonic() + REFUSED_MS)
  }

  #heldPort(port: number | undefined, blocked: ReadonlySet<number>): number | undefined {
    if (port === undefined || port < this.#range.first || port > this.#range.last) return undefined
    return blocked.has(port) || this.#refused.has(port) ? undefined : port
  }

  #pick(name: string, blocked: ReadonlySet<number>): number | undefined {
    const { first, last } = this.#range
    const size = last - first + 1
    const start = createHash('sha256').update(name).digest().readUInt32BE(0) % size
    for (let i = 0; i < size; i++) {
      const port = first + ((start + i) % size)
      if (!blocked.has(port) && !this.#refused.has(port)) return port
    }
    return [...this.#refused.keys()].find(port => port >= first && port <= last && !blocked.has(port))
  }

  #expire(): void {
    const now = this.#clock.monotonic()
    for (const [owner, { until }] of this.#leases) if (until <= now) this.#leases.delete(owner)
    for (const [port, until] of this.#refused) if (until <= now) this.#refused.delete(port)
  }
}
