import type { Config } from '../config/config.ts'
import { DockerEngine } from '../engine/docker.ts'
import { EngineHealth } from '../engine/health.ts'
import { createRegistryAuth } from '../engine/registry-auth.ts'
import type { Logger } from '../logging/logger.ts'
import type { Metrics } from '../metrics/metrics.ts'

/** The engine of the configuration, and what its calls tell of how it is. */
export function assembleEngine(
  config: Config,
  log: Logger,
  metrics: Pick<Metrics, 'observeEngineCall'>
): { engine: DockerEngine; health: EngineHealth } {
  const health = new EngineHealth()
  const engine = new DockerEngine({
    host: config.DOCKER_HOST,
    registryAuth: createRegistryAuth({
      ...(config.REGISTRY_AUTH_FILE === '' ? {} : { file: config.REGISTRY_AUTH_FILE }),
      warn: message => log.warn({ problem: message }, 'Passed over registry credentials')
    }),
    timeoutMs: config.ENGINE_TIMEOUT,
    pullInactivityMs: config.PULL_INACTIVITY_TIMEOUT,
    observe: (operation, fault, seconds) => {
      metrics.observeEngineCall(operation, fault, seconds)
      health.observe(operation, fault)
    }
  })
  return { engine, health }
}
