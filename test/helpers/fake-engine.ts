import type { StringMap } from '../../api/meta.ts'
import type { Clock } from '../../src/clock.ts'
import type * as engine from '../../src/engine/engine.ts'
import type { EngineFault } from '../../src/engine/faults.ts'
import type { ContainerSpec, NetworkSpec, SecretFile } from '../../src/engine/specs.ts'
import { type FakeContainer, FakeContainers } from './fake-containers.ts'
import { FakeEvents } from './fake-events.ts'
import { FakeFaults, refusal } from './fake-faults.ts'
import { type FakeImageOptions, FakeImages, hash } from './fake-images.ts'
import { FakeLogs } from './fake-logs.ts'
import { FakeNetworks } from './fake-networks.ts'
import { FakeVolumes } from './fake-volumes.ts'

/**
 * Docker in memory, with what the contract suite pins down of the real one: names, states, subnets, addresses, ports,
 * events. Everything happens at once, in the order of the calls; time is the clock's, and ids depend on nothing else.
 */
export class FakeEngine implements engine.Engine {
  readonly #faults = new FakeFaults()
  readonly #events = new FakeEvents()
  readonly #networks = new FakeNetworks()
  readonly #containers: FakeContainers
  readonly #images = new FakeImages()
  readonly #volumes: FakeVolumes
  readonly #logs: FakeLogs
  readonly #clock: Pick<Clock, 'now'>
  /** What `docker info` lists as runtimes. */
  readonly runtimes = new Set(['runc'])
  #ids = 0
  #isDiskFull = false

  constructor(clock: Pick<Clock, 'now'>) {
    this.#clock = clock
    this.#volumes = new FakeVolumes(clock.now)
    this.#logs = new FakeLogs(clock.now)
    const emit = (event: engine.EngineEvent) => {
      if (event.kind === 'container' && (event.action === 'die' || event.action === 'destroy')) this.#logs.end(event.id)
      this.#events.emit(event)
    }
    this.#containers = new FakeContainers({ now: clock.now, networks: this.#networks, emit })
  }

  /** The mutating calls so far, such as `container_create hello-0`, also those that failed. */
  get journal(): string[] {
    return this.#faults.journal
  }

  /** The next `times` calls fail; with `after` they have had their effect, and only the answer is lost. */
  fail(operation: string, fault: EngineFault, options: { after?: boolean; times?: number } = {}): void {
    this.#faults.add(operation, fault, options)
  }

  /** Takes back what `fail` announced. */
  heal(): void {
    this.#faults.clear()
  }

  /** Puts an image into the store; gives its id. */
  addImage(reference: string, options: FakeImageOptions = {}): string {
    return this.#images.add(reference, options)
  }

  /** As `docker tag` by hand. */
  tag(imageId: string, reference: string): void {
    this.#images.tag(imageId, reference)
  }

  /** As `docker rmi --force` by hand. */
  loseImage(reference: string): void {
    this.#images.lose(reference)
  }

  /** The process ends by itself. */
  exit(name: string, exitCode: number, { oom = false } = {}): void {
    this.#containers.exit(this.#containers.get('exit', name), exitCode, oom)
  }

  /** All containers as they are, without a call. */
  containers(): engine.Container[] {
    return this.#containers.list()
  }

  /** What a container was made of, without a call. */
  specOf(id: string): ContainerSpec {
    return this.#containers.get('spec', id).spec
  }

  /** All networks as they are, without a call. */
  networks(): engine.NetworkSummary[] {
    return this.#networks.list()
  }

  /** All volumes as they are, without a call. */
  volumes(): engine.Volume[] {
    return this.#volumes.list()
  }

  /** What was written into a volume with secrets; undefined when it is not whole. */
  contentsOf(volume: string): Readonly<Record<string, string>> | undefined {
    return this.#volumes.contents(volume)
  }

