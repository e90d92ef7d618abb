import { randomUUID } from 'node:crypto'
import type { Server } from 'node:http'
import { Server as TlsServer } from 'node:https'
import { type AddressInfo, Server as NetServer, type Socket } from 'node:net'
import { hostname } from 'node:os'
import { setTimeout as sleep } from 'node:timers/promises'
import type { LoopViewOfControllers } from '../../controllers/view.ts'
import { systemClock } from '../clock.ts'
import type { Config } from '../config/config.ts'
import type { ClosedNetworks } from '../engine/closed-networks.ts'
import type { EndpointTable } from '../gateway/endpoints.ts'
import type { Inflight } from '../gateway/inflight.ts'
import { createProxy, type InvocationProxy } from '../gateway/proxy.ts'
import { createApi } from '../http/app.ts'
import { toSecureContext } from '../http/certificate.ts'
import { createOrigins, type Origins } from '../http/client-address.ts'
import { ConnectionLimit } from '../http/connections.ts'
import { createGatewayServer } from '../http/server.ts'
import type { Logger } from '../logging/logger.ts'
import type { Metrics } from '../metrics/metrics.ts'
import { http } from '../node-http.ts'
import type { Component } from '../runtime/manager.ts'
import type { KeyRotation } from '../secrets/rotation.ts'
import type { Store } from '../store/open.ts'
import { callMetrics } from './call-metrics.ts'
import { assembleCallers, refuseFunctions } from './callers.ts'
import type { ServedCertificate } from './certificate.ts'
import { connectionLimit } from './connections.ts'
import type { ControlPlane } from './control-plane.ts'
import type { IdentityParts } from './identity.ts'
import { isolationRules } from './policy.ts'

export interface EdgeDeps {
  readonly config: Config
  readonly identity: IdentityParts
  readonly version: string
  readonly commit: string
  readonly store: Store
  readonly secretKeys: KeyRotation
  readonly plane: ControlPlane
  readonly view: LoopViewOfControllers
  readonly endpoints: EndpointTable
  readonly inflight: Inflight
  readonly metrics: Metrics
  readonly log: Logger
  /** Absent: plain HTTP. */
  readonly certificate: ServedCertificate | undefined
  readonly closedNetworks: Pick<ClosedNetworks, 'has'>
}

/** A scrape is small, and comes from few. */
const METRICS_TIMEOUT_MS = 10_000
const METRICS_HEADER_BYTES = 8192
const MAX_METRICS_CONNECTIONS = 64
/** A head is small: who takes longer for it than this is up to something. */
const HEADERS_TIMEOUT_MS = 10_000
/** An endpoint that could not be reached is tried again after this long, unless the loop has looked at it meanwhile. */
const SUSPENDED_MS = 1000
/** For a busy client's next call over a connection it keeps, whose answer says that the connection ends. */
const LAST_CALLS_MS = 200
/** What is still connected when everything else has ended gets this long to go. */
const LAST_CONNECTIONS_MS = 1000

/** What listens: the gateway's own port, with the API and the data plane behind it. */
export class EdgeComponent implements Component {
  readonly name = 'edge'
  readonly stopDeadlineMs: number
  readonly #config: Config
  readonly #certificate: ServedCertificate | undefined
  readonly #shutdown = new AbortController()
  readonly #proxy: InvocationProxy
  readonly #server: Server | TlsServer
  /** Every connection, those that have not come to an end of their handshake among them. */
  readonly #sockets = new Set<Socket>()

