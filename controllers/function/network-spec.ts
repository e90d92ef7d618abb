import type { FunctionObject } from '../../api/function.ts'
import { ownerLabels } from '../../api/labels.ts'
import type { NetworkSpec } from '../../src/engine/specs.ts'
import type { Desired, Policy } from './desired.ts'
import { bridgeOf } from './isolation.ts'
import { surgeOf } from './rollout.ts'

/** Most replicas that the function's network must ever hold: its own maximum and the surge of an update. */
export function networkSizeOf(object: FunctionObject, policy: Policy): number {
  const own = Number(object.metadata.labels['com.openfaas.scale.max'] ?? Number.NaN)
  const most = Math.max(object.spec.replicas, Number.isInteger(own) && own > 0 ? own : policy.maxReplicas)
  return most + surgeOf(most)
}

/** The function's own network on the given subnet. */
export function networkSpec(desired: Desired, subnet: string): NetworkSpec {
  const closedBridge = bridgeOf(desired.networkName, desired.isolation.egress)
  return {
    name: desired.networkName,
    labels: ownerLabels(desired.owner, 'network'),
    subnet,
    ...(closedBridge === undefined ? {} : { closedBridge })
  }
}
