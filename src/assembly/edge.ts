import type { Config } from '../config/config.ts'
import type { ClosedNetworks } from '../engine/closed-networks.ts'
import type { EndpointTable } from '../gateway/endpoints.ts'
import type { Inflight } from '../gateway/inflight.ts'
import type { ProxyDeps } from '../gateway/proxy-deps.ts'
import type { Component } from '../runtime/manager.ts'
import { type AssembledApiDeps, assembleApi } from './api.ts'
import { callMetrics } from './call-metrics.ts'
import { assembleCallers, refuseFunctions } from './callers.ts'
import type { ServedCertificate } from './certificate.ts'
import type { ControlPlane } from './control-plane.ts'
import { Front } from './front.ts'

export interface EdgeDeps extends AssembledApiDeps {
  readonly config: Config
  readonly endpoints: EndpointTable
  readonly inflight: Inflight
  /** Absent: plain HTTP. */
  readonly certificate: ServedCertificate | undefined
  readonly closedNetworks: Pick<ClosedNetworks, 'has'>
}

/** An endpoint that could not be reached is tried again after this long, unless the loop has looked at it meanwhile. */
const SUSPENDED_MS = 1000
/** Beyond the time that calls have: for what comes before and after them. */
const STOP_MARGIN_MS = 5000

/** What listens: the gateway's own port, with the API and the data plane behind it. */
export class EdgeComponent implements Component {
  readonly name = 'edge'
  readonly stopDeadlineMs: number
  readonly #certificate: ServedCertificate | undefined
  readonly #shutdown = new AbortController()
  readonly #front: Front

  constructor(deps: EdgeDeps) {
    const { config, certificate, plane, metrics, endpoints, identity } = deps
    this.#certificate = certificate
    this.stopDeadlineMs = config.SHUTDOWN_GRACE + STOP_MARGIN_MS
    const api = assembleApi(deps, this.#shutdown.signal)
    this.#front = new Front({
      ...deps,
      api: refuseFunctions(api, assembleCallers(deps)),
      authenticator: identity.authenticator,
      certificate: certificate?.current,
      table: endpoints,
      isPending: key => plane.functions.has(key),
      onWake: key => plane.waker.wake(key),
      onUnreachable: unreachability(plane, endpoints),
      metrics: callMetrics(metrics),
      connectionsCut: metrics.connectionsCut
    })
    certificate?.onReplaced(next => this.#front.useCertificate(next))
  }

  /** The port that it listens on. */
  get port(): number {
    return this.#front.port
  }

  start(): Promise<void> {
    this.#certificate?.start()
    return this.#front.listen()
  }

  /** Ends watches, and lets calls end. */
  async stop(): Promise<void> {
    this.#shutdown.abort()
    await this.#certificate?.stop()
    await this.#front.stop()
  }
}

/** What becomes of an endpoint that no connection could be made to. */
function unreachability(
  { prober, functions }: Pick<ControlPlane, 'prober' | 'functions'>,
  endpoints: EndpointTable
): ProxyDeps['onUnreachable'] {
  return (key, containerId) => {
    // An engine that hangs lets nobody look; a replica that is dead costs a refused connection each time.
    endpoints.suspend(key, containerId)
    setTimeout(() => endpoints.resume(key, containerId), SUSPENDED_MS).unref()
    prober.doubt(containerId)
    functions.add(key)
  }
}
