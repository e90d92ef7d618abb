import type { FirewallView } from '../../controllers/view.ts'
import type { Config } from '../config/config.ts'
import type { Engine } from '../engine/engine.ts'
import { Firewall, FirewallError } from '../engine/firewall.ts'
import { BRIDGE_PREFIX, type FirewallWish } from '../engine/firewall-rules.ts'
import { readInterfaceNames } from '../engine/host-interfaces.ts'
import type { Logger } from '../logging/logger.ts'
import type { Component } from '../runtime/manager.ts'

interface Deps {
  readonly config: Config
  readonly engine: Pick<Engine, 'listNetworks'>
  readonly metrics: { readonly setFirewall: (isOn: boolean) => void }
  readonly log: Logger
  readonly firewall?: Pick<Firewall, 'apply' | 'rivals'>
  readonly host?: Host
}

/** What this process is on its host. */
interface Host {
  readonly isRoot: boolean
  /** Names of the network interfaces. */
  readonly interfaces: () => readonly string[]
}

const HERE: Host = { isRoot: process.getuid?.() === 0, interfaces: () => readInterfaceNames() }

const REMEDY = 'run "docker-faas firewall apply" as root on the engine’s host (docs/isolation.md)'

/** What is amiss when another installation has rules for the same addresses, and what helps. */
export function rivalProblem(rivals: readonly string[]): string {
  return (
    `another installation takes addresses of FUNCTIONS_SUBNET_POOL for its own, and refuses what FUNCTIONS_MAY_CALL and ` +
    `FUNCTIONS_HOST_PORTS allow: ${rivals.join(', ')}; give each a FUNCTIONS_SUBNET_POOL of its own`
  )
}

/** The rules that the configuration asks for. */
export function firewallWish(config: Config): FirewallWish {
  return {
    instance: config.INSTANCE_ID,
    pool: config.FUNCTIONS_SUBNET_POOL,
    mayCallGateway: config.FUNCTIONS_MAY_CALL !== 'nothing',
    gatewayPort: config.GATEWAY_PORT,
    hostPorts: config.FUNCTIONS_HOST_PORTS
  }
}

/** Keeps the rules of the firewall as they are wished, pass by pass, and says when it cannot. They outlive the process. */
export class FirewallComponent implements Component {
  readonly name = 'firewall'
  readonly #deps: Deps
  readonly #firewall: Pick<Firewall, 'apply' | 'rivals'>
  readonly #stopped = new AbortController()
  #state: FirewallView
  #rivals: readonly string[] = []
  #timer: NodeJS.Timeout | undefined
  #pass: Promise<void> = Promise.resolve()

  constructor(deps: Deps) {
    this.#deps = deps
    this.#firewall = deps.firewall ?? new Firewall()
    const isOff = deps.config.FIREWALL === 'off'
    this.#state = isOff
      ? { state: 'off', reason: 'FIREWALL=off' }
      : { state: 'unavailable', reason: 'it was not looked at yet' }
  }

  get state(): FirewallView {
    return this.#state
  }

  start(): void {
    const { config, log, metrics } = this.#deps
    metrics.setFirewall(false)
    if (config.FIREWALL === 'off') {
      log.warn({}, 'Functions are not kept from the host: FIREWALL=off')
      return
    }
    this.#timer = setInterval(() => this.look(), config.RECONCILE_INTERVAL_SECONDS * 1000)
    this.look()
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer)
    this.#stopped.abort()
    await this.#pass
  }

  /** Looks soon; one look at a time. */
  look(): void {
    if (this.#deps.config.FIREWALL === 'off') return
    this.#pass = this.#pass.then(() => this.#look())
  }

  async #look(): Promise<void> {
    if (this.#stopped.signal.aborted) return
    const { config, log } = this.#deps
    try {
      const obstacle = await this.#obstacle()
      if (obstacle !== undefined) {
        this.#become({ state: 'unavailable', reason: `${obstacle}; ${REMEDY}` })
        return
      }
      const wish = firewallWish(config)
      const mended = await this.#firewall.apply(wish)
      if (mended.length > 0) log.info({ problems: mended }, 'Wrote firewall')
      this.#become({ state: 'on' })
      this.#noteRivals(await this.#firewall.rivals(wish))
    } catch (err) {
      if (this.#stopped.signal.aborted) return
      if (err instanceof FirewallError) this.#become({ state: 'unavailable', reason: `${err.message}; ${REMEDY}` })
      else log.warn({ err }, 'Failed to look at firewall')
    }
  }

  /** Told once, until there are others. */
  #noteRivals(rivals: readonly string[]): void {
    const isNew = rivals.some(rival => !this.#rivals.includes(rival))
    this.#rivals = rivals
    if (isNew) this.#deps.log.warn({ problem: rivalProblem(rivals) }, 'Found rules of another installation in the way')
  }

  /** Why rules of this process would mean nothing to the engine's containers. */
  async #obstacle(): Promise<string | undefined> {
    const { config, engine, host = HERE } = this.#deps
    if (!config.DOCKER_HOST.startsWith('unix://')) return 'the engine is on another host'
    if (!host.isRoot) return 'the gateway does not run as root'
    const networks = await engine.listNetworks(this.#stopped.signal)
    const bridges = new Set(networks.map(({ id, name }) => (name === 'bridge' ? 'docker0' : `br-${id.slice(0, 12)}`)))
    const isHere = host
      .interfaces()
      .some(name => bridges.has(name) || Object.values(BRIDGE_PREFIX).some(p => name.startsWith(p)))
    return isHere ? undefined : 'the gateway is not in the network namespace of the engine'
  }

  #become(state: FirewallView): void {
    const { log, metrics } = this.#deps
    const before = this.#state
    this.#state = state
    metrics.setFirewall(state.state === 'on')
    if (before.state === state.state && before.reason === state.reason) return
    if (state.state === 'on') log.info({}, 'Functions are kept from the host by the firewall')
    else log.warn({ reason: state.reason }, 'Functions are not kept from the host by the firewall')
  }
}
