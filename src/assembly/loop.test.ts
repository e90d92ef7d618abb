import { expect } from 'chai'
import { eventually } from '../../test/helpers/eventually.ts'
import { FakeEngine } from '../../test/helpers/fake-engine.ts'
import { loadConfig } from '../config/load.ts'
import { EngineFacts } from '../engine/engine-facts.ts'
import { EngineHealth } from '../engine/health.ts'
import { EndpointTable } from '../gateway/endpoints.ts'
import { silentLogger } from '../logging/logger.ts'
import { createMetrics } from '../metrics/metrics.ts'
import type { ControlPlane } from './control-plane.ts'
import { LoopComponent } from './loop.ts'

describe('LoopComponent', () => {
  let engine: FakeEngine
  /** How the attempts to find the gateway's own container end. */
  let finds: ('found' | 'failed')[]
  let found: number
  let loop: LoopComponent

  beforeEach(() => {
    engine = new FakeEngine({ now: () => 0 })
    finds = []
    found = 0
    const runs = { start: () => undefined, stop: async () => undefined, add: () => undefined }
    const plane = {
      functions: runs,
      garbage: runs,
      imageGarbage: runs,
      secrets: runs,
      images: runs,
      prober: runs,
      waker: runs,
      resync: { run: async () => undefined },
      self: {
        find: async () => {
          if (finds.shift() === 'failed') throw new Error('timed out')
          found++
        }
      }
    }
    loop = new LoopComponent(
      {
        config: { ...loadConfig({}), RECONCILE_INTERVAL_SECONDS: 0.01 },
        engine,
        facts: new EngineFacts(engine),
        health: new EngineHealth({ now: () => 0, monotonic: () => 0 }),
        heartbeat: { doubt: () => undefined },
        endpoints: new EndpointTable(),
        rosters: { changed: () => undefined, changedAll: () => undefined },
        metrics: createMetrics({ nodeMetrics: false }),
        log: silentLogger
      },
      plane as unknown as ControlPlane
    )
  })
  afterEach(() => loop.stop())

  it('finds the container of the gateway though the engine does not say what it is', async () => {
    engine.fail('info', 'other', { times: 1000 })
    loop.start()
    await eventually(async () => expect(found).to.be.above(0))
  })

  it('looks for the container of the gateway again, resync by resync, until it was found', async () => {
    finds = Array.from({ length: 10 }, () => 'failed' as const)
    loop.start()
    await eventually(async () => expect(found).to.be.above(0))
  })
})
