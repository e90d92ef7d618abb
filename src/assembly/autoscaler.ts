import type { FunctionObject } from '../../api/function.ts'
import { scalingOf } from '../../api/scaling.ts'
import { type BoundsPolicy, boundsOf } from '../../controllers/autoscaler/bounds.ts'
import type { Config } from '../config/config.ts'
import type { ReplicaCounts } from '../metrics/function.ts'

/** What the operator decides about the size of functions. */
export function boundsPolicyOf({ MAX_REPLICAS, DEFAULT_REPLICAS }: Config): BoundsPolicy {
  return { maxReplicas: MAX_REPLICAS, defaultReplicas: DEFAULT_REPLICAS }
}

/** What the autoscaler aims at, for metrics. */
export function aimsOf(
  { metadata }: FunctionObject,
  config: Config,
  capacity: number | undefined
): Pick<ReplicaCounts, 'target' | 'min' | 'max'> {
  const { target } = scalingOf(metadata)
  return { ...boundsOf(metadata.labels, boundsPolicyOf(config), capacity), ...(target === undefined ? {} : { target }) }
}
