import { execFile } from 'node:child_process'
import { existsSync, statSync } from 'node:fs'
import { mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { ContainerInspectInfo } from 'dockerode'
import { ensureCompose } from '../../hack/compose.ts'
import { fillContext } from '../../hack/gateway-image/context.ts'
import { connectEngine, ensureNode } from '../../hack/images.ts'
import { DEFAULT_HOST } from '../../src/engine/docker-client.ts'
import { eventually } from './eventually.ts'
import { freePort } from './free-port.ts'
import { type Answer, GatewayClient } from './gateway-client.ts'
import { uniqueName } from './unique-name.ts'

const exec = promisify(execFile)
const ROOT = join(import.meta.dirname, '../..')

/** Docker FaaS as `docker compose up` starts it, with names, ports and addresses of its own on the engine of the tests. */
export class ComposeInstallation extends GatewayClient {
  readonly env: Readonly<Record<string, string>>
  /** What is read of the checkout, the later ones over the earlier. */
  files: readonly string[] = ['compose.yaml']
  #password = ''

  private constructor(home: { instance: string; directory: string }, env: Record<string, string>) {
    super({ ...home, docker: connectEngine() })
    this.env = env
  }

  /** Prepares one, with all that its image is built of. */
  static async prepare(): Promise<ComposeInstallation> {
    const instance = uniqueName('compose')
    const directory = await mkdtemp(join(tmpdir(), 'docker-faas-compose-'))
    const socket = (process.env['DOCKER_HOST'] || DEFAULT_HOST).replace(/^unix:\/\//, '')
    if (!existsSync(socket)) throw new Error(`the engine of the tests is behind no Unix socket: ${socket}`)
    const env = {
      COMPOSE_PROJECT_NAME: `${instance}-gateway`,
      GATEWAY_IMAGE: `docker-faas-test/gateway:${instance}`,
      GATEWAY_CONTEXT: join(directory, 'context'),
      GATEWAY_PORT: String(await freePort()),
      METRICS_PORT: String(await freePort()),
      INSTANCE_ID: instance,
      FUNCTIONS_NETWORK: instance,
      FUNCTIONS_SUBNET_POOL: '10.79.0.0/24',
      DOCKER_SOCKET: socket,
      DOCKER_GID: String(statSync(socket).gid),
      BASE_IMAGE: await ensureNode(connectEngine())
    }
    const installation = new ComposeInstallation({ instance, directory }, env)
    await fillContext(env.GATEWAY_CONTEXT)
    return installation
  }

  get port(): number {
    return Number(this.env['GATEWAY_PORT'])
  }

  get metricsPort(): number {
    return Number(this.env['METRICS_PORT'])
  }

  protected override get password(): string {
    return this.#password
  }

  /** What Compose writes to stdout. Throws all that it wrote when it fails. */
  async compose(...args: readonly string[]): Promise<string> {
    const [program, ...first] = ensureCompose(line => process.stdout.write(`${line}\n`))
    const files = this.files.flatMap(name => ['-f', join(ROOT, name)])
    const env = { ...process.env, ...this.env }
    const { stdout } = await exec(program, [...first, ...files, ...args], { env, maxBuffer: 64 * 1024 * 1024 })
    return stdout
  }

  /** `docker compose up -d`, until the gateway is well; reads the password as the README says. */
  async up(...args: readonly string[]): Promise<void> {
    await this.compose('up', '-d', ...args)
    await eventually(() => this.compose('exec', 'gateway', 'docker-faas', 'health'), { timeoutMs: 30_000 })
    this.#password = (await this.compose('exec', 'gateway', 'docker-faas', 'password')).trim()
  }

  /** A service's container as it is now. */
  async service(name = 'gateway'): Promise<ContainerInspectInfo> {
    const id = (await this.compose('ps', '-q', '-a', name)).trim()
    return await this.docker.getContainer(id).inspect()
  }

  /** Calls a function through the gateway. */
  invoke(name: string, body = ''): Promise<Answer> {
    return this.call('POST', `/function/${name}`, body)
  }

  override async stop(): Promise<void> {
    // With the others, Compose knows less of what it has made.
    this.files = ['compose.yaml']
    await this.compose('down', '--volumes', '--remove-orphans', '--timeout', '5')
  }

  override async close(): Promise<void> {
    await super.close()
    await this.docker.getImage(this.env['GATEWAY_IMAGE'] ?? '').remove({ force: true })
  }
}
