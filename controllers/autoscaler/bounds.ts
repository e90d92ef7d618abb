import type { StringMap } from '../../api/meta.ts'
import { isMinNamed, scalingOf } from '../../api/scaling.ts'
import { surgeOf } from '../function/rollout.ts'

/** What the operator decides for all functions. */
export interface BoundsPolicy {
  readonly maxReplicas: number
  readonly defaultReplicas: number
}

/** Between which numbers of replicas the autoscaler keeps a function that is not at zero. */
export interface Bounds {
  readonly min: number
  readonly max: number
}

/** Source: OpenFaaS, default of the label `com.openfaas.scale.max`. */
const DEFAULT_MAX = 20

/**
 * The bounds of its labels, within those of the operator. More than its least it gets only as far as its network, which
 * holds `capacity` replicas, has room for them and for an update; a least that does not fit is wanted nevertheless, and a
 * condition tells. A function without a label for it comes back to as many as a new one has.
 */
export function boundsOf(
  labels: StringMap,
  { maxReplicas, defaultReplicas }: BoundsPolicy,
  capacity = Number.POSITIVE_INFINITY
): Bounds {
  const said = scalingOf({ labels, annotations: {} })
  const min = isMinNamed(labels) ? said.min : Math.max(1, defaultReplicas)
  const most = Math.min(said.max ?? Math.max(DEFAULT_MAX, min), maxReplicas)
  const least = Math.min(min, most)
  return { min: least, max: Math.max(least, mostThatFits(Math.min(most, capacity), capacity)) }
}

/** At most so many that their surge fits as well. */
function mostThatFits(most: number, capacity: number): number {
  let fitting = most
  while (fitting > 0 && fitting + surgeOf(fitting) > capacity) fitting--
  return fitting
}
