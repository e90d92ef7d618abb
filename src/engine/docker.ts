import type { Agent } from 'node:http'
import type Docker from 'dockerode'
import { parseImageReference } from '../../api/image-reference.ts'
import type { StringMap } from '../../api/meta.ts'
import { Breaker } from './breaker.ts'
import { ClosedNetworks } from './closed-networks.ts'
import {
  aheadOf,
  callAgent,
  connectDocker,
  DEFAULT_HOST,
  type DockerClient,
  type NetworkClient,
  openStream,
  streamAgent
} from './docker-client.ts'
import { explicitImage, toCreateBody, toNetworkBody } from './docker-create.ts'
import { logParameters, readLines, readTail } from './docker-logs.ts'
import { followPull } from './docker-pull.ts'
import { isWhole, SECRETS_PARENT, SECRETS_STAT, toSecretsArchive } from './docker-secrets.ts'
import * as translate from './docker-translate.ts'
import { refuseOldEngine } from './docker-version.ts'
import { watchEvents } from './docker-watch.ts'
import type * as engine from './engine.ts'
import { type Call, type Deadline, type ObserveCall, runCall, unless } from './engine-call.ts'
import { engineMessage, pullFault } from './engine-fault.ts'
import { EngineError } from './faults.ts'
import { PING_MS } from './heartbeat.ts'
import { pickNetwork } from './pick-network.ts'
import type { RegistryAuth } from './registry-auth.ts'

export interface DockerEngineOptions {
  /** `unix:///path` or `tcp://host:port`; the local socket when absent. */
  readonly host?: string
  /** Who may pull what; nobody when absent. */
  readonly registryAuth?: RegistryAuth
  /** For each call, 30 s; four times as much for starting and removing a container. */
  readonly timeoutMs?: number
  /** A pull that says nothing for so long is given up, 60 s. */
  readonly pullInactivityMs?: number
  readonly observe?: ObserveCall
  /** Told when calls are kept away from the engine, with the reason, and when they are let through again. */
  readonly onBreaker?: (isOpen: boolean, why: unknown) => void
  /** Told of networks as they are listed and made. */
  readonly closedNetworks?: ClosedNetworks
}

const LOG_BYTES = 64 * 1024
const MAX_TAIL = 10_000

/** What waits on something else than the engine, a registry or the next event, and so is neither stopped nor counted. */
const UNGUARDED: ReadonlySet<string> = new Set(['image_pull', 'events'])

/** The engine behind a Docker socket. Nothing of dockerode, neither types nor errors, gets out of here. */
export class DockerEngine implements engine.Engine {
  readonly #calls: DockerClient
  readonly #streams: DockerClient
  readonly #pings: DockerClient
  readonly #agents: readonly Agent[]
  readonly #registryAuth: RegistryAuth | undefined
  readonly #timeoutMs: number
  readonly #pullInactivityMs: number
  readonly #observe: ObserveCall
  readonly #closedNetworks: ClosedNetworks
  readonly #breaker: Breaker

  constructor(options: DockerEngineOptions = {}) {
    const { host = DEFAULT_HOST, registryAuth, timeoutMs = 30_000, pullInactivityMs = 60_000 } = options
    const agents = [callAgent(), streamAgent(), streamAgent()] as const
    this.#agents = agents
    this.#calls = connectDocker(host, agents[0])
    this.#streams = connectDocker(host, agents[1])
    this.#pings = connectDocker(host, agents[2])
    this.#registryAuth = registryAuth
    this.#timeoutMs = timeoutMs
    this.#pullInactivityMs = pullInactivityMs
    this.#observe = options.observe ?? (() => undefined)
    this.#closedNetworks = options.closedNetworks ?? new ClosedNetworks()
    this.#breaker = new Breaker(options.onBreaker === undefined ? {} : { onChange: options.onBreaker })
  }

  /** Whether calls are kept away from it. */
  get isAway(): boolean {
    return this.#breaker.isOpen
  }

