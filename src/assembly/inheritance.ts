import type { FunctionObject } from '../../api/function.ts'
import { heirOf } from '../../api/legacy.ts'
import type { ControlPlaneDeps } from './control-plane-deps.ts'

/** Only a function that came from the older program's database takes over what that left running of it. */
export function inheritance({ config, store }: ControlPlaneDeps) {
  return (object: FunctionObject) =>
    store.inheritedUids.has(object.metadata.uid) ? heirOf(object, config.FUNCTIONS_NETWORK) : undefined
}
