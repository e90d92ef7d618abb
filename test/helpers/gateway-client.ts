import { mkdtemp, rm } from 'node:fs/promises'
import { Agent, type IncomingHttpHeaders, request } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Duplex } from 'node:stream'
import type Docker from 'dockerode'
import { type ConditionType, getCondition } from '../../api/condition.ts'
import type { FunctionObject } from '../../api/function.ts'
import { LABEL } from '../../api/labels.ts'
import { addresses } from './addresses.ts'
import { eventually } from './eventually.ts'
import { uniqueName } from './unique-name.ts'

export const PASSWORD = 'test-password'

export interface Answer {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly text: string
}

interface ClientOptions {
  readonly docker: Docker
  readonly instance: string
  /** For the database; removed by `close`. */
  readonly directory: string
  /** Connects to a port of the gateway's host, where that is not this one. */
  readonly dial?: (port: number) => Duplex
}

/** Calls of a gateway under test, and what its instance has on the engine. */
export abstract class GatewayClient {
  readonly docker: Docker
  readonly instance: string
  /** Lines that it logged. */
  readonly log: string[] = []
  protected readonly directory: string
  protected readonly agent: Agent

  protected constructor({ docker, instance, directory, dial }: ClientOptions) {
    this.docker = docker
    this.instance = instance
    this.directory = directory
    this.agent = new Agent({ keepAlive: true, maxSockets: 256 })
    if (dial !== undefined) this.agent.createConnection = ({ port }) => dial(Number(port))
  }

  /** 0 while it does not run. */
  abstract get port(): number
  abstract get metricsPort(): number

  /** The administrator's. */
  protected get password(): string {
    return PASSWORD
  }

  /** Stops it as SIGTERM does; functions go on. */
  abstract stop(): Promise<void>

  async close(): Promise<void> {
    await this.stop()
    this.agent.destroy()
    await this.reap()
    await rm(this.directory, { recursive: true })
  }

  get databasePath(): string {
    return join(this.directory, 'test.db')
  }

  /** Name of a function's network. */
  networkOf(name: string): string {
    return `${this.instance}-${name}`
  }

  async metrics(): Promise<string> {
    return (await this.send(this.metricsPort, 'GET', '/metrics')).text
  }

  /** Waits until the garbage collector has looked so many times more. */
  async garbageLooks(count: number): Promise<void> {
    const looks = async () => {
      const counts = (await this.metrics()).matchAll(/^faas_reconcile_total\{controller="gc",result="\w+"\} (\d+)$/gm)
      return [...counts].reduce((sum, [, n]) => sum + Number(n), 0)
    }
    const wanted = (await looks()) + count
    await eventually(
      async () => {
        const seen = await looks()
        if (seen < wanted) throw new Error(`the garbage collector has looked ${seen} times of ${wanted}`)
      },
      { timeoutMs: 20_000 }
    )
  }

  /** One request with the administrator's credentials; a body that is no string is sent as JSON. */
  call(method: string, path: string, body?: unknown): Promise<Answer> {
    return this.send(this.port, method, path, typeof body === 'object' ? JSON.stringify(body) : (body as string))
  }

  /** Applies a function on /v1. Throws when it is refused. */
  async apply(name: string, spec: object, metadata: object = {}): Promise<FunctionObject> {
    const answer = await this.call('POST', '/v1/functions', { metadata: { name, ...metadata }, spec })
    if (answer.status > 201) throw new Error(`apply ${name}: ${answer.status} ${answer.text}`)
    return JSON.parse(answer.text)
  }

  /** Makes a namespace, for functions or secrets that are to be in another than the default one. */
  async createNamespace(name: string, annotations: Readonly<Record<string, string>> = {}): Promise<void> {
    const answer = await this.call('POST', '/system/namespace/', { name, annotations })
    if (answer.status !== 201) throw new Error(`create namespace ${name}: ${answer.status} ${answer.text}`)
  }

  async scale(name: string, replicas: number): Promise<void> {
    const answer = await this.call('POST', `/v1/functions/${name}/scale`, { replicas })
    if (answer.status !== 200) throw new Error(`scale ${name}: ${answer.status} ${answer.text}`)
  }