  /** What a container finds among its secrets; undefined when it has none, or not all of them. */
  secretsIn(nameOrId: string): Readonly<Record<string, string>> | undefined {
    return this.#volumes.contents(this.#containers.find(nameOrId)?.secretsVolume)
  }

  /** Id of the image that the reference names, also when it is only in the registry. */
  imageId(reference: string): string | undefined {
    return this.#images.findAnywhere(reference)?.id
  }

  /** From now on memory cannot be limited, as on a kernel without its cgroup. */
  discardMemoryLimits(): void {
    this.#containers.limitsMemory = false
  }

  /** From now on a bridge takes so many interfaces, as Linux takes 1023. */
  limitBridges(ports: number): void {
    this.#containers.bridgePorts = ports
  }

  /** As `docker pause` by hand. */
  pause(name: string): void {
    this.#setPaused(this.#containers.get('pause', name), true)
  }

  /** As `docker update` by hand. */
  update(name: string, limits: { readonly memoryBytes?: number; readonly nanoCpus?: number }): void {
    const container = this.#containers.get('update', name)
    Object.assign(container, limits)
    this.#containers.emit(container, 'update')
  }

  /** A removal that takes its time: until it is told to finish, the container is `removing`, and its name taken. */
  beginRemoval(nameOrId: string): () => void {
    const container = this.#containers.find(nameOrId)
    if (container === undefined) return () => undefined
    this.#containers.beginRemoval(container)
    return () => this.#containers.finishRemoval(container)
  }

  /** A removal failed half way: the container is `dead`. */
  die(name: string): void {
    this.#containers.die(this.#containers.get('die', name))
  }

  /** While true nothing can be created, started or pulled. */
  fillDisk(full: boolean): void {
    this.#isDiskFull = full
  }

  /** A process of the host listens on the port from now on. */
  holdPort(port: number): void {
    this.#containers.heldPorts.add(port)
  }

  /** That process ends. */
  releasePort(port: number): void {
    this.#containers.heldPorts.delete(port)
  }

  /** Its process writes lines, to stdout and now, where they do not say otherwise. */
  log(name: string, ...lines: (string | Partial<engine.LogLine>)[]): void {
    const { id } = this.#containers.get('log', name)
    for (const line of lines) this.#logs.add(id, typeof line === 'string' ? { text: line } : line)
  }

  /** A network that somebody else made: its name may be taken, its subnet may be anything. */
  addNetwork(name: string, options: { subnets?: readonly string[]; labels?: StringMap } = {}): string {
    const { subnets = [], labels = {} } = options
    const id = this.#nextId()
    this.#networks.put({ id, name, labels, subnets, createdAt: this.#clock.now() })
    return id
  }

  addVolume(name: string, labels: StringMap): void {
    this.#volumes.make(name, labels)
  }

  /** Breaks every stream of events, as a restart of the engine does. */
  breakStreams(): void {
    this.#events.breakStreams()
  }

  /** Streams of events stay open and say nothing. */
  muteEvents(muted: boolean): void {
    this.#events.muted = muted
  }

  async ping(signal?: AbortSignal): Promise<number> {
    return this.#faults.run('ping', '', signal, () => 0)
  }

