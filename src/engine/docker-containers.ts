import type Docker from 'dockerode'
import { toCreateBody } from './docker-create.ts'
import type { DockerLink } from './docker-link.ts'
import { networksNamed } from './docker-networks.ts'
import * as translate from './docker-translate.ts'
import type { Engine } from './engine.ts'
import { unless } from './engine-call.ts'
import { pickNetwork } from './pick-network.ts'

/** Containers of the engine. */
export class DockerContainers {
  readonly #link: DockerLink

  constructor(link: DockerLink) {
    this.#link = link
  }

  readonly listContainers: Engine['listContainers'] = async (labels, signal) => {
    const filters = { label: translate.labelFilter(labels) }
    const list = await this.#link.call({ operation: 'container_list', signal }, ({ abortSignal }) =>
      this.#link.calls.listContainers({ abortSignal, all: true, filters })
    )
    return list.map(translate.toContainerSummary)
  }

  readonly inspectContainer: Engine['inspectContainer'] = async (nameOrId, signal) => {
    const call = this.#link.call({ operation: 'container_inspect', subject: nameOrId, signal }, ({ abortSignal }) =>
      this.#container(nameOrId).inspect({ abortSignal })
    )
    const raw = await unless(['not-found'], call)
    return raw && translate.toContainer(raw)
  }

  readonly createContainer: Engine['createContainer'] = async (spec, signal) => {
    return this.#link.call({ operation: 'container_create', subject: spec.name, signal }, async ({ abortSignal }) => {
      // The engine itself creates it without the network as well, and refuses to start it.
      const networks = await networksNamed(this.#link, spec.network, abortSignal)
      const network = pickNetwork(networks, spec.network)
      if (network === undefined) {
        throw Object.assign(new Error(`network ${spec.network} not found`), { statusCode: 404 })
      }
      const networkId = networks.length > 1 ? network.id : undefined
      // NOTE: without `_query`, dockerode writes the whole body, environment included, into the URL as well.
      const request = { abortSignal, _query: { name: spec.name }, _body: toCreateBody(spec, networkId) }
      const { id } = await this.#link.calls.createContainer(request as Docker.ContainerCreateOptions)
      return id
    })
  }

  readonly startContainer: Engine['startContainer'] = async (nameOrId, signal) => {
    const call = { operation: 'container_start', subject: nameOrId, signal, timeoutMs: 4 * this.#link.timeoutMs }
    await unless(
      ['unchanged'],
      this.#link.call(call, ({ abortSignal }) => this.#container(nameOrId).start({ abortSignal }))
    )
  }

  readonly signalContainer: Engine['signalContainer'] = async (nameOrId, posixSignal, signal) => {
    const call = this.#link.call({ operation: 'container_kill', subject: nameOrId, signal }, ({ abortSignal }) =>
      this.#container(nameOrId).kill({ abortSignal, signal: posixSignal })
    )
    await unless(['not-found', 'unchanged'], call)
  }

  readonly pauseContainer: Engine['pauseContainer'] = async (nameOrId, signal) => {
    const call = this.#link.call({ operation: 'container_pause', subject: nameOrId, signal }, ({ abortSignal }) =>
      this.#container(nameOrId).pause({ abortSignal })
    )
    await unless(['unchanged'], call)
  }

  readonly unpauseContainer: Engine['unpauseContainer'] = async (nameOrId, signal) => {
    const call = this.#link.call({ operation: 'container_unpause', subject: nameOrId, signal }, ({ abortSignal }) =>
      this.#container(nameOrId).unpause({ abortSignal })
    )
    await unless(['unchanged'], call)
  }

  readonly renameContainer: Engine['renameContainer'] = async (nameOrId, newName, signal) => {
    await this.#link.call({ operation: 'container_rename', subject: nameOrId, signal }, ({ abortSignal }) =>
      this.#container(nameOrId).rename({ abortSignal, name: newName })
    )
  }

  readonly removeContainer: Engine['removeContainer'] = async (nameOrId, signal) => {
    const call = { operation: 'container_remove', subject: nameOrId, signal, timeoutMs: 4 * this.#link.timeoutMs }
    await unless(
      ['not-found'],
      this.#link.call(call, ({ abortSignal }) =>
        this.#container(nameOrId).remove({ abortSignal, force: true, v: true })
      )
    )
  }

  readonly usage: Engine['usage'] = async (nameOrId, signal) => {
    // One-shot: the engine would else wait a second for another reading.
    const options = { stream: false, 'one-shot': true } as const
    const call = this.#link.call({ operation: 'container_stats', subject: nameOrId, signal }, ({ abortSignal }) => {
      const request = { ...options, abortSignal }
      return this.#container(nameOrId).stats(request)
    })
    const raw = await unless(['not-found'], call)
    return raw && translate.toUsage(raw)
  }

  #container(nameOrId: string): Docker.Container {
    return this.#link.calls.getContainer(encodeURIComponent(nameOrId))
  }
}
