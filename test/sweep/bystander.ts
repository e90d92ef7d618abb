import type Docker from 'dockerode'
import { LABEL } from '../../api/labels.ts'
import type { TestRun } from '../helpers/docker-run.ts'

/** A container and a network of somebody else on the same engine: they look like ours, but are another instance's. */
export class Bystander {
  readonly #container: Docker.Container
  readonly #network: Docker.Network
  #before: readonly string[] = []

  private constructor(container: Docker.Container, network: Docker.Network) {
    this.#container = container
    this.#network = network
  }

  /** Starts it; the run's reaper removes it. */
  static async create({ docker, image, labels, prefix, subnet }: TestRun): Promise<Bystander> {
    const name = `${prefix}bystander`
    const all = { ...labels, [LABEL.function]: 'bystander', [LABEL.namespace]: 'openfaas-fn' }
    const network = await docker.createNetwork({ Name: name, Labels: all, IPAM: { Config: [{ Subnet: subnet() }] } })
    const container = await docker.createContainer({
      ...{ name, Image: image, Labels: all },
      HostConfig: { NetworkMode: name }
    })
    await container.start()
    const bystander = new Bystander(container, network)
    bystander.#before = await bystander.#look()
    return bystander
  }

  /** What is not as it was. */
  async changes(): Promise<string[]> {
    const now = await this.#look()
    return now.filter((text, n) => text !== this.#before[n])
  }

  async #look(): Promise<string[]> {
    return [JSON.stringify(await this.#container.inspect()), JSON.stringify(await this.#network.inspect())]
  }
}
