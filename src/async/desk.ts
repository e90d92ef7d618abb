import type { InvocationView } from '../../api/invocation.ts'
import type { Namespaces } from '../../api/scope.ts'
import type { Clock } from '../clock.ts'
import type {
  DeadFilter,
  InvocationFilter,
  InvocationPage,
  InvocationStore,
  MovedInvocation
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

  /** Puts dead letters back; gives how many. */
  requeue(filter: DeadFilter): Promise<number> {
    const { store, clock } = this.#deps
    return this.#all(() => store.requeue(filter, clock.now()))
  }

  /** Removes dead letters; gives how many. */
  async purge(filter: DeadFilter): Promise<number> {
    let all = 0
    for (let removed = 1; removed > 0; all += removed) removed = await this.#deps.store.purge(filter)
    return all
  }

  async #all(some: () => Promise<MovedInvocation[]>): Promise<number> {
    let all = 0
    for (;;) {
      const moved = await some()
      if (moved.length === 0) return all
      this.#deps.onMoved(moved)
      all += moved.length
    }
  }
}