  constructor(deps: EdgeDeps) {
    const { config, certificate } = deps
    this.#config = config
    this.#certificate = certificate
    this.stopDeadlineMs = config.SHUTDOWN_GRACE + 5000
    const { authenticator } = deps.identity
    const { addressOf, isTrusted } = createOrigins(config.TRUST_PROXY)
    const callers = assembleCallers(deps)
    const api = assembleApi(deps, addressOf, this.#shutdown.signal)
    this.#proxy = assembleProxy(deps, isTrusted)
    this.#server = createGatewayServer({
      api: refuseFunctions(api, callers),
      isBarred: callers.mayNotCall,
      proxy: this.#proxy,
      authenticator,
      addressOf,
      certificate: certificate?.current,
      allowedOrigins: config.CORS_ALLOWED_ORIGINS,
      isClosing: () => this.#shutdown.signal.aborted,
      headersTimeoutMs: Math.min(config.READ_TIMEOUT, HEADERS_TIMEOUT_MS),
      writeTimeoutMs: config.WRITE_TIMEOUT,
      connections: connectionLimit(deps),
      requireAuthForFunctions: config.AUTH_ENABLED && config.REQUIRE_AUTH_FOR_FUNCTIONS
    })
    const server = this.#server
    if (server instanceof TlsServer) certificate?.onReplaced(next => server.setSecureContext(toSecureContext(next)))
    server.on('connection', (socket: Socket) => {
      if (callers.mayNotConnect(socket.remoteAddress)) socket.destroy()
      this.#sockets.add(socket)
      socket.once('close', () => this.#sockets.delete(socket))
    })
  }

