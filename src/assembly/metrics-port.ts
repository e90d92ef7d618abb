import type { Server } from 'node:http'
import type { Config } from '../config/config.ts'
import type { ClosedNetworks } from '../engine/closed-networks.ts'
import { ConnectionLimit } from '../http/connections.ts'
import type { Logger } from '../logging/logger.ts'
import type { Metrics } from '../metrics/metrics.ts'
import { http } from '../node-http.ts'
import type { Component } from '../runtime/manager.ts'
import { assembleCallers } from './callers.ts'
import { listen, portOf } from './listen.ts'

interface MetricsDeps {
  readonly config: Config
  readonly metrics: Metrics
  readonly log: Logger
  readonly closedNetworks: Pick<ClosedNetworks, 'has'>
}

/** A scrape is small, and comes from few. */
const TIMEOUT_MS = 10_000
const HEADER_BYTES = 8192
const MAX_CONNECTIONS = 64

/** What Prometheus reads, on a port of its own so that it can be kept apart from the API. */
export class MetricsComponent implements Component {
  readonly name = 'metrics'
  readonly #config: Config
  readonly #server: Server

  constructor(deps: MetricsDeps) {
    const { config, metrics, log } = deps
    this.#config = config
    const deadlines = { headersTimeout: TIMEOUT_MS, requestTimeout: TIMEOUT_MS }
    this.#server = http.createServer({ ...deadlines, maxHeaderSize: HEADER_BYTES }, (req, res) => {
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
    const limit = new ConnectionLimit(this.#server, { max: MAX_CONNECTIONS, onCut: metrics.connectionsCut })
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
