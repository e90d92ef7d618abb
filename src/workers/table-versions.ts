import type { Endpoint, EndpointTable } from '../gateway/endpoints.ts'
import type { TableChange } from './protocol.ts'
import { TableFeed } from './table-feed.ts'

export interface TableVersionsDeps {
  readonly table: EndpointTable
  /** The container has left the table, as of this version. Told in the tick of the change. */
  readonly onLeft: (containerId: string, version: number) => void
  /** The container takes calls again, or for the first time. */
  readonly onEntered: (containerId: string) => void
}

/** Numbers the changes of the endpoint table, and feeds them to the workers' copies, together for each turn of the event loop. */
export class TableVersions {
  readonly #deps: TableVersionsDeps
  readonly #feeds = new Set<TableFeed>()
  /** Key → endpoints as of the present version. */
  readonly #endpoints = new Map<string, readonly Endpoint[]>()
  #version = 0
  #flush: NodeJS.Immediate | undefined

  constructor(deps: TableVersionsDeps) {
    const { table } = deps
    this.#deps = deps
    for (const { key, endpoints } of table.routes()) this.#endpoints.set(key, endpoints)
    table.onChange((key, route) => this.#onChange(key, route?.endpoints ?? []))
    table.onComplete(() => this.#spread((feed, version) => feed.changed(version)))
    table.onEnd((containerId, why) => this.#spread((feed, version) => feed.ended(version, containerId, why)))
  }

  /** A feed of all changes from now on. */
  open(send: (change: TableChange) => void): TableFeed {
    const feed = new TableFeed(this.#deps.table, this.#version, send)
    this.#feeds.add(feed)
    return feed
  }

  close(feed: TableFeed): void {
    this.#feeds.delete(feed)
  }

  #onChange(key: string, endpoints: readonly Endpoint[]): void {
    const before = this.#endpoints.get(key) ?? []
    if (endpoints.length === 0) this.#endpoints.delete(key)
    else this.#endpoints.set(key, endpoints)
    this.#spread((feed, version) => feed.changed(version, key))
    for (const { containerId } of missing(before, endpoints)) this.#deps.onLeft(containerId, this.#version)
    for (const { containerId } of missing(endpoints, before)) this.#deps.onEntered(containerId)
  }

  #spread(tell: (feed: TableFeed, version: number) => void): void {
    this.#version++
    for (const feed of this.#feeds) tell(feed, this.#version)
    this.#flush ??= setImmediate(() => {
      this.#flush = undefined
      for (const feed of this.#feeds) feed.flush()
    })
  }
}

/** The endpoints that the other list has not. */
function missing(endpoints: readonly Endpoint[], other: readonly Endpoint[]): readonly Endpoint[] {
  return endpoints.filter(({ containerId }) => !other.some(e => e.containerId === containerId))
}
