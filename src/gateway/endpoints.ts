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
  /** Why no endpoint will appear soon, as a condition's reason, so that calls need not wait for one; absent when one may. */
  readonly trouble?: string
}

/**
 * Function → where its calls go: all that the invocation path looks at. Only the function controller writes it.
 * Reads are lookups in memory; a route is replaced whole, never changed.
 */
export class EndpointTable {
  readonly #routes = new Map<string, Route>()
  /** Key → uid of the object that was deleted; what is put for it late is ignored. */
  readonly #retired = new Map<string, string>()
  readonly #listeners = new Set<(key: string, route: Route | undefined) => void>()
  #complete = false

  /** Whether every function of the database has been looked at since the start, so that absent means unknown. */
  get isComplete(): boolean {
    return this.#complete
  }

  /** Says that the first full resync is over. */
  markComplete(): void {
    this.#complete = true
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
    this.#routes.set(route.key, route)
    this.#notify(route.key, route)
  }

  /** Takes one endpoint out, if it is there: its container is dead or about to be stopped. */
  drop(key: string, containerId: string): void {
    const route = this.#routes.get(key)
    if (route === undefined || !route.endpoints.some(e => e.containerId === containerId)) return
    this.put({ ...route, endpoints: route.endpoints.filter(e => e.containerId !== containerId) })
  }

  /**
   * Takes no more calls for an object whose deletion was asked for, also when a pass that began before still puts a
   * route for it: a new function of that name must not be answered by the old one's replicas.
   */
  retire(key: string, uid: string): void {
    this.#retired.set(key, uid)
    if (this.#routes.get(key)?.uid !== uid) return
    this.#routes.delete(key)
    this.#notify(key, undefined)
  }

  /** Forgets a function. */
  remove(key: string): void {
    this.#retired.delete(key)
    if (this.#routes.delete(key)) this.#notify(key, undefined)
  }

  /** Calls `listener` after every change, in the same tick; gives a function that ends it. */
  onChange(listener: (key: string, route: Route | undefined) => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  #notify(key: string, route: Route | undefined): void {
    for (const listener of this.#listeners) listener(key, route)
  }
}
