import type { StringMap } from '../../api/meta.ts'
import type { NetworkSummary } from '../../src/engine/engine.ts'
import { pickNetwork } from '../../src/engine/pick-network.ts'
import type { NetworkSpec } from '../../src/engine/specs.ts'
import { overlaps } from '../../src/engine/subnets.ts'
import { refusal } from './fake-faults.ts'

/** Networks and their addresses. Names are unique only for those that are created through the engine's interface. */
export class FakeNetworks {
  readonly #byId = new Map<string, NetworkSummary>()
  readonly #addresses = new Map<string, Set<string>>()

  list(): NetworkSummary[] {
    return [...this.#byId.values()]
  }

  /** By id, or by name as `inspectNetwork` chooses. */
  find(nameOrId: string): NetworkSummary | undefined {
    return this.#byId.get(nameOrId) ?? pickNetwork(this.list(), nameOrId)
  }

  get(operation: string, nameOrId: string): NetworkSummary {
    const network = this.find(nameOrId)
    if (network === undefined) throw refusal(operation, 'not-found', `network ${nameOrId} not found`)
    return network
  }

  create(id: string, spec: NetworkSpec, createdAt: number): void {
    const { name, subnet, labels } = spec
    if (this.list().some(n => n.name === name)) {
      throw refusal('network_create', 'name-in-use', `network with name ${name} already exists`)
    }
    if (this.list().some(n => n.subnets.some(other => overlaps(other, subnet)))) {
      throw refusal('network_create', 'subnet-overlap', 'pool overlaps with other one on this address space')
    }
    const closed = spec.closedBridge === undefined ? {} : { closedBridge: spec.closedBridge }
    this.put({ id, name, labels: { ...labels }, subnets: [subnet], createdAt, ...closed })
  }

  put(network: NetworkSummary & { readonly labels: StringMap }): void {
    this.#byId.set(network.id, network)
    this.#addresses.set(network.id, new Set())
  }

  remove(id: string): void {
    this.#byId.delete(id)
    this.#addresses.delete(id)
  }

  /** The first free address: the subnet's own, the gateway's and the last are taken. */
  takeAddress(operation: string, id: string): string {
    const [cidr = ''] = this.#byId.get(id)?.subnets ?? []
    const taken = this.#addresses.get(id)
    const [base = '0.0.0.0', prefix = '32'] = cidr.split('/')
    const start = base.split('.').reduce((sum, part) => sum * 256 + Number(part), 0)
    for (let n = start + 2; n < start + 2 ** (32 - Number(prefix)) - 1; n++) {
      const address = [24, 16, 8, 0].map(shift => Math.floor(n / 2 ** shift) % 256).join('.')
      if (taken === undefined || taken.has(address)) continue
      taken.add(address)
      return address
    }
    throw refusal(operation, 'other', 'no available IPv4 addresses on this network')
  }

  giveAddress(id: string, address: string): void {
    this.#addresses.get(id)?.delete(address)
  }
}
