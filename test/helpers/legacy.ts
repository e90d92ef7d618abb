import type Docker from 'dockerode'
import { load, Scratch, withSqlite } from '../fixtures/db/files.ts'
import { uniqueName } from './unique-name.ts'

/** Labels of a container of the older program. */
export function legacyLabels(name: string, replica: number, network: string): Record<string, string> {
  return {
    'com.docker-faas.function': name,
    'com.docker-faas.type': 'function',
    'com.docker-faas.replica': String(replica),
    'com.docker-faas.network.name': network
  }
}

/** Labels of a function's network of the older program. */
export function legacyNetworkLabels(name: string): Record<string, string> {
  return {
    'com.docker-faas.network': 'true',
    'com.docker-faas.network.type': 'function',
    'com.docker-faas.network.function': name
  }
}

/** What an installation of the older program leaves behind: its database, containers and networks. `clear` removes all. */
export class LegacyInstallation {
  readonly docker: Docker
  readonly id = uniqueName('old')
  /** Its `FUNCTIONS_NETWORK`. */
  readonly base = this.id
  readonly #scratch: Scratch
  readonly #label = { 'docker-faas-test.legacy': this.id }

  private constructor(docker: Docker, scratch: Scratch) {
    this.docker = docker
    this.#scratch = scratch
  }

  static async create(docker: Docker): Promise<LegacyInstallation> {
    const scratch = await Scratch.create()
    await load('v2.1', scratch.path)
    withSqlite(scratch.path, db => db.exec('DELETE FROM functions'))
    return new LegacyInstallation(docker, scratch)
  }

  get databasePath(): string {
    return this.#scratch.path
  }

  /** A name that no other test has. */
  nameOf(name: string): string {
    return `${name}-${this.id}`
  }

  networkOf(name: string): string {
    return `${this.base}-${name}`
  }

  /** Writes a function into its database. */
  write(name: string, { image, replicas }: { image: string; replicas: number }): void {
    const at = '2025-03-01 10:00:00+00:00'
    withSqlite(this.databasePath, db =>
      db
        .prepare(
          `INSERT INTO functions (name, image, env_process, env_vars, labels, secrets, network, replicas, limits, requests,
             read_only, created_at, updated_at, debug)
           VALUES (?, ?, '', '{"VERSION":"new"}', '', '', ?, ?, '', '', 0, ?, ?, 0)`
        )
        .run(name, image, this.networkOf(name), replicas, at, at)
    )
  }

  /** Runs a function as the older program did: a network, and containers that Docker restarts. Their ids. */
  async run(name: string, options: { image: string; replicas: number; subnet: string }): Promise<string[]> {
    const network = this.networkOf(name)
    await this.docker.createNetwork({
      Name: network,
      CheckDuplicate: true,
      Driver: 'bridge',
      IPAM: { Config: [{ Subnet: options.subnet }] },
      Labels: { ...this.#label, ...legacyNetworkLabels(name) }
    })
    return Promise.all(
      Array.from({ length: options.replicas }, (_, replica) => this.#start(name, { replica, image: options.image }))
    )
  }

  async #start(name: string, { replica, image }: { replica: number; image: string }): Promise<string> {
    const container = await this.docker.createContainer({
      name: `${name}-${replica}`,
      Image: image,
      Env: ['VERSION=old'],
      Labels: { ...this.#label, ...legacyLabels(name, replica, this.networkOf(name)) },
      HostConfig: { NetworkMode: this.networkOf(name), RestartPolicy: { Name: 'unless-stopped' } }
    })
    await container.start()
    return container.id
  }

  /** Names of its containers that are left, in order. */
  async containers(): Promise<string[]> {
    const list = await this.docker.listContainers({ all: true, filters: this.#filter() })
    return list.map(c => (c.Names[0] ?? '').slice(1)).sort()
  }

  /** Names of its networks that are left. */
  async networks(): Promise<string[]> {
    return (await this.docker.listNetworks({ filters: this.#filter() })).map(n => n.Name).sort()
  }

  async clear(): Promise<void> {
    const containers = await this.docker.listContainers({ all: true, filters: this.#filter() })
    await Promise.all(containers.map(c => this.docker.getContainer(c.Id).remove({ force: true, v: true })))
    for (const network of await this.docker.listNetworks({ filters: this.#filter() })) {
      await this.docker.getNetwork(network.Id).remove()
    }
    await this.#scratch[Symbol.asyncDispose]()
  }

  #filter() {
    return { label: Object.entries(this.#label).map(([key, value]) => `${key}=${value}`) }
  }
}
