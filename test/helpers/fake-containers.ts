import type { Container, EngineEvent } from '../../src/engine/engine.ts'
import type { ContainerSpec, PortBinding } from '../../src/engine/specs.ts'
import { refusal } from './fake-faults.ts'
import type { FakeNetworks } from './fake-networks.ts'

type Mutable<T> = { -readonly [K in keyof T]: T[K] }
export interface FakeContainer extends Mutable<Container> {
  readonly spec: ContainerSpec
  networks: Record<string, { networkId: string; ipAddress: string }>
}

const FIRST_PICKED_PORT = 32_768

interface Deps {
  readonly now: () => number
  readonly networks: FakeNetworks
  readonly emit: (event: EngineEvent) => void
}

/** Containers: their names, states, addresses and ports, and the events that each change makes. */
export class FakeContainers {
  readonly #byId = new Map<string, FakeContainer>()
  /** Whether the kernel can; one that cannot discards the limit. */
  limitsMemory = true
  /** Interfaces that one bridge takes. */
  bridgePorts = Number.POSITIVE_INFINITY
  /** Ports of the host that other processes listen on. */
  readonly heldPorts = new Set<number>()
  /** Addresses of the host, and those that stand for all of them. */
  readonly addresses = new Set(['127.0.0.1', '::1', '0.0.0.0', '::', ''])
  readonly #deps: Deps
  constructor(deps: Deps) {
    this.#deps = deps
  }

