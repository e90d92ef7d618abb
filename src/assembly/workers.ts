import { dirname } from 'node:path'
import { systemClock } from '../clock.ts'
import type { ClosedNetworks } from '../engine/closed-networks.ts'
import { ApiSocket } from '../workers/api-socket.ts'
import { IdentityDesk } from '../workers/identity-desk.ts'
import type { Start } from '../workers/protocol.ts'
import type { RemoteInflight } from '../workers/remote-inflight.ts'
import { configShare } from '../workers/share.ts'
import { bindPort, type SharedPort } from '../workers/shared-port.ts'
import { TableVersions } from '../workers/table-versions.ts'
import type { WorkerLinkDeps } from '../workers/worker-link.ts'
import { WorkerPool } from '../workers/worker-pool.ts'
import { assembleRest, type Edge, type EdgeDeps } from './edge.ts'

export interface WorkersDeps extends EdgeDeps {
  /** What the workers' calls are counted in; the data plane's own `inflight` holds it. */
  readonly remote: RemoteInflight
  readonly closedNetworks: Pick<ClosedNetworks, 'has' | 'subnets' | 'onChange'>
  readonly password?: string | undefined
  readonly env?: Readonly<Record<string, string | undefined>>
}

/** Beyond the time that calls have, as in a process that does it all; and for the workers' own end. */
const STOP_MARGIN_MS = 5000
const KILL_MARGIN_MS = 4000

/** The API in this process, and the data plane in workers that share the port. */
export class WorkersComponent implements Edge {
  readonly name = 'edge'
  readonly stopDeadlineMs: number
  readonly #deps: WorkersDeps
  readonly #shutdown = new AbortController()
  readonly #api: ApiSocket
  readonly #link: WorkerLinkDeps
  #pool: WorkerPool | undefined
  #bound: SharedPort | undefined
  #port = 0

  constructor(deps: WorkersDeps) {
    const { config, certificate, identity, closedNetworks } = deps
    this.#deps = deps
    this.stopDeadlineMs = config.SHUTDOWN_GRACE + STOP_MARGIN_MS
    this.#api = new ApiSocket(assembleRest(deps, this.#shutdown.signal), dirname(config.STATE_DB_PATH))
    this.#link = this.#assembleLink()
    certificate?.onReplaced(next => this.#pool?.send({ type: 'certificate', certificate: next }))
    identity.index.onEnd(id => this.#pool?.send({ type: 'ended', tokens: [id] }))
    closedNetworks.onChange(() => this.#pool?.send({ type: 'closed-networks', subnets: closedNetworks.subnets }))
  }

  /** The port that the workers listen on. */
  get port(): number {
    return this.#port
  }

  async start(): Promise<void> {
    const { certificate, config, log, metrics, env = {} } = this.#deps
    certificate?.start()
    this.#bound = bindPort(config.GATEWAY_ADDRESS, config.GATEWAY_PORT, 'GATEWAY_PORT')
    this.#port = this.#bound.address().port ?? 0
    await this.#api.open()
    this.#pool = new WorkerPool({
      ...{ size: config.GATEWAY_WORKERS, port: this.#bound.fd(), hangMs: config.WORKER_HANG_TIMEOUT },
      ...{ link: this.#link, env, metrics },
      ...{ log, clock: systemClock, random: Math.random }
    })
    try {
      await this.#pool.start()
    } catch (err) {
      await this.stop()
      throw err
    }
  }

  /** Ends watches, and lets calls end. */
  async stop(): Promise<void> {
    this.#shutdown.abort()
    // Its calls have the same time to end as those of clients.
    this.#deps.asyncCalls.pause()
    await this.#deps.certificate?.stop()
    // Else connections would wait for workers that take no more.
    this.#bound?.close()
    await this.#pool?.stop(this.#deps.config.SHUTDOWN_GRACE + KILL_MARGIN_MS)
    await this.#api.close()
  }

  #assembleLink(): WorkerLinkDeps {
    const { dataPlane, remote, identity, config, metrics } = this.#deps
    return {
      ...dataPlane,
      calls: dataPlane.metrics,
      table: new TableVersions({
        table: dataPlane.table,
        onLeft: (id, version) => remote.left(id, version),
        onEntered: id => remote.entered(id)
      }),
      inflight: remote,
      identity: new IdentityDesk({
        ...identity,
        requireAuthForFunctions: config.AUTH_ENABLED && config.REQUIRE_AUTH_FOR_FUNCTIONS
      }),
      onWaiting: sumOver(metrics.setActivatorWaiting),
      connectionsCut: metrics.connectionsCut,
      stalled: metrics.stalled,
      metrics,
      start: worker => this.#startOf(worker)
    }
  }

  #startOf(worker: number): Omit<Start, 'table'> {
    const { config, certificate, closedNetworks, password } = this.#deps
    return {
      ...{ type: 'start', worker, config: configShare(config), apiSocket: this.#api.path },
      ...(certificate === undefined ? {} : { certificate: certificate.current }),
      closedSubnets: closedNetworks.subnets,
      hasPassword: password !== undefined && password !== ''
    }
  }
}

/** Tells the sum over all workers. */
function sumOver(tell: (count: number) => void): (worker: number, count: number) => void {
  const counts = new Map<number, number>()
  return (worker, count) => {
    counts.set(worker, count)
    tell([...counts.values()].reduce((sum, one) => sum + one, 0))
  }
}