  /** The port that it listens on. */
  get port(): number {
    return portOf(this.#server)
  }

  start(): Promise<void> {
    this.#certificate?.start()
    return listen(this.#server, this.#config.GATEWAY_PORT, this.#config.GATEWAY_ADDRESS, 'GATEWAY_PORT')
  }

  /**
   * Takes no new connections, ends watches, lets calls end, then closes what is left. Connections that are kept stay open
   * until an answer has said that they end: a client that finds one closed cannot know whether its call was carried out.
   */
  async stop(): Promise<void> {
    this.#shutdown.abort()
    await this.#certificate?.stop()
    const closed = new Promise<void>(resolve => {
      // http.Server.close would close those that are idle as well.
      NetServer.prototype.close.call(this.#server, () => resolve())
    })
    await Promise.race([closed, sleep(LAST_CALLS_MS)])
    await this.#proxy.close(this.#config.SHUTDOWN_GRACE)
    this.#server.close()
    await Promise.race([closed, sleep(LAST_CONNECTIONS_MS)])
    // NOTE: closeAllConnections knows only those that have come to speak HTTP.
    for (const socket of this.#sockets) socket.destroy()
    await closed
  }
}

function assembleApi(
  deps: EdgeDeps,
  addressOf: Origins['addressOf'],
  shutdown: AbortSignal
): ReturnType<typeof createApi> {
  const { config, store, plane, metrics } = deps
  return createApi({
    functions: store.functions,
    events: store.events,
    secrets: store.secrets,
    secretKeys: deps.secretKeys,
    audit: store.audit,
    enqueue: key => {
      plane.functions.forgive(key)
      plane.functions.addFirst(key)
    },
    loop: deps.view,
    adoption: plane.decisions,
    authenticator: deps.identity.authenticator,
    tokens: deps.identity.tokens,
    addressOf,
    allowedOrigins: config.CORS_ALLOWED_ORIGINS,
    rules: isolationRules(config),
    functionsPerNamespace: config.FUNCTIONS_PER_NAMESPACE_MAX,
    rate: { limit: config.API_RATE_LIMIT, windowMs: config.API_RATE_WINDOW },
    limits: { maxReplicas: config.MAX_REPLICAS, defaultReplicas: config.DEFAULT_REPLICAS },
    info: { version: deps.version, commit: deps.commit },
    config: publicConfig(config),
    log: deps.log,
    metrics,
    clock: systemClock,
    newId: randomUUID,
    invocationCount: key => metrics.invocationCount(key),
    readTimeoutMs: config.READ_TIMEOUT,
    shutdown
  })
}

function assembleProxy(deps: EdgeDeps, isTrusted: Origins['isTrusted']): InvocationProxy {
  const { config, endpoints, inflight, metrics, plane, log } = deps
  return createProxy({
    table: endpoints,
    isPending: key => plane.functions.has(key),
    isTrusted,
    inflight,
    log,
    metrics: callMetrics(metrics),
    timeouts: {
      execMs: config.EXEC_TIMEOUT,
      connectMs: 5000,
      waitMs: config.FUNCTION_WAIT_TIMEOUT,
      readMs: config.READ_TIMEOUT
    },
    maxBodyBytes: config.FUNCTION_BODY_MAX,
    waitMax: config.FUNCTION_WAIT_MAX,
    onUnreachable: (key, containerId) => {
      // An engine that hangs lets nobody look; a replica that is dead costs a refused connection each time.
      endpoints.suspend(key, containerId)
      setTimeout(() => endpoints.resume(key, containerId), SUSPENDED_MS).unref()
      plane.prober.doubt(containerId)
      plane.functions.add(key)
    },
    clock: systemClock,
    random: Math.random,
    servedBy: hostname()
  })
}

/** What clients may know of the configuration: nothing about credentials or files. */
function publicConfig(config: Config): Readonly<Record<string, unknown>> {
  return {
    instance: config.INSTANCE_ID,
    functionsNetwork: config.FUNCTIONS_NETWORK,
    functionsSubnetPool: config.FUNCTIONS_SUBNET_POOL,
    authEnabled: config.AUTH_ENABLED,
    requireAuthForFunctions: config.REQUIRE_AUTH_FOR_FUNCTIONS,
    defaultReplicas: config.DEFAULT_REPLICAS,
    maxReplicas: config.MAX_REPLICAS,
    debugBindAddress: config.DEBUG_BIND_ADDRESS,
    imagePullPolicy: config.IMAGE_PULL_POLICY,
    readTimeoutMs: config.READ_TIMEOUT,
    writeTimeoutMs: config.WRITE_TIMEOUT,
    execTimeoutMs: config.EXEC_TIMEOUT,
    metricsEnabled: config.METRICS_ENABLED,
    metricsPort: config.METRICS_PORT
  }
}

/** What Prometheus reads, on a port of its own so that it can be kept apart from the API. */
export class MetricsComponent implements Component {
  readonly name = 'metrics'
  readonly #config: Config
  readonly #server: Server

  constructor(deps: Pick<EdgeDeps, 'config' | 'metrics' | 'log' | 'closedNetworks'>) {
    const { config, metrics, log } = deps
    this.#config = config
    const deadlines = { headersTimeout: METRICS_TIMEOUT_MS, requestTimeout: METRICS_TIMEOUT_MS }
    this.#server = http.createServer({ ...deadlines, maxHeaderSize: METRICS_HEADER_BYTES }, (req, res) => {
      limit.note(req, res)
      if (req.url !== '/metrics' || (req.method !== 'GET' && req.method !== 'HEAD')) {
        res.writeHead(404).end()
        return
      }
      metrics.expose().then(
        ({ contentType, text }) => res.writeHead(200, { 'Content-Type': contentType }).end(text),
        (err: unknown) => {
          log.error({ err }, 'Failed to collect metrics')
          res.writeHead(500).end()
        }
      )
    })
    // Nobody is asked for credentials here, and what it holds the other port lacks.
    const limit = new ConnectionLimit(this.#server, { max: MAX_METRICS_CONNECTIONS, onCut: metrics.connectionsCut })
    const mayCall = config.FUNCTIONS_MAY_CALL === 'everything' ? 'everything' : 'nothing'
    const { mayNotConnect } = assembleCallers({ ...deps, config: { ...config, FUNCTIONS_MAY_CALL: mayCall } })
    this.#server.on('connection', socket => {
      if (mayNotConnect(socket.remoteAddress)) socket.destroy()
    })
  }

  get port(): number {
    return portOf(this.#server)
  }

  start(): Promise<void> {
    return listen(this.#server, this.#config.METRICS_PORT, this.#config.METRICS_ADDRESS, 'METRICS_PORT')
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections()
    await new Promise<void>(resolve => this.#server.close(() => resolve()))
  }
}

function portOf(server: NetServer): number {
  return (server.address() as AddressInfo | null)?.port ?? 0
}

/** Rejects with the variable to set when somebody else has the port. */
function listen(server: NetServer, port: number, host: string, variable: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const refuse = (err: NodeJS.ErrnoException) => {
      const isTaken = err.code === 'EADDRINUSE'
      reject(isTaken ? new Error(`port ${port} is taken; set ${variable} to another one`, { cause: err }) : err)
    }
    server.once('error', refuse)
    server.listen(port, host, () => {
      server.off('error', refuse)
      resolve()
    })
  })
}
