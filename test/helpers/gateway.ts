import Docker from 'dockerode'
import { assembleGateway, type Gateway } from '../../src/assembly/gateway.ts'
import { loadConfig } from '../../src/config/load.ts'
import { createLogger } from '../../src/logging/logger.ts'
import { aHome, GatewayClient, PASSWORD, testEnvironment } from './gateway-client.ts'
import { PRODUCT_HOST } from './product-engine.ts'

/**
 * A whole gateway in this process over the real engine and a real database file, with an instance id, names and
 * addresses of its own. `close` removes everything that it made, whatever state that is in.
 */
export class TestGateway extends GatewayClient {
  readonly #env: Record<string, string>
  #gateway: Gateway | undefined

  private constructor(home: { instance: string; directory: string }, env: Record<string, string>) {
    super({ ...home, docker: new Docker() })
    this.#env = {
      ...testEnvironment(home.directory, home.instance),
      DOCKER_HOST: PRODUCT_HOST,
      // All in this process, so that tests start fast and see what it logs.
      GATEWAY_WORKERS: '0',
      ...env
    }
  }

  /** Starts one; variables of the environment as in docs/configuration.md. */
  static async start(env: Record<string, string> = {}): Promise<TestGateway> {
    const gateway = new TestGateway(await aHome(), env)
    await gateway.start()
    return gateway
  }

  /** Starts it again over the same database, with other variables, or another password, where some are given. */
  async start(env: Record<string, string> = {}, password = PASSWORD): Promise<void> {
    this.#gateway = await assembleGateway({
      config: loadConfig({ ...this.#env, ...env }),
      password,
      version: 'test',
      commit: '',
      log: createLogger({ level: 'info', stream: { write: line => this.log.push(line) } })
    })
    await this.#gateway.start()
  }

  async stop(): Promise<void> {
    await this.#gateway?.stop()
    this.#gateway = undefined
  }

  get port(): number {
    return this.#gateway?.port() ?? 0
  }

  get metricsPort(): number {
    return this.#gateway?.metricsPort() ?? 0
  }
}
