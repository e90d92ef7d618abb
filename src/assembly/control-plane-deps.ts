import type { Signer } from '../../api/signature.ts'
import type { Config } from '../config/config.ts'
import type { DiskPressure } from '../engine/disk-pressure.ts'
import type { Engine } from '../engine/engine.ts'
import type { EngineFacts } from '../engine/engine-facts.ts'
import type { EndpointTable } from '../gateway/endpoints.ts'
import type { Inflight } from '../gateway/inflight.ts'
import type { Logger } from '../logging/logger.ts'
import type { Metrics } from '../metrics/metrics.ts'
import type { Store } from '../store/open.ts'

/** What the controllers are wired out of. */
export interface ControlPlaneDeps {
  readonly config: Config
  readonly store: Store
  readonly engine: Engine
  readonly pressure: DiskPressure
  readonly engineSince: () => number
  readonly facts: EngineFacts
  readonly signer: Signer
  readonly endpoints: EndpointTable
  readonly inflight: Inflight
  readonly metrics: Metrics
  readonly log: Logger
  /** Nothing is carried out: what is found out about the database is not written down. */
  readonly isOnlyLooking?: boolean
}
