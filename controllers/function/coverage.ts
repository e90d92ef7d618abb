import { type Condition, getCondition } from '../../api/condition.ts'
import { overlaps } from '../../src/engine/subnets.ts'
import type { Desired } from './desired.ts'
import type { Observed } from './observed.ts'

type Draft = Omit<Condition, 'lastTransitionTime'>

/**
 * `Uncovered` of a function with replicas whose network lies outside of the pool, as one of the older program does, or one from before the
 * pool was changed: the rules of the firewall go by the pool. As it was while nothing is known of the network. Pure.
 */
export function coverage(
  { networkName, pool, replicas }: Pick<Desired, 'networkName' | 'pool' | 'replicas'>,
  observed: Pick<Observed, 'network'> | undefined,
  before: readonly Condition[]
): Draft[] {
  if (observed === undefined) {
    const known = getCondition(before, 'Uncovered')
    return known === undefined ? [] : [known]
  }
  const { ours, subnet } = observed.network ?? {}
  const isCovered = ours !== true || subnet === undefined || pool === undefined || overlaps(subnet, pool)
  if (isCovered || replicas === 0) return []
  const message =
    `network ${networkName} (${subnet}) lies outside of FUNCTIONS_SUBNET_POOL (${pool}): neither the firewall nor its egress ` +
    'keeps its replicas from the host and from others; scale the function to 0 and back'
  return [{ type: 'Uncovered', status: 'True', reason: 'NetworkOutsidePool', message }]
}
