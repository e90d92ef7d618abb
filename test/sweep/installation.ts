import { mkdtemp, realpath, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type Docker from 'dockerode'
import { LABEL } from '../../api/labels.ts'
import { addresses } from '../helpers/addresses.ts'
import { shimEnv } from '../helpers/disk-shim.ts'
import { inside } from '../helpers/inside.ts'
import { ServeProcess } from '../helpers/serve-process.ts'
import { uniqueName } from '../helpers/unique-name.ts'
import { Stops } from './stops.ts'
import { commitTurnstile, engineTurnstile, type Guard, type Turnstile } from './turnstiles.ts'

export interface InstallationOptions {
  readonly docker: Docker
  /** A new name when left out. */
  readonly functionName?: string
  /** Where the database is, when it is there already. */
  readonly databasePath?: string
  readonly env?: Readonly<Record<string, string>>
}

/**
 * The program in a process of its own whose every call of the engine and every commit passes a turnstile, so that it can
 * be killed there. `close` removes whatever is left of it on the engine.
 */
export class Installation {
  readonly docker: Docker
  readonly instance = uniqueName()
  /** The function that scenarios are about. Names of containers are the engine's, so that no other may have it. */
  readonly functionName: string
  /** What ran when the database was lost. */
  runsBefore: readonly string[] = []
  readonly #folder: string
  readonly #env: Readonly<Record<string, string>>
  readonly #turnstiles: Turnstile[] = []
  #stops = new Stops(0)
  #process: ServeProcess | undefined
  #killed = Promise.withResolvers<void>()

  private constructor(folder: string, { docker, functionName, databasePath, env }: InstallationOptions) {
    this.docker = docker
    this.functionName = functionName ?? uniqueName('echo')
    this.#folder = folder
    const path = databasePath ?? join(folder, 'data', 'test.db')
    this.#env = {
      INSTANCE_ID: this.instance,
      STATE_DB_PATH: path,
      DOCKER_HOST: `unix://${join(folder, 'engine.sock')}`,
      FUNCTIONS_NETWORK: this.instance,
      FUNCTIONS_SUBNET_POOL: addresses.pool(),
      ENGINE_TIMEOUT: '10s',
      GC_GRACE: '1s',
      GC_INTERVAL: '1s',
      DRAIN_TIMEOUT: '1s',
      STOP_GRACE: '1s',
      // It is killed where the controllers are; a worker that starts beside them each time would only take time.
      GATEWAY_WORKERS: '0',
      ...shimEnv({ folder: join(path, '..'), gate: join(folder, 'gate.sock') }),
      ...env
    }
  }

  static async create(options: InstallationOptions): Promise<Installation> {
    const folder = await realpath(await mkdtemp(join(tmpdir(), 'docker-faas-sweep-')))
    const installation = new Installation(folder, options)
    await installation.#listen()
    return installation
  }

  get process(): ServeProcess {
    if (this.#process === undefined) throw new Error('the gateway was not started')
    return this.#process
  }

  get isRunning(): boolean {
    return this.#process !== undefined && !this.#process.hasEnded
  }

  get stops(): Stops {
    return this.#stops
  }

  /** Resolves when a stop was reached and the process is dead. */
  get killed(): Promise<void> {
    return this.#killed.promise
  }

  /** From now on the process is killed at the n-th place where it can be; never, when n is 0. */
  arm(n: number): void {
    this.#stops = new Stops(n)
    this.#killed = Promise.withResolvers<void>()
  }

  /** Starts the process; it need not be up yet. */
  start(): ServeProcess {
    this.#process = new ServeProcess(this.#env)
    return this.#process
  }

  /** What its containers are, in order: `NAME STATE, version VERSION`. */
  async containers(): Promise<string[]> {
    const list = await this.docker.listContainers({ all: true, filters: this.#filters() })
    const found = await Promise.all(list.map(({ Id }) => this.docker.getContainer(Id).inspect()))
    return found.map(({ Name, State, Config }) => `${Name.slice(1)} ${State.Status}, ${versionIn(Config.Env)}`).sort()
  }

  /** Which containers run, and since when, in order. */
  async runs(): Promise<string[]> {
    const list = await this.docker.listContainers({ all: true, filters: this.#filters() })
    const found = await Promise.all(list.map(({ Id }) => this.docker.getContainer(Id).inspect()))
    return found.map(({ Id, State }) => `${Id} ${State.Status} ${State.StartedAt}`).sort()
  }

  /** Ends the process and removes its database. */
  async loseDatabase(): Promise<void> {
    this.runsBefore = await this.runs()
    await this.process.kill()
    for (const end of ['', '-wal', '-shm']) await rm(`${this.#env['STATE_DB_PATH']}${end}`, { force: true })
  }

  async networks(): Promise<string[]> {
    return (await this.docker.listNetworks({ filters: this.#filters() })).map(({ Name }) => Name).sort()
  }

  /** Names of the volumes with secrets. */
  async volumes(): Promise<string[]> {
    const { Volumes: volumes } = await this.docker.listVolumes({ filters: this.#filters() })
    return (volumes ?? []).map(({ Name }) => Name).sort()
  }

  /** What each of its containers finds as that secret. */
  async secrets(name: string): Promise<string[]> {
    const list = await this.docker.listContainers({ filters: this.#filters() })
    return Promise.all(list.map(({ Id }) => inside(this.docker, Id, 'cat', `/var/openfaas/secrets/${name}`)))
  }

  async close(): Promise<void> {
    await this.#process?.kill()
    await Promise.all(this.#turnstiles.map(turnstile => turnstile.close()))
    const containers = await this.docker.listContainers({ all: true, filters: this.#filters() })
    await Promise.all(containers.map(({ Id }) => this.docker.getContainer(Id).remove({ force: true, v: true })))
    for (const { Id } of await this.docker.listNetworks({ filters: this.#filters() }))
      await this.docker.getNetwork(Id).remove()
    for (const name of await this.volumes()) await this.docker.getVolume(name).remove()
    await rm(this.#folder, { recursive: true })
  }

  async #listen(): Promise<void> {
    const guard: Guard = {
      before: moment => !this.#killIf(this.#stops.before(moment)),
      during: moment => !this.#killIf(this.#stops.during(moment)),
      after: moment => this.#stops.after(moment)
    }
    const upstream = (process.env['DOCKER_HOST'] ?? '').replace(/^unix:\/\//, '') || '/var/run/docker.sock'
    this.#turnstiles.push(await engineTurnstile(join(this.#folder, 'engine.sock'), upstream, guard))
    this.#turnstiles.push(await commitTurnstile(join(this.#folder, 'gate.sock'), guard))
  }

  #killIf(isReached: boolean): boolean {
    if (!isReached) return false
    void this.process.kill().then(this.#killed.resolve)
    for (const turnstile of this.#turnstiles) turnstile.cut()
    return true
  }

  #filters() {
    return { label: [`${LABEL.instance}=${this.instance}`] }
  }
}

function versionIn(env: readonly string[]): string {
  return `version ${env.find(line => line.startsWith('VERSION='))?.slice('VERSION='.length)}`
}
