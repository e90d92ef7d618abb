import { systemClock } from '../clock.ts'
import type { Engine } from '../engine/engine.ts'
import { UsageSampler } from '../engine/usage-sampler.ts'
import type { EndpointTable, Route } from '../gateway/endpoints.ts'
import type { Logger } from '../logging/logger.ts'
import type { Metrics } from '../metrics/metrics.ts'

export interface UsageParts {
  readonly engine: Pick<Engine, 'usage'>
  readonly endpoints: Pick<EndpointTable, 'get' | 'routes'>
  readonly metrics: Pick<Metrics, 'cpuUsed' | 'memoryUsed' | 'watchUsage'>
  readonly log: Logger
}

/** What tells how much functions use, by the replicas that answer and those that are frozen: people, and metrics when they are read. */
export function assembleUsage({ engine, endpoints, metrics, log }: UsageParts): UsageSampler {
  /** One that went meanwhile is to have no series. */
  const ifThere =
    (tell: (key: string, amount: number) => void) =>
    (key: string, amount: number): void => {
      if (endpoints.get(key) !== undefined) tell(key, amount)
    }
  const sampler = new UsageSampler({
    engine,
    containersOf: key => containersOf(endpoints.get(key)),
    onCpu: ifThere(metrics.cpuUsed),
    onMemory: ifThere(metrics.memoryUsed),
    onFailure: err => log.warn({ err }, 'Failed to read usage of functions'),
    now: systemClock.monotonic
  })
  metrics.watchUsage(() => sampler.read([...endpoints.routes()].map(({ key }) => key)))
  return sampler
}

function containersOf(route: Route | undefined): string[] {
  return [...(route?.endpoints ?? []), ...(route?.frozen ?? [])].map(({ containerId }) => containerId)
}
