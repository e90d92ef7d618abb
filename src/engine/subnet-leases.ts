import type { Clock } from '../clock.ts'
import { overlaps, pickSubnet } from './subnets.ts'

/** A lease that nobody came back for is dropped: its network is either in Docker by then, or was never made. */
const LEASE_MS = 10 * 60_000
/** What the engine refused is not asked for again this long. */
const REFUSED_MS = 10 * 60_000
/** Longer than a pass, which may still go by a list of networks from before the network of a settled lease was made. */
const SETTLED_MS = 60_000
/** Bound of each memory: the slots of a /16. */
const MEMORY = 4096

interface Deps {
  /** CIDR that subnets are cut out of. */
  readonly pool: string
  readonly clock: Pick<Clock, 'monotonic'>
}

export interface LeaseRequest {
  readonly networkName: string
  /** Length of the wanted subnet's prefix. */
  readonly prefix: number
  /** CIDRs of every network, read in this pass. */
  readonly taken: readonly string[]
  /** CIDRs of every host route, read in this pass. */
  readonly routes: readonly string[]
}

interface Until {
  readonly cidr: string
  /** On the monotonic clock. */
  readonly until: number
}

/**
 * Keeps passes that run side by side from picking one subnet twice, in the time between the choice and the network's
 * being seen in Docker. All of it may be lost: Docker's own list and its refusals are the truth.
 */
export class SubnetLeases {
  readonly #pool: string
  readonly #clock: Pick<Clock, 'monotonic'>
  /** Network name → what it was promised. */
  readonly #leases = new Map<string, Until>()
  /** Network name → what it got; others use these late, as their list of networks may be from before. */
  readonly #settled = new Map<string, Until>()
  /** CIDR → when it may be tried again. */
  readonly #refused = new Map<string, number>()
  /** Oldest first. */
  readonly #freed = new Set<string>()
  /** Network name → what it had last; longest unused first. */
  readonly #last = new Map<string, string>()

  constructor({ pool, clock }: Deps) {
    this.#pool = pool
    this.#clock = clock
  }

  /**
   * A subnet for this network that nobody else has or was promised; the same again until `settled`, and the one that it
   * had before if that is free. Undefined when the pool is exhausted.
   */
  lease(request: LeaseRequest): string | undefined {
    this.#expire()
    const { networkName, prefix } = request
    const cidr =
      this.#kept(request) ??
      pickSubnet({
        ...{ pool: this.#pool, prefix, name: networkName },
        ...{ taken: this.#blockedFor(request), avoid: this.#lateFor(networkName) }
      })
    if (cidr === undefined) {
      this.#leases.delete(networkName)
      return undefined
    }
    this.#leases.set(networkName, { cidr, until: this.#clock.monotonic() + LEASE_MS })
    this.#remember(networkName, cidr)
    this.#freed.delete(cidr)
    return cidr
  }

  /** Whether there is one that nobody else has or was promised. */
  hasFree(request: LeaseRequest): boolean {
    this.#expire()
    const { networkName: name, prefix } = request
    const taken = this.#blockedFor(request)
    return pickSubnet({ pool: this.#pool, prefix, taken, name, avoid: new Set() }) !== undefined
  }

  /** The engine said that it overlaps something. */
  refused(networkName: string, cidr: string): void {
    this.#refused.delete(cidr)
    this.#refused.set(cidr, this.#clock.monotonic() + REFUSED_MS)
    trim(this.#refused)
    if (this.#leases.get(networkName)?.cidr === cidr) this.#leases.delete(networkName)
    if (this.#last.get(networkName) === cidr) this.#last.delete(networkName)
  }

  /** The network was seen in Docker, or its creation was given up. */
  settled(networkName: string): void {
    const lease = this.#leases.get(networkName)
    if (lease === undefined) return
    this.#leases.delete(networkName)
    this.#settled.set(networkName, { cidr: lease.cidr, until: this.#clock.monotonic() + SETTLED_MS })
    trim(this.#settled)
  }

  /** The network was removed: its subnet waits for it, and goes to others last. One outside of the pool goes to nobody. */
  freed(cidr: string, networkName: string): void {
    this.#leases.delete(networkName)
    this.#settled.delete(networkName)
    if (!overlaps(cidr, this.#pool)) {
      this.#last.delete(networkName)
      return
    }
    this.#remember(networkName, cidr)
    this.#freed.delete(cidr)
    this.#freed.add(cidr)
    trim(this.#freed)
  }

  /**
   * What the network was promised or had before, if that is free. An engine tells of a network no more as soon as it begins
   * to remove it, while its bridge still has its route: unless we removed it, that is no reason to go elsewhere.
   */
  #kept(request: LeaseRequest): string | undefined {
    const had = this.#last.get(request.networkName)
    if (had?.endsWith(`/${request.prefix}`) !== true) return undefined
    const routes = request.routes.filter(route => route !== had || this.#freed.has(had))
    return this.#blockedFor({ ...request, routes }).some(other => overlaps(had, other)) ? undefined : had
  }

  #blockedFor({ networkName, taken, routes }: LeaseRequest): string[] {
    const others = [...this.#leases].filter(([name]) => name !== networkName).map(([, { cidr }]) => cidr)
    return [...taken, ...routes, ...others, ...this.#refused.keys()]
  }

  #remember(networkName: string, cidr: string): void {
    this.#last.delete(networkName)
    this.#last.set(networkName, cidr)
    trim(this.#last)
  }

  #lateFor(networkName: string): ReadonlySet<string> {
    const settled = [...this.#settled].filter(([name]) => name !== networkName).map(([, { cidr }]) => cidr)
    return new Set([...this.#freed, ...settled])
  }

  #expire(): void {
    const now = this.#clock.monotonic()
    for (const [name, { until }] of this.#leases) if (until <= now) this.#leases.delete(name)
    for (const [name, { until }] of this.#settled) if (until <= now) this.#settled.delete(name)
    for (const [cidr, until] of this.#refused) if (until <= now) this.#refused.delete(cidr)
  }
}

/** Drops the oldest entries over the bound. */
function trim(memory: Map<string, unknown> | Set<string>): void {
  for (const key of memory.keys()) {
    if (memory.size <= MEMORY) return
    memory.delete(key)
  }
}
