import type { Config } from '../config/config.ts'
import type { Route } from '../gateway/endpoints.ts'

/** Which of how many workers, from 1. */
export interface Place {
  readonly worker: number
  readonly of: number
}

/**
 * What bounds the whole gateway, for each of its workers. What bounds the calls that wait for one function stays whole: they may all
 * come by one worker.
 */
export function configShare(config: Config): Config {
  const share = (whole: number) => Math.ceil(whole / config.GATEWAY_WORKERS)
  return {
    ...config,
    MAX_CONNECTIONS: share(config.MAX_CONNECTIONS),
    FUNCTION_CALLS_MAX: share(config.FUNCTION_CALLS_MAX)
  }
}

/**
 * The route with the worker's share of `com.openfaas.max-inflight`: those of all workers make the whole of it, but none has less than
 * one, as clients do not choose their worker.
 */
export function routeShare(route: Route, { worker, of }: Place): Route {
  const { settings } = route
  if (of === 1 || settings?.maxInflight === undefined) return route
  const rest = worker <= settings.maxInflight % of ? 1 : 0
  const maxInflight = Math.max(1, Math.floor(settings.maxInflight / of) + rest)
  return { ...route, settings: { ...settings, maxInflight } }
}
