import { systemClock } from '../clock.ts'
import type { Engine } from '../engine/engine.ts'
import { UsageSampler } from '../engine/usage-sampler.ts'
import type { EndpointTable } from '../gateway/endpoints.ts'
import type { Logger } from '../logging/logger.ts'

export interface UsageParts {
  readonly engine: Pick<Engine, 'usage'>
  readonly endpoints: Pick<EndpointTable, 'get'>
  readonly log: Logger
}

/** What tells how much functions use, by the replicas that answer and those that are frozen. */
export function assembleUsage({ engine, endpoints, log }: UsageParts): UsageSampler {
  return new UsageSampler({
    engine,
    containersOf: key => {
      const route = endpoints.get(key)
      return [...(route?.endpoints ?? []), ...(route?.frozen ?? [])].map(({ containerId }) => containerId)
    },
    onFailure: err => log.warn({ err }, 'Failed to read usage of functions'),
    now: systemClock.monotonic
  })
}
