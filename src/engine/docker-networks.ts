import type Docker from 'dockerode'
import type { ClosedNetworks } from './closed-networks.ts'
import type { NetworkClient } from './docker-client.ts'
import { toNetworkBody } from './docker-create.ts'
import type { DockerLink } from './docker-link.ts'
import * as translate from './docker-translate.ts'
import type { Engine, NetworkSummary } from './engine.ts'
import { unless } from './engine-call.ts'
import { pickNetwork } from './pick-network.ts'

/** Networks of the engine. */
export class DockerNetworks {
  readonly #link: DockerLink
  readonly #closedNetworks: ClosedNetworks

  constructor(link: DockerLink, closedNetworks: ClosedNetworks) {
    this.#link = link
    this.#closedNetworks = closedNetworks
  }

  readonly listNetworks: Engine['listNetworks'] = async signal => {
    const heard = this.#closedNetworks.listing()
    const list = await this.#link.call({ operation: 'network_list', signal }, ({ abortSignal }) =>
      this.#link.calls.listNetworks({ abortSignal })
    )
    const networks = list.map(translate.toNetworkSummary)
    heard(networks)
    return networks
  }

  readonly inspectNetwork: Engine['inspectNetwork'] = async (name, signal) => {
    const call = this.#link.call({ operation: 'network_inspect', subject: name, signal }, async ({ abortSignal }) => {
      // Ambiguous names are an error to inspect, so the id is looked up first.
      const found = pickNetwork(await networksNamed(this.#link, name, abortSignal), name)
      if (found === undefined) return undefined
      return translate.toNetwork(await this.#network(found.id).inspect({ abortSignal }))
    })
    return unless(['not-found'], call)
  }

  readonly createNetwork: Engine['createNetwork'] = async (spec, signal) => {
    this.#closedNetworks.making(spec)
    const call = { operation: 'network_create', subject: spec.name, signal }
    const id = await this.#link.call(call, async ({ abortSignal }) => {
      const request = { abortSignal, _query: {}, _body: toNetworkBody(spec) }
      return (await this.#link.calls.createNetwork(request as unknown as Docker.NetworkCreateOptions)).id
    })
    this.#closedNetworks.made(spec)
    return id
  }

  readonly removeNetwork: Engine['removeNetwork'] = async (id, signal) => {
    const call = this.#link.call({ operation: 'network_remove', subject: id, signal }, ({ abortSignal }) =>
      this.#network(id).remove({ abortSignal })
    )
    await unless(['not-found'], call)
  }

  readonly connectNetwork: Engine['connectNetwork'] = async (network, container, signal) => {
    const call = this.#link.call({ operation: 'network_connect', subject: network, signal }, ({ abortSignal }) =>
      this.#network(network).connect({ abortSignal, Container: container })
    )
    await unless(['unchanged'], call)
  }

  readonly disconnectNetwork: Engine['disconnectNetwork'] = async (network, container, signal) => {
    const call = this.#link.call({ operation: 'network_disconnect', subject: network, signal }, ({ abortSignal }) =>
      this.#network(network).disconnect({ abortSignal, Container: container })
    )
    await unless(['unchanged', 'not-found'], call)
  }

  #network(nameOrId: string): NetworkClient {
    return this.#link.calls.getNetwork(encodeURIComponent(nameOrId))
  }
}

/**
 * The networks of exactly this name.
 * NOTE: the engine's filter finds parts of names as well.
 */
export async function networksNamed(
  { calls }: DockerLink,
  name: string,
  abortSignal: AbortSignal
): Promise<NetworkSummary[]> {
  const list = await calls.listNetworks({ abortSignal, filters: { name: [name] } })
  return list.map(translate.toNetworkSummary).filter(network => network.name === name)
}
