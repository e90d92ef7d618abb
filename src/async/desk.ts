import type { InvocationView } from '../../api/invocation.ts'
import type { Namespaces } from '../../api/scope.ts'
import type { Clock } from '../clock.ts'
import {
  type DeadFilter,
  type InvocationFilter,
  type InvocationPage,
  type InvocationStore,
  MAX_AT_ONCE,
  type MovedInvocation
} from '../store/invocation-store.ts'

export interface InvocationDeskDeps {
  readonly store: InvocationStore
  readonly clock: Clock
  readonly onMoved: (moved: readonly MovedInvocation[]) => void
}

/** What people ask of asynchronous calls. */
export class InvocationDesk {
  readonly #deps: InvocationDeskDeps
  constructor(deps: InvocationDeskDeps) {
    this.#deps = deps
  }

  get(id: string): Promise<InvocationView | undefined> {
    return this.#deps.store.get(id)
  }

  list(filter: InvocationFilter, page: { readonly limit: number; readonly before?: number }): Promise<InvocationPage> {
    return this.#deps.store.list(filter, page)
  }

  /** Cancels the calls of this call id that have not been carried out; gives how many. */
  cancel(callId: string, namespaces: Namespaces): Promise<number> {
    const { store, clock } = this.#deps
    return this.#all(() => store.cancel(callId, namespaces, clock.now()))
  }

  /** Puts dead letters back, each once, for as long as somebody wants it; gives how many. */
  requeue(filter: DeadFilter, isWanted?: () => boolean): Promise<number> {
    const { store, clock } = this.#deps
    return this.#all(last => store.requeue(filter, clock.now(), last), isWanted)
  }

  /** Removes dead letters, for as long as somebody wants it; gives how many. */
  async purge(filter: DeadFilter, isWanted = () => true): Promise<number> {
    let all = 0
    let removed = MAX_AT_ONCE
    for (; removed === MAX_AT_ONCE && isWanted(); all += removed) removed = await this.#deps.store.purge(filter)
    return all
  }

  /** Asks again while there are more than one write changes; `some` is told the last that it gave. */
  async #all(some: (last: number) => Promise<MovedInvocation[]>, isWanted = () => true): Promise<number> {
    let all = 0
    let last = 0
    while (isWanted()) {
      const moved = await some(last)
      this.#deps.onMoved(moved)
      all += moved.length
      if (moved.length < MAX_AT_ONCE) break
      last = moved.reduce((most, { seq }) => Math.max(most, seq), last)
    }
    // They were told of before: whether the disk fails or not, none of them is forgotten.
    if (all > 0) await this.#deps.store.flushed()
    return all
  }
}
