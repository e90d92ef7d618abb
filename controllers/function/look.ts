import type { FunctionObject } from '../../api/function.ts'
import type { Heir } from '../../api/legacy.ts'
import { keyOf } from '../../api/meta.ts'
import { networkName } from '../../api/names.ts'
import { type ConflictDeps, withConflict } from './conflict.ts'
import type { Departures } from './departures.ts'
import { type ObserveDeps, observe } from './observe.ts'
import type { Observed } from './observed.ts'
import type { Prober } from './prober.ts'
import { probesOf } from './probes.ts'

export interface ObjectDeps extends ObserveDeps, ConflictDeps {
  readonly engine: ObserveDeps['engine'] & ConflictDeps['engine']
  readonly gatewayId: ObserveDeps['gatewayId']
  /** What the function may take over of the older program; absent when there is nothing of it. */
  readonly heirOf?: (object: FunctionObject) => Heir | undefined
}

export interface LookDeps extends ObjectDeps {
  readonly prober: ObserveDeps['prober'] & Pick<Prober, 'prune'>
  readonly departures: ObserveDeps['departures'] & Pick<Departures, 'prune'>
}

/** Observes, and forgets what is known of containers that are gone. */
export async function lookAndForget(deps: LookDeps, object: FunctionObject, signal: AbortSignal): Promise<Observed> {
  const key = keyOf(object.metadata)
  const observed = await observeObject(deps, object, signal)
  const ids = new Set(observed.replicas.map(r => r.id))
  deps.departures.prune(key, ids)
  deps.prober.prune(key, ids)
  return observed
}

/** All that the engine holds of the function, with what is in the way of its network. */
export async function observeObject(deps: ObjectDeps, object: FunctionObject, signal: AbortSignal): Promise<Observed> {
  // One that is being deleted may have named secrets before; of one that lives, the garbage collector has their volume.
  const withVolumes = object.spec.secrets.length > 0 || object.metadata.deletionRequestedAt !== undefined
  const options = { probesOf: probesOf(object), withVolumes, signal, heir: deps.heirOf?.(object) }
  const observed = await observe(deps, keyOf(object.metadata), options)
  return withConflict(deps, observed, { networkName: networkName(deps.functionsNetwork, object.metadata), signal })
}
