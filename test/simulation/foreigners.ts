import type { Container } from '../../src/engine/engine.ts'
import { overlaps } from '../../src/engine/subnets.ts'
import { BARE_SPEC } from '../helpers/builders.ts'
import type { FakeEngine } from '../helpers/fake-engine.ts'

/** A network of somebody else on which containers of ours come and go. */
const COMMONS = 'commons'

/** Containers and networks of somebody else, as they were made: nobody may change them. */
export class Foreigners {
  readonly #engine: FakeEngine
  /** Id → the whole of it, as text. */
  readonly #containers = new Map<string, string>()
  readonly #networks = new Map<string, string>()
  readonly #volumes = new Map<string, string>()
  readonly #forged = new Set<string>()
  #count = 0

  constructor(engine: FakeEngine) {
    this.#engine = engine
  }

  /** Gives its id; undefined when the name is taken. */
  async addContainer(name: string): Promise<string | undefined> {
    if (this.#engine.containers().some(c => c.name === name)) return undefined
    const network = `foreign-${this.#count++}`
    const networkId = this.#engine.addNetwork(network, { subnets: [`172.16.${this.#count}.0/24`] })
    const id = await this.#engine.createContainer({ ...BARE_SPEC, name, network, labels: { 'somebody.else': 'yes' } })
    await this.#engine.startContainer(id)
    if (name !== 'the-gateway') this.#containers.set(id, this.#describeContainer(id))
    this.#networks.set(networkId, this.#describeNetwork(networkId))
    return id
  }

  /** Somebody runs their own image under all labels of a container of ours, its signature included, on its network. */
  async forge({ labels, networks }: Container): Promise<void> {
    const [network] = Object.keys(networks)
    if (network === undefined) return
    const name = `forged-${this.#count++}`
    const id = await this.#engine.createContainer({ ...BARE_SPEC, name, network, image: 'forged:1', labels })
    this.#forged.add(id)
    await this.#engine.startContainer(id)
    this.#containers.set(id, this.#describeContainer(id))
    // It may be a stranger's of that name by now.
    for (const other of this.#networks.keys()) {
      const is = this.#describeNetwork(other)
      if (is.includes(id)) this.#networks.set(other, is)
    }
  }

  /** Whether somebody else made this container. */
  has(containerId: string): boolean {
    return this.#containers.has(containerId) || this.#forged.has(containerId)
  }

  /** Nothing happens when the engine would refuse the subnet. */
  async addNetwork(name: string, subnet: string): Promise<void> {
    const networks = await this.#engine.listNetworks()
    if (networks.some(n => n.subnets.some(other => overlaps(other, subnet)))) return
    const id = this.#engine.addNetwork(name, { subnets: [subnet], labels: { 'somebody.else': 'yes' } })
    this.#networks.set(id, this.#describeNetwork(id))
  }

  /** A volume that somebody made under a name of ours. */
  addVolume(name: string): void {
    this.#engine.addVolume(name, { 'somebody.else': 'yes' })
    this.#volumes.set(name, this.#describeVolume(name))
  }

  /** Somebody connects a container of ours to one of their networks. */
  async take(containerId: string): Promise<void> {
    const network = await this.#engine.inspectNetwork(COMMONS)
    const id = network?.id ?? this.#engine.addNetwork(COMMONS, { subnets: ['172.17.0.0/16'] })
    await this.#engine.connectNetwork(id, containerId)
  }

  /** What became different, in words. */
  changes(): string[] {
    return [
      ...[...this.#containers].filter(([id, was]) => this.#describeContainer(id) !== was),
      ...[...this.#networks].filter(([id, was]) => this.#describeNetwork(id) !== was),
      ...[...this.#volumes].filter(([id, was]) => this.#describeVolume(id) !== was)
    ].map(
      ([id, was]) =>
        `was ${was}, is ${this.#describeContainer(id)}${this.#describeNetwork(id)}${this.#describeVolume(id)}`
    )
  }

  /** Their owner takes away what has a name, or a subnet, that is in our way. */
  async clear({ keepSubnets }: { readonly keepSubnets: boolean }): Promise<void> {
    for (const id of this.#containers.keys()) await this.#engine.removeContainer(id)
    this.#containers.clear()
    for (const name of this.#volumes.keys()) await this.#engine.removeVolume(name)
    this.#volumes.clear()
    for (const [id] of this.#networks) this.#networks.set(id, this.#describeNetwork(id))
    for (const network of await this.#engine.listNetworks()) {
      const isInTheWay = network.name.startsWith('test-net-') || !keepSubnets
      if (!this.#networks.has(network.id) || !isInTheWay || /^foreign-[0-9]/.test(network.name)) continue
      const attached = this.#engine
        .containers()
        .filter(c => Object.values(c.networks).some(n => n.networkId === network.id))
      for (const { id } of attached) await this.#engine.disconnectNetwork(network.id, id)
      await this.#engine.removeNetwork(network.id)
      this.#networks.delete(network.id)
    }
  }

  #describeContainer(id: string): string {
    return JSON.stringify(this.#engine.containers().find(c => c.id === id)) ?? ''
  }

  /** With its contents: nobody may write into it. */
  #describeVolume(name: string): string {
    const volume = this.#engine.volumes().find(v => v.name === name)
    return volume === undefined ? '' : JSON.stringify({ ...volume, contents: this.#engine.contentsOf(name) })
  }

  /** With those that are attached, but the gateway: it may be where it likes. */
  #describeNetwork(id: string): string {
    const network = this.#engine.networks().find(n => n.id === id)
    if (network === undefined) return ''
    const members = this.#engine
      .containers()
      .filter(c => c.name !== 'the-gateway' && Object.values(c.networks).some(n => n.networkId === id))
      .map(c => c.id)
    return JSON.stringify({ ...network, members })
  }
}
