import { faultOfCallbackUrl } from '../async/callback-policy.ts'
import type { Config } from '../config/config.ts'
import type { ClosedNetworks } from '../engine/closed-networks.ts'
import { type AsyncIntakeDeps, takeAsyncCalls } from '../http/async-intake.ts'
import { createOrigins } from '../http/client-address.ts'
import type { Component } from '../runtime/manager.ts'
import { type AssembledApiDeps, assembleApi } from './api.ts'
import type { AsyncComponent } from './async.ts'
import { assembleCallers, refuseFunctions } from './callers.ts'
import type { ServedCertificate } from './certificate.ts'
import type { DataPlaneDeps } from './data-plane.ts'
import { Front } from './front.ts'

export interface EdgeDeps extends AssembledApiDeps {
  readonly config: Config
  readonly dataPlane: DataPlaneDeps
  /** Absent: plain HTTP. */
  readonly certificate: ServedCertificate | undefined
  readonly closedNetworks: Pick<ClosedNetworks, 'has'>
}

/** Beyond the time that calls have: for what comes before and after them. */
const STOP_MARGIN_MS = 5000

/** What listens on `GATEWAY_PORT`. */
export interface Edge extends Component {
  readonly port: number
}

/** The API and the data plane in this process. */
export class EdgeComponent implements Edge {
  readonly name = 'edge'
  readonly stopDeadlineMs: number
  readonly #certificate: ServedCertificate | undefined
  readonly #shutdown = new AbortController()
  readonly #asyncCalls: AsyncComponent
  readonly #front: Front

  constructor(deps: EdgeDeps) {
    const { config, certificate, metrics, identity, dataPlane } = deps
    this.#certificate = certificate
    this.#asyncCalls = deps.asyncCalls
    this.stopDeadlineMs = config.SHUTDOWN_GRACE + STOP_MARGIN_MS
    this.#front = new Front({
      ...deps,
      api: assembleRest(deps, this.#shutdown.signal),
      authenticator: identity.authenticator,
      certificate: certificate?.current,
      ...dataPlane,
      connectionsCut: metrics.connectionsCut
    })
    identity.index.onEnd(tokenId => this.#front.endTokens([tokenId]))
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
    // Its calls have the same time to end as those of clients.
    this.#asyncCalls.pause()
    await this.#certificate?.stop()
    await this.#front.stop()
  }
}

/** What takes requests that are no synchronous calls: asynchronous ones, and the API. Its streams end when `shutdown` aborts. */
export function assembleRest(deps: EdgeDeps, shutdown: AbortSignal): ReturnType<typeof assembleApi> {
  const api = assembleApi(deps, shutdown)
  return takeAsyncCalls(intakeDeps(deps), refuseFunctions(api, assembleCallers(deps)))
}

function intakeDeps(deps: EdgeDeps): AsyncIntakeDeps {
  const { config, identity, asyncCalls, log } = deps
  return {
    authenticator: identity.authenticator,
    addressOf: createOrigins(config.TRUST_PROXY).addressOf,
    isBarred: assembleCallers(deps).mayNotCall,
    requireAuthForFunctions: config.AUTH_ENABLED && config.REQUIRE_AUTH_FOR_FUNCTIONS,
    allowedOrigins: config.CORS_ALLOWED_ORIGINS,
    enqueue: asyncCalls.enqueue,
    faultOfCallbackUrl: url => faultOfCallbackUrl(url, asyncCalls.policy),
    maxBodyBytes: config.ASYNC_BODY_MAX,
    readTimeoutMs: config.READ_TIMEOUT,
    log
  }
}
