import type { LoopViewOfControllers } from '../../controllers/view.ts'
import { systemClock } from '../clock.ts'
import type { Config } from '../config/config.ts'
import { EndpointTable } from '../gateway/endpoints.ts'
import { Inflight } from '../gateway/inflight.ts'
import type { Logger } from '../logging/logger.ts'
import { createMetrics } from '../metrics/metrics.ts'
import { openStore } from '../store/open.ts'
import { assembleControlPlane } from './control-plane.ts'
import { assembleEngine } from './engine.ts'
import { readSigner } from './instance-key.ts'
import { assembleView } from './view.ts'

export interface Preview extends AsyncDisposable {
  readonly view: LoopViewOfControllers
}

/** The loop without anything that runs: it can say what it would do. Beside a running gateway, too. */
export async function assemblePreview(config: Config, log: Logger): Promise<Preview> {
  const metrics = createMetrics({ nodeMetrics: false })
  const store = await openStore({ path: config.STATE_DB_PATH, clock: systemClock, log })
  const { engine, facts, health, pressure } = assembleEngine(config, log, metrics)
  const signer = await readSigner(config)
  const parts = {
    config,
    signer,
    store,
    engine,
    facts,
    pressure,
    engineSince: () => 0,
    endpoints: new EndpointTable(),
    inflight: new Inflight(),
    metrics,
    log,
    isOnlyLooking: true
  }
  const plane = assembleControlPlane(parts)
  await plane.self.find()
  const view = assembleView({
    ...{ store, plane, metrics, log, health },
    watch: { connected: false },
    firewall: { state: { state: 'unavailable', reason: 'nothing runs' } }
  })
  return {
    view,
    async [Symbol.asyncDispose]() {
      plane.prober.stop()
      await plane.images.stop()
      await engine[Symbol.asyncDispose]()
      await store.close()
    }
  }
}
