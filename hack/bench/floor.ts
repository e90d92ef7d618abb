import { get } from 'node:http'
import { setTimeout as delay } from 'node:timers/promises'
import type Docker from 'dockerode'

/** What the floor's objects carry, so that the loop does not take them for its own. */
export const FLOOR_LABEL = 'docker-faas-bench'

/** The same Docker calls, made by nobody who observes, plans or writes status. */
export class Floor {
  readonly #docker: Docker
  readonly #image: string
  readonly #instance: string
  readonly #networks = new Map<string, Docker.Network>()
  readonly #containers: Docker.Container[] = []
  /** Of the last container that was made. */
  #address = ''

  constructor(engine: Docker, image: string, instance: string) {
    this.#instance = instance
    this.#docker = engine
    this.#image = image
  }

  /** A network and a container on it, until that answers. */
  async deploy(name: string): Promise<void> {
    const Subnet = `10.121.${this.#networks.size}.0/28`
    const Name = `floor-${this.#instance}-${name}`
    const IPAM = { Config: [{ Subnet }] }
    const Labels = { [FLOOR_LABEL]: this.#instance }
    this.#networks.set(name, await this.#docker.createNetwork({ Name, IPAM, Labels }))
    await this.replace(name, name)
  }

  /** Another container on the network of a deployment, until it answers. */
  async replace(network: string, name: string): Promise<void> {
    const NetworkMode = this.#networks.get(network)?.id ?? ''
    const container = await this.#docker.createContainer({
      name: `floor-${this.#instance}-${name}`,
      Image: this.#image,
      Labels: { [FLOOR_LABEL]: this.#instance },
      HostConfig: { NetworkMode }
    })
    this.#containers.push(container)
    await container.start()
    const { NetworkSettings } = await container.inspect()
    this.#address = Object.values(NetworkSettings.Networks)[0]?.IPAddress ?? ''
    await untilAnswers(this.#address)
  }

  /** Pauses the last container that was made. */
  async pause(): Promise<void> {
    await this.#last.pause()
  }

  /** The last container that was made runs on, until it answers. */
  async unpause(): Promise<void> {
    await this.#last.unpause()
    await untilAnswers(this.#address)
  }

  get #last(): Docker.Container {
    const last = this.#containers.at(-1)
    if (last === undefined) throw new Error('nothing was made yet')
    return last
  }

  /** So many of them at once. */
  async many(network: string, count: number): Promise<void> {
    await Promise.all(Array.from({ length: count }, (_, i) => this.replace(network, `${network}-many-${i}`)))
  }

  /** Removes all that it made. */
  async clear(): Promise<void> {
    for (const container of this.#containers) await container.remove({ force: true })
    for (const network of this.#networks.values()) await network.remove()
  }
}

async function untilAnswers(host: string): Promise<void> {
  const answers = () =>
    new Promise<boolean>(resolve => {
      get({ host, port: 8080, path: '/', agent: false }, res => res.resume().on('end', () => resolve(true))).on(
        'error',
        () => resolve(false)
      )
    })
  while (!(await answers())) await delay(2)
}
