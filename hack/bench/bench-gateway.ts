import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import type Docker from 'dockerode'
import { LABEL } from '../../api/labels.ts'
import { Api, isReady } from '../api.ts'
import { type Gateway, startGateway } from '../gateway.ts'
import { readSettings, type Settings } from '../settings.ts'
import { untilAnswers } from './until-answers.ts'

const FUNCTION_PORT = 8080
const POLL_MS = 50

export interface BenchGatewayOptions {
  readonly docker: Docker
  readonly directory: string
  readonly instance: string
  readonly ports: { readonly gateway: number; readonly metrics: number }
  readonly env: Readonly<Record<string, string>>
}

/** The gateway as users run it, with authentication, in a process of its own; its database outlives it. */
export class BenchGateway {
  readonly #options: BenchGatewayOptions
  readonly #settings: Settings
  readonly #env: NodeJS.ProcessEnv
  #running: Gateway | undefined

  constructor(options: BenchGatewayOptions) {
    const { directory, instance, ports, env } = options
    this.#options = options
    this.#env = {
      ...process.env,
      INSTANCE_ID: instance,
      FUNCTIONS_NETWORK: instance,
      FUNCTIONS_SUBNET_POOL: '10.122.0.0/16',
      STATE_DB_PATH: join(directory, 'bench.db'),
      GATEWAY_ADDRESS: '127.0.0.1',
      GATEWAY_PORT: String(ports.gateway),
      METRICS_PORT: String(ports.metrics),
      // Streams that say nothing are what is measured.
      EXEC_TIMEOUT: '1h',
      MAX_CONNECTIONS: '100000',
      MAX_REPLICAS: '20',
      ...env
    }
    this.#settings = readSettings(this.#env)
  }

  get url(): string {
    return `http://127.0.0.1:${this.#settings.port}`
  }

  get pid(): number {
    return Number(readFileSync(join(this.#settings.dataDir, 'gateway.pid'), 'utf8'))
  }

  get api(): Api {
    return new Api(this.#settings, this.#env)
  }

  /** Value of `Authorization` with the administrator's password. */
  get authorization(): string {
    const { user, passwordFile } = this.#settings
    return `Basic ${Buffer.from(`${user}:${readFileSync(passwordFile, 'utf8').trim()}`).toString('base64')}`
  }

  /** Starts it; resolves when it has looked at every function. `env` goes over that of the constructor. */
  async start(env: Readonly<Record<string, string>> = {}): Promise<void> {
    const started = startGateway(this.#settings, { ...this.#env, ...env }, console.error)
    this.#running = started
    let code: number | undefined
    void started.ended.then(ended => {
      code = ended
    })
    while (!(await isReady(this.url))) {
      await delay(POLL_MS)
      if (code !== undefined) throw new Error(`the gateway ended with ${code}:\n${started.lastLines().join('\n')}`)
    }
  }

  async stop(): Promise<void> {
    this.#running?.stop()
    await this.#running?.ended
  }

  /** Path of a function: no other instance on the engine has one of its name. */
  pathOf(name: string): string {
    return `/function/${this.#fullName(name)}`
  }

  /** Deploys the function if it is not there; resolves when so many replicas answer. */
  async deploy(short: string, image: string, replicas: number): Promise<void> {
    const { api } = this
    const name = this.#fullName(short)
    await api.apply({ metadata: { name }, spec: { image, replicas } })
    while (((await api.get(name))?.status.readyReplicas ?? 0) < replicas) await delay(POLL_MS)
    await untilAnswers(`${this.url}${this.pathOf(short)}/102`, { authorization: this.authorization })
  }

  /** Address and port of a replica of the function. */
  async addressOf(name: string): Promise<string> {
    const { docker, instance } = this.#options
    const label = [`${LABEL.instance}=${instance}`, `${LABEL.function}=${this.#fullName(name)}`]
    const [found] = await docker.listContainers({ filters: { label, status: ['running'] } })
    const [network] = Object.values(found?.NetworkSettings.Networks ?? {})
    if (network === undefined) throw new Error(`${name} has no container`)
    return `${network.IPAddress}:${FUNCTION_PORT}`
  }

  /** Removes the containers and networks that carry the label of this instance. */
  async clear(): Promise<void> {
    const { docker, instance } = this.#options
    const filters = { label: [`${LABEL.instance}=${instance}`] }
    for (const { Id } of await docker.listContainers({ all: true, filters })) {
      await docker.getContainer(Id).remove({ force: true })
    }
    for (const { Id } of await docker.listNetworks({ filters })) await docker.getNetwork(Id).remove()
  }

  #fullName(name: string): string {
    return `${this.#options.instance}-${name}`
  }
}
