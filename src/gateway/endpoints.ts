import type { CallSettings } from '../../api/call-settings.ts'

/** Address of a ready replica. The container's id goes with it, because addresses are reused. */
export interface Endpoint {
  readonly containerId: string
  readonly host: string
  readonly port: number
}

/** What the data plane knows of one function. */
export interface Route {
  /** `namespace/name`. */
  readonly key: string
  /** Of the object that the replicas belong to: another one of the same name is another function. */
  readonly uid: string
  /** How many replicas are wanted: 0 is a function that sleeps, and not one that is starting. */
  readonly replicas: number
  readonly endpoints: readonly Endpoint[]
  /**
   * Replicas that are frozen, or about to be: they take calls when they are thawed, and not before. Empty where the function
   * is frozen and nothing is left to thaw. Absent: it is not frozen.
   */
  readonly frozen?: readonly Endpoint[]
  /** How its calls are carried out, where that differs from the gateway's own settings. */
  readonly settings?: CallSettings
  /** Why no endpoint will appear soon, as a condition's reason, so that calls need not wait for one; absent when one may. */
  readonly trouble?: string
}

/** How a replica ends: its time to let calls end is over, or it is gone already. */
export type ReplicaEnd = 'stopped' | 'died'

/**
 * Function → where its calls go: all that the invocation path looks at. Only the function controller writes it.
 * Reads are lookups in memory; a route is replaced whole, never changed.
 */
export class EndpointTable {
  readonly #routes = new Map<string, Route>()
  /** Key → uid of the object that was deleted; what is put for it late is ignored. */
  readonly #retired = new Map<string, string>()
  /** Key → container id → endpoint that is out until somebody has looked, or until `resume`. */
  readonly #suspended = new Map<string, Map<string, Endpoint>>()
  readonly #listeners = new Set<(key: string, route: Route | undefined) => void>()
  readonly #endListeners = new Set<(containerId: string, why: ReplicaEnd) => void>()
  readonly #completionListeners = new Set<() => void>()
  #complete = false

  /** Whether every function of the database has been looked at since the start, so that absent means unknown. */
  get isComplete(): boolean {
    return this.#complete
  }

  /** Says that the first full resync is over. */
  markComplete(): void {
    this.#complete = true
    for (const listener of this.#completionListeners) listener()
  }

  get(key: string): Route | undefined {
    return this.#routes.get(key)
  }

  /** All routes, for metrics. */
  routes(): IterableIterator<Route> {
    return this.#routes.values()
  }

  /** Replaces the route of a function and tells the listeners; no effect for an object that was retired. */
  put(route: Route): void {
    if (this.#retired.get(route.key) === route.uid) return
    this.#retired.delete(route.key)
    // Whoever hands the list on has not looked at the replicas: what is suspended may come back still.
    if (this.#routes.get(route.key)?.endpoints !== route.endpoints) this.#suspended.delete(route.key)
    this.#set(route)
  }

  /** Takes one endpoint out, if it is there, a frozen one too: its container is dead. */
  drop(key: string, containerId: string): void {
    this.pause(key, containerId)
    const route = this.#routes.get(key)
    if (route?.frozen?.some(e => e.containerId === containerId) === true) {
      this.#set({ ...route, frozen: route.frozen.filter(e => e.containerId !== containerId) })
    }
    this.end(containerId, 'died')
  }

  /** Takes one endpoint out, if it is there: its container does not run on, and may again. */
  pause(key: string, containerId: string): void {
    this.#suspended.get(key)?.delete(containerId)
    this.#takeOut(key, containerId)
  }

  /**
   * Says that a replica, which has left the table for good, is stopped now, or has died: sessions that are still open end.
   * NOTE: it changes no route, so whoever keeps a copy of the table has to pass it on as well.
   */
  end(containerId: string, why: ReplicaEnd): void {
    for (const listener of this.#endListeners) listener(containerId, why)
  }

  /** The frozen replicas of these containers take calls from now on; the others stay what they are. */
  thaw(key: string, containerIds: ReadonlySet<string>): void {
    const route = this.#routes.get(key)
    const thawed = route?.frozen?.filter(e => containerIds.has(e.containerId)) ?? []
    if (route?.frozen === undefined || thawed.length === 0) return
    const frozen = route.frozen.filter(e => !thawed.includes(e))
    this.#set({ ...route, endpoints: [...route.endpoints, ...thawed], frozen })
  }

  /** Takes one endpoint out that could not be reached, until `resume` or until the controller puts a list for which it looked. */
  suspend(key: string, containerId: string): void {
    const endpoint = this.#takeOut(key, containerId)
    if (endpoint === undefined) return
    const suspended = this.#suspended.get(key) ?? new Map<string, Endpoint>()
    this.#suspended.set(key, suspended.set(containerId, endpoint))
  }

  /** Puts back what `suspend` took out, unless somebody has looked since, or the container has died. */
  resume(key: string, containerId: string): void {
    const suspended = this.#suspended.get(key)
    const endpoint = suspended?.get(containerId)
    const route = this.#routes.get(key)
    if (endpoint === undefined || route === undefined) return
    suspended?.delete(containerId)
    this.#set({ ...route, endpoints: [...route.endpoints, endpoint] })
  }

  /**
   * Takes no more calls for an object whose deletion was asked for, also when a pass that began before still puts a
   * route for it: a new function of that name must not be answered by the old one's replicas.
   */
  retire(key: string, uid: string): void {
    this.#retired.set(key, uid)
    if (this.#routes.get(key)?.uid !== uid) return
    this.#suspended.delete(key)
    this.#routes.delete(key)
    this.#notify(key, undefined)
  }

  /** Forgets a function. */
  remove(key: string): void {
    this.#retired.delete(key)
    this.#suspended.delete(key)
    if (this.#routes.delete(key)) this.#notify(key, undefined)
  }

  /** Calls `listener` after every change, in the same tick; gives a function that ends it. */
  onChange(listener: (key: string, route: Route | undefined) => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  /** Calls `listener` when a replica ends, see `end`; gives a function that ends it. */
  onEnd(listener: (containerId: string, why: ReplicaEnd) => void): () => void {
    this.#endListeners.add(listener)
    return () => this.#endListeners.delete(listener)
  }

  /** Calls `listener` when the first full resync is over. */
  onComplete(listener: () => void): void {
    this.#completionListeners.add(listener)
  }

  #takeOut(key: string, containerId: string): Endpoint | undefined {
    const route = this.#routes.get(key)
    const endpoint = route?.endpoints.find(e => e.containerId === containerId)
    if (route === undefined || endpoint === undefined) return undefined
    this.#set({ ...route, endpoints: route.endpoints.filter(e => e !== endpoint) })
    return endpoint
  }

  #set(route: Route): void {
    this.#routes.set(route.key, route)
    this.#notify(route.key, route)
  }

  #notify(key: string, route: Route | undefined): void {
    for (const listener of this.#listeners) listener(key, route)
  }
}
