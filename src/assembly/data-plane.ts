import { hostname } from 'node:os'
import { systemClock } from '../clock.ts'
import type { Config } from '../config/config.ts'
import { createProxy, type InvocationProxy } from '../gateway/proxy.ts'
import type { ProxyDeps } from '../gateway/proxy-deps.ts'
import { createOrigins } from '../http/client-address.ts'
import type { Logger } from '../logging/logger.ts'
import type { Metrics } from '../metrics/metrics.ts'
import { callMetrics } from './call-metrics.ts'
import type { ControlPlane } from './control-plane.ts'

/**
 * What the data plane has of the rest of the program, wherever it runs: in the controller's process, or in a worker that knows it
 * by messages. So it is values and callbacks by the keys of functions: no store, no engine, no queue.
 */
export interface DataPlaneDeps
  extends Pick<ProxyDeps, 'table' | 'inflight' | 'isPending' | 'onWake' | 'onUnreachable' | 'metrics'> {
  readonly config: Config
  readonly log: Logger
}

const CONNECT_MS = 5000

/** The data plane as the configuration has it. */
export function assembleDataPlane({ config, ...deps }: DataPlaneDeps): InvocationProxy {
  return createProxy({
    ...deps,
    isTrusted: createOrigins(config.TRUST_PROXY).isTrusted,
    timeouts: {
      execMs: config.EXEC_TIMEOUT,
      connectMs: CONNECT_MS,
      waitMs: config.FUNCTION_WAIT_TIMEOUT,
      readMs: config.READ_TIMEOUT
    },
    maxBodyBytes: config.FUNCTION_BODY_MAX,
    overload: { callsMax: config.FUNCTION_CALLS_MAX, delayMs: config.OVERLOAD_DELAY },
    hopsMax: config.FUNCTION_HOPS_MAX,
    waitMax: config.FUNCTION_WAIT_MAX,
    waitBytesMax: config.FUNCTION_WAIT_BYTES_MAX || Number.POSITIVE_INFINITY,
    clock: systemClock,
    random: Math.random,
    servedBy: hostname()
  })
}

/** An endpoint that could not be reached is tried again after this long, unless the loop has looked at it meanwhile. */
const SUSPENDED_MS = 1000

/** What the data plane has in the process of the controllers. */
export function localDataPlane(
  {
    config,
    log,
    metrics,
    table,
    inflight
  }: Pick<DataPlaneDeps, 'config' | 'log' | 'table' | 'inflight'> & { readonly metrics: Metrics },
  { prober, functions, waker }: Pick<ControlPlane, 'prober' | 'functions' | 'waker'>
): DataPlaneDeps {
  return {
    ...{ config, log, table, inflight },
    isPending: key => functions.has(key),
    onWake: key => waker.wake(key),
    onUnreachable: (key, containerId) => {
      // An engine that hangs lets nobody look; a replica that is dead costs a refused connection each time.
      table.suspend(key, containerId)
      setTimeout(() => table.resume(key, containerId), SUSPENDED_MS).unref()
      prober.doubt(containerId)
      functions.add(key)
    },
    metrics: callMetrics(metrics)
  }
}
