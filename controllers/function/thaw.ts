import type { Engine } from '../../src/engine/engine.ts'
import { faultOf } from '../../src/engine/faults.ts'
import type { EndpointTable } from '../../src/gateway/endpoints.ts'

export interface ThawDeps {
  readonly engine: Pick<Engine, 'unpauseContainer'>
  readonly endpoints: Pick<EndpointTable, 'get' | 'thaw' | 'drop'>
}

/**
 * Lets the frozen replicas of a function run and take calls, without a look at anything before: calls wait for it. Gives
 * whether there were any. Throws what the engine refused, after all were tried.
 */
export async function thawReplicas(
  { engine, endpoints }: ThawDeps,
  key: string,
  signal: AbortSignal
): Promise<boolean> {
  const frozen = endpoints.get(key)?.frozen ?? []
  const thaw = async (containerId: string) => {
    try {
      await engine.unpauseContainer(containerId, signal)
    } catch (err) {
      if (faultOf(err) !== 'not-found') throw err
      endpoints.drop(key, containerId)
    }
    endpoints.thaw(key, new Set([containerId]))
  }
  const results = await Promise.allSettled(frozen.map(({ containerId }) => thaw(containerId)))
  for (const result of results) if (result.status === 'rejected') throw result.reason
  return frozen.length > 0
}