  list(): FakeContainer[] {
    return [...this.#byId.values()]
  }

  find(nameOrId: string): FakeContainer | undefined {
    return this.#byId.get(nameOrId) ?? this.list().find(c => c.name === nameOrId)
  }

  get(operation: string, nameOrId: string): FakeContainer {
    const found = this.find(nameOrId)
    if (found === undefined) throw refusal(operation, 'not-found', `no such container: ${nameOrId}`)
    return found
  }

  isUp(container: FakeContainer): boolean {
    return container.state === 'running' || container.state === 'paused'
  }

  create(id: string, imageId: string, stopSignal: string, spec: ContainerSpec): void {
    this.refuseTakenName('container_create', spec.name)
    const network = this.#deps.networks.get('container_create', spec.network)
    const { name, labels, memoryBytes, nanoCpus } = spec
    const limits = this.limitsMemory ? { memoryBytes, nanoCpus } : { memoryBytes: 0, memoryUnlimitable: true, nanoCpus }
    const ended = { exitCode: 0, oomKilled: false, error: '', stopSignal, ports: [] }
    const networks = { [network.name]: { networkId: '', ipAddress: '' } }
    const createdAt = this.#deps.now()
    const secrets = spec.secrets === undefined ? {} : { secretsVolume: spec.secrets.volume }
    const fixed = { id, name, imageId, labels: { ...labels }, createdAt, spec, ...secrets }
    const container: FakeContainer = { ...fixed, state: 'created', ...ended, ...limits, networks }
    this.#byId.set(id, container)
    this.emit(container, 'create')
  }

  refuseTakenName(operation: string, name: string): void {
    if (this.list().every(c => c.name !== name)) return
    throw refusal(operation, 'name-in-use', `the container name ${name} is already in use`)
  }

  start(container: FakeContainer): void {
    if (container.state === 'running') return
    if (container.state === 'paused') throw refusal('container_start', 'busy', 'cannot start a paused container')
    if (container.state === 'removing' || container.state === 'dead') {
      throw refusal('container_start', 'busy', 'container is marked for removal and cannot be started')
    }
    const networks = Object.keys(container.networks).map(name => this.#deps.networks.get('container_start', name))
    container.ports = this.#takePorts('container_start', container)
    for (const network of networks) this.#needBridgePort(container, network.id)
    for (const network of networks) this.attach(container, network.id, network.name)
    container.state = 'running'
    container.startedAt = this.#deps.now()
    Object.assign(container, { exitCode: 0, oomKilled: false, error: '' })
    this.emit(container, 'start')
  }

  exit(container: FakeContainer, exitCode: number, oomKilled = false): void {
    if (!this.isUp(container)) return
    if (oomKilled) this.emit(container, 'oom')
    for (const [name, { networkId, ipAddress }] of Object.entries(container.networks)) {
      this.#deps.networks.giveAddress(networkId, ipAddress)
      container.networks[name] = { networkId, ipAddress: '' }
    }
    Object.assign(container, { state: 'exited', exitCode, oomKilled, ports: [], finishedAt: this.#deps.now() })
    this.emit(container, 'die')
  }

  remove(container: FakeContainer): void {
    this.beginRemoval(container)
    this.finishRemoval(container)
  }

  /** From now on it does nothing any more, but its name is taken until the removal is finished. */
  beginRemoval(container: FakeContainer): void {
    if (container.state === 'removing') {
      throw refusal('container_remove', 'busy', `removal of container ${container.name} is already in progress`)
    }
    this.exit(container, 137)
    container.state = 'removing'
  }

  /** A removal that failed half way: it can only be removed again. */
  die(container: FakeContainer): void {
    if (container.state === 'removing') return
    this.exit(container, 137)
    container.state = 'dead'
  }

  finishRemoval(container: FakeContainer): void {
    this.#byId.delete(container.id)
    this.emit(container, 'destroy')
  }

  /** One that runs, and is on no network, gets its ports again, or is refused. */
  connect(container: FakeContainer, networkId: string, name: string): void {
    if (Object.keys(container.networks).length === 0) {
      const { error } = container
      try {
        container.ports = this.#takePorts('network_connect', container)
      } finally {
        container.error = error
      }
    }
    this.attach(container, networkId, name)
  }

  attach(container: FakeContainer, networkId: string, name: string): void {
    const ipAddress = this.#deps.networks.takeAddress('network_connect', networkId)
    container.networks[name] = { networkId, ipAddress }
    this.#deps.emit({ kind: 'network', action: 'connect', name, container: container.id })
  }

  detach(container: FakeContainer, name: string): void {
    const endpoint = container.networks[name]
    if (endpoint === undefined) return
    this.#deps.networks.giveAddress(endpoint.networkId, endpoint.ipAddress)
    delete container.networks[name]
    if (Object.keys(container.networks).length === 0) container.ports = []
    this.#deps.emit({ kind: 'network', action: 'disconnect', name, container: container.id })
  }

  /** Ids of those that run and are attached to the network. */
  members(networkId: string): string[] {
    const isMember = (c: FakeContainer) => Object.values(c.networks).some(n => n.networkId === networkId)
    return [...this.#byId.values()]
      .filter(c => this.isUp(c) && isMember(c))
      .map(c => c.id)
      .toSorted()
  }

  emit({ id, labels }: FakeContainer, action: string): void {
    this.#deps.emit({ kind: 'container', action, id, labels })
  }

  /** Linux refuses, and the engine keeps its words. */
  #needBridgePort(container: FakeContainer, networkId: string): void {
    if (this.members(networkId).length < this.bridgePorts) return
    container.ports = []
    container.error = 'adding interface veth1 to bridge br-1 failed: exchange full'
    throw refusal('container_start', 'bridge-full', container.error)
  }

  #takePorts(operation: string, container: FakeContainer): PortBinding[] {
    const taken = this.list().flatMap(c => c.ports)
    return container.spec.ports.map(binding => {
      const hostPort = binding.hostPort === 0 ? this.#firstFreePort(taken) : binding.hostPort
      const isTaken = taken.some(t => t.hostPort === hostPort && sameAddress(t.address, binding.address))
      if (isTaken || this.heldPorts.has(hostPort)) {
        container.error = `listen tcp4 ${binding.address}:${hostPort}: bind: address already in use`
        throw refusal(operation, 'port-in-use', container.error)
      }
      if (!this.addresses.has(binding.address)) {
        container.error = `listen tcp4 ${binding.address}:${hostPort}: bind: cannot assign requested address`
        throw refusal(operation, 'no-address', container.error)
      }
      const bound = { ...binding, hostPort }
      taken.push(bound)
      return bound
    })
  }

  #firstFreePort(taken: readonly PortBinding[]): number {
    let port = FIRST_PICKED_PORT
    while (this.heldPorts.has(port) || taken.some(t => t.hostPort === port)) port++
    return port
  }
}

function sameAddress(a: string, b: string): boolean {
  return a === b || [a, b].some(address => address === '0.0.0.0' || address === '')
}
