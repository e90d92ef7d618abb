import type { EndpointTable, ReplicaEnd, Route } from '../gateway/endpoints.ts'
import type { TableChange } from './protocol.ts'

type Table = Pick<EndpointTable, 'get' | 'routes' | 'isComplete'>

/**
 * The controller's end of one worker's copy of the endpoint table. Changes are sent as they stand when the worker has taken the ones
 * before: what a worker that does not get to run has yet to hear is never more than the table.
 */
export class TableFeed {
  readonly #table: Table
  readonly #send: (change: TableChange) => void
  readonly #changed = new Set<string>()
  #ends: (readonly [containerId: string, why: ReplicaEnd])[] = []
  #version: number
  /** Whether something is to be sent. */
  #isStale = false
  /** The version of what was sent and not taken yet. */
  #underway: number | undefined

  /** A feed to somebody who has heard nothing: call `whole` first. */
  constructor(table: Table, version: number, send: (change: TableChange) => void) {
    this.#table = table
    this.#version = version
    this.#send = send
  }

  /** All of the table, to begin with. It counts as sent. */
  whole(): TableChange {
    this.#changed.clear()
    this.#isStale = false
    return this.#message(true, [...this.#table.routes()], [])
  }

  /** A route has changed, or the table is complete (then without a key). */
  changed(version: number, key?: string): void {
    this.#version = version
    this.#isStale = true
    if (key !== undefined) this.#changed.add(key)
  }

  /** A replica has ended. */
  ended(version: number, containerId: string, why: ReplicaEnd): void {
    this.changed(version)
    this.#ends.push([containerId, why])
  }

  /** Sends what has changed, unless the worker has yet to take what was sent before. */
  flush(): void {
    if (!this.#isStale || this.#underway !== undefined) return
    const routes: Route[] = []
    const removed: string[] = []
    for (const key of this.#changed) {
      const route = this.#table.get(key)
      if (route === undefined) removed.push(key)
      else routes.push(route)
    }
    this.#changed.clear()
    this.#isStale = false
    this.#send(this.#message(false, routes, removed))
  }

  /** The worker goes by this version. */
  taken(version: number): void {
    if (this.#underway === undefined || version < this.#underway) return
    this.#underway = undefined
    this.flush()
  }

  #message(isWhole: boolean, routes: readonly Route[], removed: readonly string[]): TableChange {
    const { isComplete } = this.#table
    this.#underway = this.#version
    const ends = this.#ends
    this.#ends = []
    return { type: 'table', version: this.#version, isWhole, isComplete, routes, removed, ends }
  }
}
