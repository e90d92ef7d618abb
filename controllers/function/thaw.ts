import type { Engine } from '../../src/engine/engine.ts'
import { faultOf } from '../../src/engine/faults.ts'
import type { EndpointTable } from '../../src/gateway/endpoints.ts'
import type { Waking } from '../wake/waker.ts'

export interface ThawDeps {
  readonly engine: Pick<Engine, 'unpauseContainer'>
  readonly endpoints: Pick<EndpointTable, 'get' | 'thaw' | 'drop'>
}

/** Whether frozen replicas of a function that calls wait for were thawed now, or a moment ago and answer those calls. */
export async function isThawing(deps: ThawDeps, { key, isUrgent }: Waking, signal: AbortSignal): Promise<boolean> {
  const thawing = await thawReplicas(deps, key, signal)
  if (thawing !== 'none') return thawing === 'thawed'
  return isUrgent && (deps.endpoints.get(key)?.endpoints.length ?? 0) > 0
}

/** `none` was frozen; all are `thawed`; or one at least was `refused` by the engine, or is gone otherwise than by removal. */
type Thawing = 'none' | 'thawed' | 'refused'

/**
 * Lets the frozen replicas of a function run and take calls, without a look at anything before: calls wait for it. What the
 * engine refuses is left to a pass, which tries it again, tells, and goes on with the rest.
 */
async function thawReplicas({ engine, endpoints }: ThawDeps, key: string, signal: AbortSignal): Promise<Thawing> {
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
  if (results.some(({ status }) => status === 'rejected')) return 'refused'
  return frozen.length === 0 ? 'none' : 'thawed'
}
