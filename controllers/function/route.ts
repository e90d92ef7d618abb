import { callSettingsOf } from '../../api/call-settings.ts'
import type { FunctionObject } from '../../api/function.ts'
import { keyOf, type StringMap } from '../../api/meta.ts'
import type { EndpointTable } from '../../src/gateway/endpoints.ts'
import { FUNCTION_PORT } from './container-spec.ts'
import type { Departures } from './departures.ts'
import type { Desired } from './desired.ts'
import type { Observed, Replica } from './observed.ts'
import type { Plan } from './plan.ts'
import { troubleOf } from './trouble.ts'

export interface RouteDeps {
  readonly endpoints: Pick<EndpointTable, 'get' | 'put'>
  readonly departures: Pick<Departures, 'leaving'>
  readonly now: () => number
}

/** Says that the function is wanted before anything else is done, so that calls wait for it instead of failing. */
export function declareRoute({ endpoints }: Pick<RouteDeps, 'endpoints'>, { metadata, spec }: FunctionObject): void {
  const key = keyOf(metadata)
  const { uid } = metadata
  const replicas = metadata.deletionRequestedAt === undefined ? spec.replicas : 0
  const route = endpoints.get(key)
  if (route?.uid === uid && route.replicas === replicas) return
  const known = route?.uid === uid ? route : undefined
  const frozen = known?.frozen === undefined ? {} : { frozen: known.frozen }
  const settings = settingsOf(metadata.annotations)
  endpoints.put({ key, uid, replicas, endpoints: known?.endpoints ?? [], ...frozen, ...settings })
}

/** Puts the endpoints of a plan into the table, before its steps are done: a replica has left the table before it is asked to stop. */
export function publish(
  deps: RouteDeps,
  object: FunctionObject,
  { desired, plan }: { readonly desired: Desired; readonly plan: Plan },
  observed: Observed
): void {
  const isAsleep = desired.replicas === 0 || plan.frozen !== undefined
  const trouble = isAsleep ? undefined : troubleOf(desired, observed, deps.now())
  deps.endpoints.put({
    key: desired.key,
    uid: desired.owner.uid,
    replicas: desired.replicas,
    endpoints: plan.endpoints.map(toEndpoint),
    ...(plan.frozen === undefined ? {} : { frozen: plan.frozen.map(toEndpoint) }),
    ...settingsOf(object.metadata.annotations),
    ...(trouble === undefined ? {} : { trouble })
  })
  deps.departures.leaving(desired.key, plan.leaving)
}

function settingsOf(annotations: StringMap) {
  const settings = callSettingsOf(annotations)
  return settings === undefined ? {} : { settings }
}

function toEndpoint({ id, address = '' }: Replica) {
  return { containerId: id, host: address, port: FUNCTION_PORT }
}