  async get(name: string): Promise<FunctionObject> {
    const answer = await this.call('GET', `/v1/functions/${name}`)
    if (answer.status !== 200) throw new Error(`get ${name}: ${answer.status} ${answer.text}`)
    return JSON.parse(answer.text)
  }

  /** Waits until everything of the function is as wanted. */
  converged(name: string, timeoutMs = 30_000): Promise<FunctionObject> {
    return eventually(
      async () => {
        const fn = await this.get(name)
        const progressing = getCondition(fn.status.conditions, 'Progressing')
        if (fn.status.observedGeneration !== fn.metadata.generation || progressing?.reason !== 'Converged') {
          throw new Error(`${name} is not as wanted: ${JSON.stringify(fn.status)}`)
        }
        return fn
      },
      { timeoutMs }
    )
  }

  /** Waits until the condition has the reason. */
  async reason(name: string, type: ConditionType, reason: string, timeoutMs = 20_000) {
    return eventually(
      async () => {
        const condition = getCondition((await this.get(name)).status.conditions, type)
        if (condition?.reason !== reason) throw new Error(`${name} is ${JSON.stringify(condition)}`)
        return condition
      },
      { timeoutMs }
    )
  }

  /** Waits until the function says that the engine is away; gives how many milliseconds after `since` (epoch) it came to say so. */
  async unreachableAfter(name: string, since: number): Promise<number> {
    return Date.parse((await this.reason(name, 'Ready', 'EngineUnreachable')).lastTransitionTime) - since
  }

  /** Names of the instance's containers, in order; of one function, when it is named. */
  async containers(name?: string): Promise<string[]> {
    const label = [`${LABEL.instance}=${this.instance}`, ...(name === undefined ? [] : [`${LABEL.function}=${name}`])]
    const list = await this.docker.listContainers({ all: true, filters: { label } })
    return list.map(c => (c.Names[0] ?? '').slice(1)).sort()
  }

  async networks(): Promise<string[]> {
    const filters = { label: [`${LABEL.instance}=${this.instance}`] }
    return (await this.docker.listNetworks({ filters })).map(n => n.Name).sort()
  }

  protected send(port: number, method: string, path: string, body?: string): Promise<Answer> {
    return new Promise((resolve, reject) => {
      const auth = `admin:${this.password}`
      // Node gives the body of a DELETE no length by itself.
      const headers = body === undefined ? {} : { 'content-length': Buffer.byteLength(body) }
      const req = request({ host: '127.0.0.1', port, method, path, headers, auth, agent: this.agent }, res => {
        const chunks: Buffer[] = []
        res.on('data', chunk => chunks.push(chunk))
        res.on('error', reject)
        res.on('end', () =>
          resolve({ status: res.statusCode ?? 0, headers: res.headers, text: Buffer.concat(chunks).toString() })
        )
      })
      req.on('error', reject)
      req.end(body)
    })
  }

  /** Removes everything that the instance has on the engine, whatever state that is in. */
  protected async reap(): Promise<void> {
    const filters = { label: [`${LABEL.instance}=${this.instance}`] }
    const containers = await this.docker.listContainers({ all: true, filters })
    await Promise.all(containers.map(c => this.docker.getContainer(c.Id).remove({ force: true, v: true })))
    for (const network of await this.docker.listNetworks({ filters })) await this.docker.getNetwork(network.Id).remove()
    const { Volumes: volumes } = await this.docker.listVolumes({ filters })
    for (const volume of volumes ?? []) await this.docker.getVolume(volume.Name).remove()
  }
}

/** What every gateway under test is started with: an instance id, names and addresses of its own. */
export function testEnvironment(directory: string, instance: string): Record<string, string> {
  return {
    INSTANCE_ID: instance,
    STATE_DB_PATH: join(directory, 'test.db'),
    GATEWAY_ADDRESS: '127.0.0.1',
    GATEWAY_PORT: '0',
    METRICS_ADDRESS: '127.0.0.1',
    METRICS_PORT: '0',
    FUNCTIONS_NETWORK: instance,
    // The rules would be those of this machine.
    FIREWALL: 'off',
    FUNCTIONS_SUBNET_POOL: addresses.pool()
  }
}

/** A name and a directory that nobody else has. */
export async function aHome(): Promise<{ instance: string; directory: string }> {
  return { instance: uniqueName(), directory: await mkdtemp(join(tmpdir(), 'docker-faas-test-')) }
}
