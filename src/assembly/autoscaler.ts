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
export function aimsOf(object: FunctionObject, config: Config): Pick<ReplicaCounts, 'target' | 'min'> {
  const { target } = scalingOf(object.metadata)
  const { min } = boundsOf(object.metadata.labels, boundsPolicyOf(config))
  return { min, ...(target === undefined ? {} : { target }) }
}
