import type { ProxyDeps } from '../gateway/proxy-deps.ts'
import type { Metrics } from '../metrics/metrics.ts'

/** What the data plane tells of its calls. One may end when its function is gone: that makes no series again. */
export function callMetrics(
  metrics: Pick<Metrics, 'functionMetrics' | 'knownFunctionMetrics' | 'setActivatorWaiting'>
): ProxyDeps['metrics'] {
  return {
    started: key => metrics.functionMetrics(key).started(),
    finished: (key, code, seconds) => metrics.knownFunctionMetrics(key)?.finished(code, seconds),
    waiting: count => metrics.setActivatorWaiting(count),
    held: key => metrics.knownFunctionMetrics(key)?.held(),
    retried: key => metrics.knownFunctionMetrics(key)?.retried(),
    shed: (key, reason) => metrics.knownFunctionMetrics(key)?.shed(reason),
    timedOut: (key, kind) => metrics.knownFunctionMetrics(key)?.timedOut(kind)
  }
}
