import { transition } from '../../api/condition.ts'
import type { FunctionStatus } from '../../api/function.ts'
import { conditionsOf } from './conditions.ts'
import { coverage } from './coverage.ts'
import { boundDebugPorts, exposure } from './debug-status.ts'
import type { PassResult } from './pass-result.ts'
import { summarize } from './replica-summary.ts'

/** The status after a pass. Speaks of the generation that the pass planned for. Pure. */
export function statusOf({ object, desired, observed, failure, now }: PassResult): FunctionStatus {
  const before = object.status
  const at = new Date(now).toISOString()
  const seen = observed === undefined ? undefined : summarize(desired, observed)
  // It says whose exits the record holds: that secrets are not known now makes them nobody else's.
  const specHash = desired.hash ?? (desired.image.state === 'pinned' ? before.specHash : undefined)
  const debugPorts = observed === undefined ? before.debugPorts : boundDebugPorts(observed)
  const verdicts = conditionsOf({ object, desired, observed, failure, now }, seen)
  const drafts = [...verdicts, ...exposure(desired, debugPorts), ...coverage(desired, observed, before.conditions)]
  return {
    observedGeneration: desired.owner.generation,
    replicas: seen?.replicas ?? before.replicas,
    readyReplicas: seen?.ready ?? before.readyReplicas,
    frozenReplicas: seen?.frozen ?? before.frozenReplicas,
    outdatedReplicas: seen?.outdated ?? before.outdatedReplicas,
    ...(specHash === undefined ? {} : { specHash }),
    conditions: drafts.map(draft => transition(before.conditions, draft, at)),
    debugPorts,
    ...(desired.image.state === 'pinned'
      ? { image: desired.image.pin }
      : before.image === undefined
        ? {}
        : { image: before.image }),
    restarts: desired.restarts,
    outdatedRestarts: desired.outdatedRestarts,
    lastReconciledAt: at
  }
}
