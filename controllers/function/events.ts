import { LABEL } from '../../api/labels.ts'
import { legacyFunctionOf } from '../../api/legacy.ts'
import { keyOf, type StringMap } from '../../api/meta.ts'
import { parseNetworkName, parseQualifiedName } from '../../api/names.ts'
import type { EngineEvent } from '../../src/engine/engine.ts'
import type { EndpointTable, Route } from '../../src/gateway/endpoints.ts'
import type { Change } from '../../src/store/store.ts'

/** What happens to a container that answers no more calls from now on. */
const ENDS: ReadonlySet<string> = new Set(['die', 'kill', 'stop', 'destroy', 'pause', 'oom'])
/** `kill` is any signal, `oom` may be a child process: the container may live on, so a pass decides. */
const MAY_LIVE_ON: ReadonlySet<string> = new Set(['kill', 'oom'])

export interface EventDeps {
  readonly instance: string
  readonly functionsNetwork: string
  readonly endpoints: Pick<EndpointTable, 'drop' | 'pause' | 'routes'>
  readonly add: (key: string) => void
}

/**
 * Makes the loop look at the function that an engine event is about. A container that just died leaves the endpoint
 * table here and now, because a pass may be busy; that is safe at any time, and the pass puts back what answers.
 */
export function onEngineEvent({ instance, functionsNetwork, endpoints, add }: EventDeps, event: EngineEvent): void {
  switch (event.kind) {
    case 'container': {
      const key = keyOfContainer(instance, event.labels)
      if (key === undefined || key.startsWith('/') || key.endsWith('/')) return
      if (event.action === 'pause') endpoints.pause(key, event.id)
      else if (ENDS.has(event.action) && !MAY_LIVE_ON.has(event.action)) endpoints.drop(key, event.id)
      if (!event.action.startsWith('exec_')) add(key)
      return
    }
    case 'network': {
      const fn = parseNetworkName(functionsNetwork, event.name)
      const key = fn === undefined ? keyOfEndpoint(endpoints, event.container) : keyOf(fn)
      if (key !== undefined) add(key)
      return
    }
    case 'connected':
    case 'image':
      return
    default:
      event satisfies never
  }
}

/** A network's event names a container by its id only. */
function keyOfEndpoint(table: { readonly routes: () => Iterable<Route> }, id: string | undefined) {
  if (id === undefined) return undefined
  for (const { key, endpoints } of table.routes()) if (endpoints.some(e => e.containerId === id)) return key
  return undefined
}

/** Whose the container is; it may be the older program's, and one that nobody inherits does no harm to look for. */
function keyOfContainer(instance: string, labels: StringMap): string | undefined {
  const legacy = legacyFunctionOf(labels)
  if (legacy !== undefined) return keyOf(parseQualifiedName(legacy))
  if (labels[LABEL.instance] !== instance) return undefined
  return keyOf({ namespace: labels[LABEL.namespace] ?? '', name: labels[LABEL.function] ?? '' })
}

/** Takes no more calls for a function in the tick in which its deletion is written down. */
export function onFunctionChange(endpoints: Pick<EndpointTable, 'retire'>, { type, object }: Change): void {
  const { metadata } = object
  if (type !== 'DELETED' && metadata.deletionRequestedAt === undefined) return
  endpoints.retire(keyOf(metadata), metadata.uid)
}
