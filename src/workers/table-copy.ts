import type { Endpoint, EndpointTable } from '../gateway/endpoints.ts'
import type { Inflight } from '../gateway/inflight.ts'
import type { TableChange } from './protocol.ts'
import { type Place, routeShare } from './share.ts'

/** The worker's copy of the endpoint table, and which of its calls the controller is to hear of at once. */
export class TableCopy {
  readonly #place: Place
  readonly #table: EndpointTable
  readonly #inflight: Inflight
  /** Containers with calls that have left the table. */
  readonly #leaving = new Set<string>()
  #version = 0

  /** `onDrained`: the last call of a container has ended that had left the table. */
  constructor(table: EndpointTable, inflight: Inflight, place: Place, onDrained: () => void) {
    this.#place = place
    this.#table = table
    this.#inflight = inflight
    table.onChange(key => this.#noteReturned(this.#table.get(key)?.endpoints ?? []))
    inflight.onIdle(containerId => {
      if (this.#leaving.delete(containerId)) onDrained()
    })
  }

  /** By which calls are sent. */
  get version(): number {
    return this.#version
  }

  /** From now on calls go by it. */
  apply({ version, isWhole, isComplete, routes, removed, ends }: TableChange): void {
    this.#version = version
    const keys = new Set(routes.map(({ key }) => key))
    const gone = isWhole ? [...this.#table.routes()].flatMap(({ key }) => (keys.has(key) ? [] : [key])) : removed
    for (const route of routes) {
      this.#noteLeaving(route.key)
      this.#table.put(routeShare(route, this.#place))
    }
    for (const key of gone) {
      this.#noteLeaving(key)
      this.#table.remove(key)
    }
    for (const [containerId, why] of ends) this.#table.end(containerId, why)
    if (isComplete && !this.#table.isComplete) this.#table.markComplete()
  }

  /** All that the function has may be about to leave. */
  #noteLeaving(key: string): void {
    for (const { containerId } of this.#table.get(key)?.endpoints ?? []) {
      if (this.#inflight.own().has(containerId)) this.#leaving.add(containerId)
    }
  }

  #noteReturned(endpoints: readonly Endpoint[]): void {
    for (const { containerId } of endpoints) this.#leaving.delete(containerId)
  }
}
