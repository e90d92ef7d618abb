import { Counter, Gauge, Histogram, type Registry } from 'prom-client'

const METHODS: ReadonlySet<string> = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'])

export interface HttpObservation {
  readonly method: string
  /** Route template, never a raw path. */
  readonly path: string
  readonly code: number
  readonly seconds: number
}

/** Requests to the API, calls that wait, and how the process is. */
export interface GatewayMetrics {
  readonly observeRequest: (request: HttpObservation) => void
  /** A request to the API was refused for its rate. */
  readonly rateLimited: () => void
  readonly setFunctionsDeployed: (count: number) => void
  /** Calls that are held until a function is ready. */
  readonly setActivatorWaiting: (count: number) => void
  /** It could not be written down that a function is to run for calls that wait. */
  readonly wakeWriteFailed: () => void
  /** The process did not get to run for a while. */
  readonly stalled: () => void
  /** A promise failed that nobody waits for. */
  readonly rejected: () => void
  /** So many connections of clients were cut off, or not taken, as there were too many. */
  readonly connectionsCut: (count: number) => void
  /** The gateway came up. */
  readonly gatewayStarted: () => void
}

export function createGatewayMetrics(registry: Registry): GatewayMetrics {
  const registers = [registry]
  const labelNames = ['method', 'path', 'code']
  const counter = (name: string, help: string, labels: string[] = []) =>
    new Counter({ name, help, labelNames: labels, registers })
  const restarts = counter('gateway_restarts_total', 'Starts of the gateway in this process')
  const stalls = counter(
    'faas_event_loop_stalls_total',
    'Times that the process did not get to run for a second or more'
  )
  const rejections = counter('faas_unhandled_rejections_total', 'Promises that failed and that nobody waits for')
  const cut = counter(
    'faas_connections_cut_total',
    'Connections that were cut off, or not taken, as there were too many'
  )
  // The older program's name, and those of OpenFaaS: of its provider and of its gateway, which are one here.
  const requests = ['gateway_http_requests_total', 'provider_http_requests_total', 'http_requests_total'].map(name =>
    counter(name, 'Requests to the API', labelNames)
  )
  const limited = counter('docker_faas_api_rate_limited_total', 'Requests to the API that were refused for their rate')
  const errors = counter('gateway_http_errors_total', 'Requests to the API that were answered 400 or above')
  const seconds = new Histogram({
    name: 'gateway_request_duration_seconds',
    help: 'Duration of requests to the API',
    registers
  })
  const durations = ['provider_http_request_duration_seconds', 'http_request_duration_seconds'].map(
    name => new Histogram({ name, help: 'Duration of requests to the API', labelNames, registers })
  )
  const deployed = new Gauge({ name: 'functions_deployed', help: 'Functions that are written down', registers })
  const waiting = new Gauge({ name: 'faas_activator_waiting', help: 'Calls that wait for a ready replica', registers })
  const unwritten = new Counter({
    name: 'faas_wake_write_failures_total',
    help: 'Times that it could not be written down that a function is to run for calls that wait',
    registers
  })
  return {
    observeRequest: (request: HttpObservation) => {
      const method = METHODS.has(request.method) ? request.method : 'OTHER'
      const labels = { method, path: request.path, code: String(request.code) }
      for (const family of requests) family.inc(labels)
      if (request.code >= 400) errors.inc()
      seconds.observe(request.seconds)
      for (const family of durations) family.observe(labels, request.seconds)
    },
    rateLimited: () => limited.inc(),
    setFunctionsDeployed: (count: number) => deployed.set(count),
    setActivatorWaiting: (count: number) => waiting.set(count),
    wakeWriteFailed: () => unwritten.inc(),
    stalled: () => stalls.inc(),
    rejected: () => rejections.inc(),
    connectionsCut: (count: number) => cut.inc(count),
    gatewayStarted: () => restarts.inc()
  }
}