  /** Notes how a heartbeat ended: one that was not answered keeps every call away, until one is. */
  noteBeat(err?: unknown): void {
    this.#breaker.beat(err)
  }

  /** Drops the connections. */
  async [Symbol.asyncDispose](): Promise<void> {
    for (const agent of this.#agents) agent.destroy()
  }

  async ping(signal?: AbortSignal): Promise<number> {
    const call = { operation: 'ping', signal, timeoutMs: PING_MS }
    return runCall(call, this.#observe, async ({ abortSignal }) => {
      const answer = await openStream(this.#pings, '/_ping', {}, abortSignal)
      for await (const _ of answer);
      refuseOldEngine(answer)
      return aheadOf(answer)
    })
  }

  async info(signal?: AbortSignal): Promise<engine.EngineInfo> {
    return this.#call({ operation: 'info', signal }, async ({ abortSignal }) => {
      const [info, version] = await Promise.all([
        this.#calls.info({ abortSignal }),
        this.#calls.version({ abortSignal })
      ])
      return translate.toEngineInfo(info, version)
    })
  }

  async listContainers(labels: StringMap, signal?: AbortSignal): Promise<engine.ContainerSummary[]> {
    const filters = { label: translate.labelFilter(labels) }
    const list = await this.#call({ operation: 'container_list', signal }, ({ abortSignal }) =>
      this.#calls.listContainers({ abortSignal, all: true, filters })
    )
    return list.map(translate.toContainerSummary)
  }

  async inspectContainer(nameOrId: string, signal?: AbortSignal): Promise<engine.Container | undefined> {
    const call = this.#call({ operation: 'container_inspect', subject: nameOrId, signal }, ({ abortSignal }) =>
      this.#container(nameOrId).inspect({ abortSignal })
    )
    const raw = await unless(['not-found'], call)
    return raw && translate.toContainer(raw)
  }

  async createContainer(spec: engine.ContainerSpec, signal?: AbortSignal): Promise<string> {
    return this.#call({ operation: 'container_create', subject: spec.name, signal }, async ({ abortSignal }) => {
      // The engine itself creates it without the network as well, and refuses to start it.
      const networks = await this.#networksNamed(spec.network, abortSignal)
      const network = pickNetwork(networks, spec.network)
      if (network === undefined) {
        throw Object.assign(new Error(`network ${spec.network} not found`), { statusCode: 404 })
      }
      const networkId = networks.length > 1 ? network.id : undefined
      // NOTE: without `_query`, dockerode writes the whole body, environment included, into the URL as well.
      const request = { abortSignal, _query: { name: spec.name }, _body: toCreateBody(spec, networkId) }
      const { id } = await this.#calls.createContainer(request as Docker.ContainerCreateOptions)
      return id
    })
  }

  async startContainer(nameOrId: string, signal?: AbortSignal): Promise<void> {
    const call = { operation: 'container_start', subject: nameOrId, signal, timeoutMs: 4 * this.#timeoutMs }
    await unless(
      ['unchanged'],
      this.#call(call, ({ abortSignal }) => this.#container(nameOrId).start({ abortSignal }))
    )
  }

  async signalContainer(nameOrId: string, posixSignal: string, signal?: AbortSignal): Promise<void> {
    const call = this.#call({ operation: 'container_kill', subject: nameOrId, signal }, ({ abortSignal }) =>
      this.#container(nameOrId).kill({ abortSignal, signal: posixSignal })
    )
    await unless(['not-found', 'unchanged'], call)
  }

  async pauseContainer(nameOrId: string, signal?: AbortSignal): Promise<void> {
    const call = this.#call({ operation: 'container_pause', subject: nameOrId, signal }, ({ abortSignal }) =>
      this.#container(nameOrId).pause({ abortSignal })
    )
    await unless(['unchanged'], call)
  }

  async unpauseContainer(nameOrId: string, signal?: AbortSignal): Promise<void> {
    const call = this.#call({ operation: 'container_unpause', subject: nameOrId, signal }, ({ abortSignal }) =>
      this.#container(nameOrId).unpause({ abortSignal })
    )
    await unless(['unchanged'], call)
  }

  async renameContainer(nameOrId: string, newName: string, signal?: AbortSignal): Promise<void> {
    await this.#call({ operation: 'container_rename', subject: nameOrId, signal }, ({ abortSignal }) =>
      this.#container(nameOrId).rename({ abortSignal, name: newName })
    )
  }

  async removeContainer(nameOrId: string, signal?: AbortSignal): Promise<void> {
    const call = { operation: 'container_remove', subject: nameOrId, signal, timeoutMs: 4 * this.#timeoutMs }
    await unless(
      ['not-found'],
      this.#call(call, ({ abortSignal }) => this.#container(nameOrId).remove({ abortSignal, force: true, v: true }))
    )
  }

  async tailLogs(nameOrId: string, tail: number, signal?: AbortSignal): Promise<string> {
    const query = { stdout: true, stderr: true, tail: Math.min(tail, MAX_TAIL) }
    return this.#call({ operation: 'container_logs', subject: nameOrId, signal }, async ({ abortSignal }) =>
      readTail(await openStream(this.#streams, logsPath(nameOrId), query, abortSignal), LOG_BYTES)
    )
  }

  async *readLogs(nameOrId: string, query: engine.LogQuery, signal: AbortSignal): AsyncIterable<engine.LogLine> {
    const ended = new AbortController()
    const call = { operation: 'container_logs', subject: nameOrId, signal: AbortSignal.any([signal, ended.signal]) }
    try {
      // The deadline is for the answer to begin; a function may be silent for long.
      const stream = await this.#call(call, ({ abortSignal }) =>
        openStream(this.#streams, logsPath(nameOrId), logParameters(query), abortSignal)
      )
      yield* readLines(stream)
    } catch (cause) {
      if (signal.aborted) return
      if (cause instanceof EngineError) throw cause
      const message = `log of ${nameOrId} broke off: ${engineMessage(cause)}`
      throw new EngineError('container_logs', 'unavailable', message, { cause })
    } finally {
      ended.abort()
    }
  }

  async usage(nameOrId: string, signal?: AbortSignal): Promise<engine.ContainerUsage | undefined> {
    // One-shot: the engine would else wait a second for another reading.
    const options = { stream: false, 'one-shot': true } as const
    const call = this.#call({ operation: 'container_stats', subject: nameOrId, signal }, ({ abortSignal }) => {
      const request = { ...options, abortSignal }
      return this.#container(nameOrId).stats(request)
    })
    const raw = await unless(['not-found'], call)
    return raw && translate.toUsage(raw)
  }

  async listNetworks(signal?: AbortSignal): Promise<engine.NetworkSummary[]> {
    const heard = this.#closedNetworks.listing()
    const list = await this.#call({ operation: 'network_list', signal }, ({ abortSignal }) =>
      this.#calls.listNetworks({ abortSignal })
    )
    const networks = list.map(translate.toNetworkSummary)
    heard(networks)
    return networks
  }

  async inspectNetwork(name: string, signal?: AbortSignal): Promise<engine.Network | undefined> {
    const call = this.#call({ operation: 'network_inspect', subject: name, signal }, async ({ abortSignal }) => {
      // Ambiguous names are an error to inspect, so the id is looked up first.
      const found = pickNetwork(await this.#networksNamed(name, abortSignal), name)
      if (found === undefined) return undefined
      return translate.toNetwork(await this.#network(found.id).inspect({ abortSignal }))
    })
    return unless(['not-found'], call)
  }

  async createNetwork(spec: engine.NetworkSpec, signal?: AbortSignal): Promise<string> {
    this.#closedNetworks.making(spec)
    const call = { operation: 'network_create', subject: spec.name, signal }
    const id = await this.#call(call, async ({ abortSignal }) => {
      const request = { abortSignal, _query: {}, _body: toNetworkBody(spec) }
      return (await this.#calls.createNetwork(request as unknown as Docker.NetworkCreateOptions)).id
    })
    this.#closedNetworks.made(spec)
    return id
  }

  async removeNetwork(id: string, signal?: AbortSignal): Promise<void> {
    const call = this.#call({ operation: 'network_remove', subject: id, signal }, ({ abortSignal }) =>
      this.#network(id).remove({ abortSignal })
    )
    await unless(['not-found'], call)
  }

  async connectNetwork(network: string, container: string, signal?: AbortSignal): Promise<void> {
    const call = this.#call({ operation: 'network_connect', subject: network, signal }, ({ abortSignal }) =>
      this.#network(network).connect({ abortSignal, Container: container })
    )
    await unless(['unchanged'], call)
  }

  async disconnectNetwork(network: string, container: string, signal?: AbortSignal): Promise<void> {
    const call = this.#call({ operation: 'network_disconnect', subject: network, signal }, ({ abortSignal }) =>
      this.#network(network).disconnect({ abortSignal, Container: container })
    )
    await unless(['unchanged', 'not-found'], call)
  }

  async listVolumes(labels: StringMap, signal?: AbortSignal): Promise<engine.Volume[]> {
    const filters = { label: translate.labelFilter(labels) }
    const { Volumes: list } = await this.#call({ operation: 'volume_list', signal }, ({ abortSignal }) =>
      this.#calls.listVolumes({ abortSignal, filters })
    )
    return (list ?? []).map(translate.toVolume)
  }

  async inspectVolume(name: string, signal?: AbortSignal): Promise<engine.Volume | undefined> {
    const call = this.#call({ operation: 'volume_inspect', subject: name, signal }, ({ abortSignal }) =>
      this.#calls.getVolume(encodeURIComponent(name)).inspect({ abortSignal })
    )
    const raw = await unless(['not-found'], call)
    return raw && translate.toVolume(raw)
  }

  async removeVolume(name: string, signal?: AbortSignal): Promise<void> {
    const call = this.#call({ operation: 'volume_remove', subject: name, signal }, ({ abortSignal }) =>
      this.#calls.getVolume(encodeURIComponent(name)).remove({ abortSignal })
    )
    await unless(['not-found'], call)
  }

  async writeSecrets(nameOrId: string, files: readonly engine.SecretFile[], signal?: AbortSignal): Promise<void> {
    const archive = await toSecretsArchive(files)
    await this.#call({ operation: 'archive_put', subject: nameOrId, signal }, ({ abortSignal }) =>
      this.#container(nameOrId).putArchive(archive, { path: SECRETS_PARENT, abortSignal } as { path: string })
    )
  }

  async hasSecrets(nameOrId: string, signal?: AbortSignal): Promise<boolean> {
    const call = this.#call({ operation: 'archive_stat', subject: nameOrId, signal }, async ({ abortSignal }) => {
      const answer = await this.#container(nameOrId).infoArchive({ ...SECRETS_STAT, abortSignal } as { path: string })
      ;(answer as unknown as NodeJS.ReadableStream).resume()
      return isWhole(answer)
    })
    return (await unless(['not-found'], call)) ?? false
  }

  async inspectImage(referenceOrId: string, signal?: AbortSignal): Promise<engine.Image | undefined> {
    const name = explicitImage(referenceOrId).split('/').map(encodeURIComponent).join('/')
    const call = this.#call({ operation: 'image_inspect', subject: referenceOrId, signal }, ({ abortSignal }) =>
      this.#calls.getImage(name).inspect({ abortSignal } as Docker.ImageInspectOptions)
    )
    const raw = await unless(['no-image', 'not-found'], call)
    return raw && translate.toImage(raw)
  }

  async pullImage(
    reference: string,
    onProgress: (progress: engine.PullProgress) => void,
    signal?: AbortSignal
  ): Promise<void> {
    const parsed = parseImageReference(reference)
    if (parsed === undefined) throw new EngineError('image_pull', 'no-image', `${reference} is no image reference`)
    const { registry, repository, tag, digest } = parsed
    // NOTE: without a tag the engine pulls every tag of the repository.
    const query = { fromImage: `${registry}/${repository}`, tag: digest ?? tag ?? 'latest' }
    const authconfig = await this.#registryAuth?.forImage(reference)
    const call = {
      operation: 'image_pull',
      subject: reference,
      signal,
      timeoutMs: this.#pullInactivityMs,
      faultOf: pullFault
    }
    await this.#call(call, async deadline => {
      const request = { ...query, abortSignal: deadline.abortSignal }
      const stream = await this.#streams.createImage(authconfig as Docker.AuthConfig, request)
      await followPull(stream as unknown as AsyncIterable<Buffer>, progress => {
        deadline.extend()
        onProgress(progress)
      })
    })
  }

  async listImages(signal?: AbortSignal): Promise<engine.ImageSummary[]> {
    const list = await this.#call({ operation: 'image_list', signal }, ({ abortSignal }) =>
      this.#calls.listImages({ abortSignal } as Docker.ListImagesOptions)
    )
    return list.map(translate.toImageSummary)
  }

  async removeImage(referenceOrId: string, signal?: AbortSignal): Promise<void> {
    const call = { operation: 'image_remove', subject: referenceOrId, signal, timeoutMs: 4 * this.#timeoutMs }
    const name = explicitImage(referenceOrId).split('/').map(encodeURIComponent).join('/')
    await unless(
      ['no-image', 'not-found'],
      this.#call(call, ({ abortSignal }) =>
        this.#calls.getImage(name).remove({ abortSignal } as Docker.ImageRemoveOptions)
      )
    )
  }

  watch(signal: AbortSignal): AsyncIterable<engine.EngineEvent> {
    const open = (query: Readonly<Record<string, unknown>>, abortSignal: AbortSignal) =>
      openStream(this.#streams, '/events', query, abortSignal)
    return watchEvents(
      {
        // The deadline is for the answer to begin; a quiet stream may last.
        open: (query, until) =>
          this.#call({ operation: 'events', signal: until }, ({ abortSignal }) => open(query, abortSignal)),
        read: (query, until, consume) =>
          this.#call({ operation: 'events_recall', signal: until }, async ({ abortSignal }) =>
            consume(await open(query, abortSignal))
          )
      },
      signal
    )
  }

  async #call<T>(call: Omit<Call, 'timeoutMs'> & { timeoutMs?: number }, send: (deadline: Deadline) => Promise<T>) {
    const isEngineThere = () => !this.#breaker.isOpen
    const run = (givenUp?: AbortSignal) => {
      const guard = givenUp === undefined ? {} : { givenUp }
      return runCall({ timeoutMs: this.#timeoutMs, isEngineThere, ...guard, ...call }, this.#observe, send)
    }
    return UNGUARDED.has(call.operation) ? this.#breaker.pass(run) : this.#breaker.run(call.operation, run)
  }

  /** NOTE: the engine's filter finds parts of names as well. */
  async #networksNamed(name: string, abortSignal: AbortSignal): Promise<engine.NetworkSummary[]> {
    const list = await this.#calls.listNetworks({ abortSignal, filters: { name: [name] } })
    return list.map(translate.toNetworkSummary).filter(network => network.name === name)
  }

  #container(nameOrId: string): Docker.Container {
    return this.#calls.getContainer(encodeURIComponent(nameOrId))
  }

  #network(nameOrId: string): NetworkClient {
    return this.#calls.getNetwork(encodeURIComponent(nameOrId))
  }
}

function logsPath(nameOrId: string): string {
  return `/containers/${encodeURIComponent(nameOrId)}/logs`
}