  async info(signal?: AbortSignal): Promise<engine.EngineInfo> {
    return this.#faults.run('info', '', signal, () => ({
      id: 'FAKE',
      version: '26.1.5',
      apiVersion: '1.45',
      operatingSystem: 'Fake',
      architecture: 'amd64',
      cpus: 2,
      memoryBytes: 4 * 1024 ** 3,
      canLimitCpu: true,
      runtimes: [...this.runtimes].sort(),
      guards: ['seccomp']
    }))
  }

  async listContainers(labels: StringMap, signal?: AbortSignal): Promise<engine.ContainerSummary[]> {
    return this.#faults.run('container_list', '', signal, () =>
      this.#containers
        .list()
        .filter(withLabels(labels))
        .map(({ id, name, state, imageId, labels, createdAt, networks, ports, secretsVolume }) => ({
          ...{ id, name, state, imageId, labels, createdAt, ports },
          ...(secretsVolume === undefined ? {} : { secretsVolume }),
          networks: { ...networks }
        }))
    )
  }

  async inspectContainer(nameOrId: string, signal?: AbortSignal): Promise<engine.Container | undefined> {
    return this.#faults.run('container_inspect', nameOrId, signal, () => {
      const found = this.#containers.find(nameOrId)
      if (found === undefined) return undefined
      const { spec: _, ...container } = found
      return structuredClone(container)
    })
  }

  async createContainer(spec: ContainerSpec, signal?: AbortSignal): Promise<string> {
    return this.#faults.mutate('container_create', spec.name, signal, () => {
      const image = this.#images.find(spec.image)
      if (image === undefined) throw refusal('container_create', 'no-image', `no such image: ${spec.image}`)
      this.#needSpace('container_create')
      if (spec.runtime !== undefined && !this.runtimes.has(spec.runtime)) {
        throw refusal('container_create', 'other', `unknown runtime ${spec.runtime}`)
      }
      const id = this.#nextId()
      this.#containers.create(id, image.id, image.stopSignal, structuredClone(spec))
      if (spec.secrets !== undefined) this.#volumes.make(spec.secrets.volume, spec.secrets.labels)
      return id
    })
  }

  async startContainer(nameOrId: string, signal?: AbortSignal): Promise<void> {
    return this.#faults.mutate('container_start', nameOrId, signal, () => {
      const container = this.#containers.get('container_start', nameOrId)
      const isUp = container.state === 'running'
      if (!isUp) this.#needSpace('container_start')
      this.#containers.start(container)
      if (!isUp) this.#begin(container)
    })
  }

  async signalContainer(nameOrId: string, posixSignal: string, signal?: AbortSignal): Promise<void> {
    return this.#faults.mutate('container_kill', nameOrId, signal, () => {
      const container = this.#containers.find(nameOrId)
      if (container === undefined || !this.#containers.isUp(container)) return
      this.#containers.emit(container, 'kill')
      if (posixSignal === 'SIGUSR1' && container.spec.env['MODE'] === 'print') this.log(container.id, 'again')
      if (posixSignal === 'SIGKILL') this.#containers.exit(container, 137)
      else if (container.state === 'running' && this.#endsAt(container, posixSignal)) {
        this.#containers.exit(container, 0)
      }
    })
  }

  async pauseContainer(nameOrId: string, signal?: AbortSignal): Promise<void> {
    return this.#faults.mutate('container_pause', nameOrId, signal, () =>
      this.#setPaused(this.#containers.get('container_pause', nameOrId), true)
    )
  }

  async unpauseContainer(nameOrId: string, signal?: AbortSignal): Promise<void> {
    return this.#faults.mutate('container_unpause', nameOrId, signal, () =>
      this.#setPaused(this.#containers.get('container_unpause', nameOrId), false)
    )
  }

  async renameContainer(nameOrId: string, newName: string, signal?: AbortSignal): Promise<void> {
    return this.#faults.mutate('container_rename', nameOrId, signal, () => {
      const container = this.#containers.get('container_rename', nameOrId)
      if (container.name === newName) throw refusal('container_rename', 'other', 'it has this name already')
      this.#containers.refuseTakenName('container_rename', newName)
      container.name = newName
      this.#containers.emit(container, 'rename')
    })
  }

  async removeContainer(nameOrId: string, signal?: AbortSignal): Promise<void> {
    return this.#faults.mutate('container_remove', nameOrId, signal, () => {
      const container = this.#containers.find(nameOrId)
      if (container !== undefined) this.#containers.remove(container)
    })
  }

  async usage(nameOrId: string, signal?: AbortSignal): Promise<engine.ContainerUsage | undefined> {
    return this.#faults.run('container_stats', nameOrId, signal, () => {
      const container = this.#containers.find(nameOrId)
      if (container === undefined || !this.#containers.isUp(container)) return undefined
      // A thousandth of a core, all the time.
      const readAt = this.#clock.now()
      const ranMs = readAt - (container.startedAt ?? readAt)
      return { readAt, cpuNanos: ranMs * 1000, workingSetBytes: 2 ** 20 }
    })
  }

  async tailLogs(nameOrId: string, tail: number, signal?: AbortSignal): Promise<string> {
    return this.#faults.run('container_logs', nameOrId, signal, () => {
      return this.#logs.tail(this.#containers.get('container_logs', nameOrId).id, tail)
    })
  }

  async *readLogs(nameOrId: string, query: engine.LogQuery, signal: AbortSignal): AsyncIterable<engine.LogLine> {
    if (signal.aborted) return
    const { id, isUp } = await this.#faults.run('container_logs', nameOrId, signal, () => {
      const container = this.#containers.get('container_logs', nameOrId)
      return { id: container.id, isUp: this.#containers.isUp(container) }
    })
    yield* this.#logs.read(id, { ...query, isUp }, signal)
  }

  async listNetworks(signal?: AbortSignal): Promise<engine.NetworkSummary[]> {
    return this.#faults.run('network_list', '', signal, () => this.#networks.list().map(network => ({ ...network })))
  }

  async inspectNetwork(name: string, signal?: AbortSignal): Promise<engine.Network | undefined> {
    return this.#faults.run('network_inspect', name, signal, () => {
      const found = this.#networks.find(name)
      return found && { ...structuredClone(found), members: this.#containers.members(found.id) }
    })
  }

  async createNetwork(spec: NetworkSpec, signal?: AbortSignal): Promise<string> {
    return this.#faults.mutate('network_create', spec.name, signal, () => {
      const id = this.#nextId()
      this.#networks.create(id, spec, this.#clock.now())
      this.#events.emit({ kind: 'network', action: 'create', name: spec.name })
      return id
    })
  }

  async removeNetwork(id: string, signal?: AbortSignal): Promise<void> {
    return this.#faults.mutate('network_remove', id, signal, () => {
      const network = this.#networks.find(id)
      if (network === undefined) return
      if (this.#containers.members(network.id).length > 0) {
        throw refusal('network_remove', 'busy', `network ${network.name} has active endpoints`)
      }
      this.#networks.remove(network.id)
      this.#events.emit({ kind: 'network', action: 'destroy', name: network.name })
    })
  }

  async connectNetwork(network: string, container: string, signal?: AbortSignal): Promise<void> {
    return this.#faults.mutate('network_connect', `${network} ${container}`, signal, () => {
      const target = this.#containers.get('network_connect', container)
      const { id, name } = this.#networks.get('network_connect', network)
      if (target.networks[name] !== undefined) return
      if (this.#containers.isUp(target)) this.#containers.connect(target, id, name)
      else target.networks[name] = { networkId: '', ipAddress: '' }
    })
  }

  async disconnectNetwork(network: string, container: string, signal?: AbortSignal): Promise<void> {
    return this.#faults.mutate('network_disconnect', `${network} ${container}`, signal, () => {
      const target = this.#containers.find(container)
      const found = this.#networks.find(network)
      if (target === undefined || found === undefined) return
      const attachedTo = target.networks[found.name]?.networkId
      if (attachedTo === found.id || attachedTo === '') this.#containers.detach(target, found.name)
    })
  }

  async listVolumes(labels: StringMap, signal?: AbortSignal): Promise<engine.Volume[]> {
    return this.#faults.run('volume_list', '', signal, () => this.#volumes.list().filter(withLabels(labels)))
  }

  async inspectVolume(name: string, signal?: AbortSignal): Promise<engine.Volume | undefined> {
    return this.#faults.run('volume_inspect', name, signal, () =>
      this.#volumes.list().find(volume => volume.name === name)
    )
  }

  async removeVolume(name: string, signal?: AbortSignal): Promise<void> {
    return this.#faults.mutate('volume_remove', name, signal, () => {
      if (this.#containers.list().some(({ secretsVolume }) => secretsVolume === name)) {
        throw refusal('volume_remove', 'busy', `remove ${name}: volume is in use`)
      }
      this.#volumes.remove(name)
    })
  }

  async writeSecrets(nameOrId: string, files: readonly SecretFile[], signal?: AbortSignal): Promise<void> {
    return this.#faults.mutate('archive_put', nameOrId, signal, () => {
      const { secretsVolume } = this.#containers.get('archive_put', nameOrId)
      this.#needSpace('archive_put')
      if (secretsVolume !== undefined) this.#volumes.write(secretsVolume, files)
    })
  }

  async hasSecrets(nameOrId: string, signal?: AbortSignal): Promise<boolean> {
    return this.#faults.run('archive_stat', nameOrId, signal, () =>
      this.#volumes.isWhole(this.#containers.find(nameOrId)?.secretsVolume)
    )
  }

  async inspectImage(referenceOrId: string, signal?: AbortSignal): Promise<engine.Image | undefined> {
    return this.#faults.run('image_inspect', referenceOrId, signal, () => {
      const found = this.#images.find(referenceOrId)
      return found && { id: found.id, digests: [...found.digests], user: found.user }
    })
  }

  async pullImage(
    reference: string,
    onProgress: (progress: engine.PullProgress) => void,
    signal?: AbortSignal
  ): Promise<void> {
    return this.#faults.mutate('image_pull', reference, signal, () => {
      const found = this.#images.findAnywhere(reference)
      if (found === undefined) throw refusal('image_pull', 'no-image', `manifest for ${reference} not found`)
      this.#needSpace('image_pull')
      onProgress({ currentBytes: 1, totalBytes: 1 })
      this.#images.pulled(found)
      this.#events.emit({ kind: 'image', action: 'pull', reference })
    })
  }

  async listImages(signal?: AbortSignal): Promise<engine.ImageSummary[]> {
    return this.#faults.run('image_list', '', signal, () => this.#images.list())
  }

  async removeImage(referenceOrId: string, signal?: AbortSignal): Promise<void> {
    return this.#faults.mutate('image_remove', referenceOrId, signal, () =>
      this.#images.remove(referenceOrId, id => this.#containers.list().some(({ imageId }) => imageId === id))
    )
  }

  async *watch(signal: AbortSignal): AsyncIterable<engine.EngineEvent> {
    await this.#faults.run('events', '', undefined, () => undefined)
    yield* this.#events.watch(signal)
  }

  #needSpace(operation: string): void {
    if (this.#isDiskFull) throw refusal(operation, 'no-space', 'no space left on device')
  }

  /** What the process of the test image does first. */
  #begin({ id, spec: { env } }: FakeContainer): void {
    if (env['MODE'] === 'log') this.log(id, 'to stdout', { text: 'to stderr', stream: 'stderr' })
    if (env['MODE'] === 'print') this.#logs.write(id, Buffer.from(env['PRINT'] ?? '', 'base64'))
  }

  #endsAt(container: FakeContainer, posixSignal: string): boolean {
    return posixSignal === container.stopSignal && this.#images.endsWhenAsked(container.imageId)
  }

  #setPaused(container: FakeContainer, paused: boolean): void {
    const [from, to] = paused ? (['running', 'paused'] as const) : (['paused', 'running'] as const)
    if (container.state !== from) return
    container.state = to
    this.#containers.emit(container, paused ? 'pause' : 'unpause')
  }

  #nextId(): string {
    return hash(`object ${++this.#ids}`).slice('sha256:'.length)
  }
}

function withLabels(wanted: StringMap): (object: { readonly labels: StringMap }) => boolean {
  // Who asks names the narrowest last.
  const entries = Object.entries(wanted).toReversed()
  return ({ labels }) =>
    entries.every(([key, value]) => labels[key] !== undefined && (value === '' || labels[key] === value))
}
