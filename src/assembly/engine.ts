import { systemClock } from '../clock.ts'
import type { Config } from '../config/config.ts'
import { ClosedNetworks } from '../engine/closed-networks.ts'
import { DiskPressure } from '../engine/disk-pressure.ts'
import { createDockerEngine, type DockerEngine } from '../engine/docker.ts'
import { EngineFacts } from '../engine/engine-facts.ts'
import { EngineError, type EngineFault } from '../engine/faults.ts'
import { EngineHealth } from '../engine/health.ts'
import { Heartbeat } from '../engine/heartbeat.ts'
import { createRegistryAuth } from '../engine/registry-auth.ts'
import type { Logger } from '../logging/logger.ts'
import type { Metrics } from '../metrics/metrics.ts'

/** What a call ends with that may be the last sign of an engine that goes. */
const DOUBTFUL: ReadonlySet<EngineFault | 'none'> = new Set(['unavailable', 'timeout'])

export interface EngineParts {
  readonly engine: DockerEngine
  readonly facts: EngineFacts
  readonly health: EngineHealth
  readonly heartbeat: Heartbeat
  readonly pressure: DiskPressure
  readonly closedNetworks: ClosedNetworks
}

/** The engine of the configuration, what tells how it is, and the heartbeat, which does nothing before it is started. */
export function assembleEngine(
  config: Config,
  log: Logger,
  metrics: Pick<Metrics, 'observeEngineCall' | 'setBreakerOpen'>
): EngineParts {
  const health = new EngineHealth(systemClock)
  const pressure = new DiskPressure(systemClock)
  const closedNetworks = new ClosedNetworks()
  const engine = createDockerEngine({
    host: config.DOCKER_HOST,
    closedNetworks,
    registryAuth: createRegistryAuth({
      ...(config.REGISTRY_AUTH_FILE === '' ? {} : { file: config.REGISTRY_AUTH_FILE }),
      warn: message => log.warn({ problem: message }, 'Passed over registry credentials')
    }),
    timeoutMs: config.ENGINE_TIMEOUT,
    pullInactivityMs: config.PULL_INACTIVITY_TIMEOUT,
    observe: (operation, fault, seconds) => {
      metrics.observeEngineCall(operation, fault, seconds)
      pressure.observe(fault)
      if (DOUBTFUL.has(fault) && operation !== 'ping' && operation !== 'image_pull') heartbeat.doubt()
    },
    onBreaker: (isOpen, why) => {
      metrics.setBreakerOpen(isOpen)
      if (isOpen) log.warn({ err: why }, 'Lost engine')
      else log.info({}, 'Reached engine again')
      if (isOpen) health.isAway(messageOf(why))
      else health.answers()
    }
  })
  const heartbeat = new Heartbeat({
    engine,
    onAnswer: aheadMs => {
      if (aheadMs !== undefined) health.clockIsAhead(aheadMs)
      engine.noteBeat()
      if (!engine.isAway) health.answers()
    },
    onMiss: err => engine.noteBeat(err)
  })
  return { engine, facts: new EngineFacts(engine), health, heartbeat, pressure, closedNetworks }
}

function messageOf(why: unknown): string {
  return why instanceof EngineError ? `${why.operation} ended with ${why.fault}` : String(why)
}
