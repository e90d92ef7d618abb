import ipaddr from 'ipaddr.js'
import type { NetworkSummary } from './engine.ts'
import { BRIDGE_PREFIX } from './firewall-rules.ts'
import type { NetworkSpec } from './specs.ts'

type Known = Pick<NetworkSummary, 'subnets' | 'closedBridge'>

/**
 * The subnets of the networks whose functions may connect to nothing (egress `none`), as the engine was last heard: a look-up
 * for each call that asks nobody. It holds what was listed last, and what was made since that listing began.
 */
export class ClosedNetworks {
  /** Subnet → the listing that has told of it, or after which it was made. */
  readonly #turns = new Map<string, number>()
  /** Lengths of the prefixes that occur. */
  #prefixes: readonly number[] = []
  readonly #listeners = new Set<() => void>()
  #turn = 0

  /** All of them, in no order. */
  get subnets(): string[] {
    return [...this.#turns.keys()]
  }

  /** Calls `listener` when `subnets` may be others. */
  onChange(listener: () => void): void {
    this.#listeners.add(listener)
  }

  /** A listing of all networks begins; gives what to call with them when it has ended. */
  listing(): (networks: readonly Known[]) => void {
    const turn = ++this.#turn
    return networks => {
      const before = this.subnets
      for (const [subnet, told] of this.#turns) if (told < turn) this.#turns.delete(subnet)
      for (const { subnets, closedBridge } of networks) {
        if (isClosed(closedBridge)) for (const subnet of subnets) this.#note(subnet, turn)
      }
      this.#changedSince(before)
    }
  }

  /** Such a network is about to be made; no effect for any other. */
  making(spec: NetworkSpec): void {
    if (isClosed(spec.closedBridge)) this.#add(spec.subnet)
  }

  /**
   * A network was made. A listing that began and was answered while that was under way may have forgotten it; of one that
   * is no such network, the subnet is none of theirs any more.
   */
  made({ subnet, closedBridge }: NetworkSpec): void {
    const key = keyOf(subnet)
    if (isClosed(closedBridge)) this.#add(subnet)
    else if (key !== undefined && this.#turns.delete(key)) this.#changed()
  }

  /** Whether an IP address, also an IPv4 one that is written as IPv6, is on such a network. */
  has(address: string | undefined): boolean {
    if (this.#turns.size === 0 || address === undefined || !ipaddr.isValid(address)) return false
    const peer = ipaddr.process(address).toString()
    return this.#prefixes.some(prefix => this.#turns.has(keyOf(`${peer}/${prefix}`) ?? ''))
  }

  #add(subnet: string): void {
    this.#note(subnet, this.#turn)
    this.#changed()
  }

  #changedSince(before: readonly string[]): void {
    if (before.length !== this.#turns.size || before.some(subnet => !this.#turns.has(subnet))) this.#changed()
  }

  #changed(): void {
    this.#prefixes = [...new Set([...this.#turns.keys()].map(prefixOf))]
    for (const listener of this.#listeners) listener()
  }

  #note(subnet: string, turn: number): void {
    const key = keyOf(subnet)
    if (key !== undefined) this.#turns.set(key, turn)
  }
}

function isClosed(bridge: string | undefined): boolean {
  return bridge?.startsWith(BRIDGE_PREFIX.none) === true
}

/** The subnet by its first address; undefined for one of IPv6, which replicas have not. */
function keyOf(cidr: string): string | undefined {
  if (!ipaddr.IPv4.isValidCIDR(cidr)) return undefined
  return `${ipaddr.IPv4.networkAddressFromCIDR(cidr).toString()}/${prefixOf(cidr)}`
}

function prefixOf(cidr: string): number {
  return Number(cidr.slice(cidr.indexOf('/') + 1))
}
