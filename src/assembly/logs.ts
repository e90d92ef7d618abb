import { systemClock } from '../clock.ts'
import type { Config } from '../config/config.ts'
import type { Engine } from '../engine/engine.ts'
import type { Logger } from '../logging/logger.ts'
import { LogDesk } from '../logs/desk.ts'
import { type ListContainers, Rosters } from '../logs/roster.ts'
import type { Metrics } from '../metrics/metrics.ts'
import type { Store } from '../store/open.ts'
import type { ControlPlane } from './control-plane.ts'

export interface LogParts {
  readonly desk: LogDesk
  /** To be told when containers of a function may have come or gone. */
  readonly rosters: Rosters
}

export interface LogPartsDeps {
  readonly config: Pick<Config, 'LOG_READERS_MAX'>
  readonly engine: Pick<Engine, 'readLogs'>
  readonly store: Pick<Store, 'functions' | 'lastLines'>
  readonly plane: Pick<ControlPlane, 'functionReconciler'>
  readonly metrics: Metrics
  readonly log: Logger
}

/** What reads the logs of functions. */
export function assembleLogs({ config, engine, store, plane, metrics, log }: LogPartsDeps): LogParts {
  const { functions, lastLines } = store
  const list: ListContainers = async (key, signal) => {
    const object = await functions.get(key)
    return object === undefined ? [] : plane.functionReconciler.containers(object, signal)
  }
  const rosters = new Rosters({ list, metrics, log, clock: systemClock })
  const desk = new LogDesk({ engine, lastLines, rosters, functions, maxReaders: config.LOG_READERS_MAX, metrics, log })
  return { desk, rosters }
}
