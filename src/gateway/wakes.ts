import type { Route } from './endpoints.ts'

/**
 * Asks for functions that sleep to be woken: once for each route that was put for them, however many calls wait. So a wish
 * that came to nothing is said again when the controller has looked, and not before.
 */
export class Wakes {
  readonly #onWake: (key: string) => void
  readonly #asked = new WeakSet<Route>()
  /** Keys that were asked for and have had no endpoint since. */
  readonly #waking = new Set<string>()

  constructor(onWake: (key: string) => void) {
    this.#onWake = onWake
  }

  /** A call waits at this route. */
  ask(route: Route): void {
    if (this.#asked.has(route)) return
    this.#asked.add(route)
    this.#waking.add(route.key)
    this.#onWake(route.key)
  }

  /** Whether the function was asked for, and no endpoint of it has appeared. */
  isWaking(key: string): boolean {
    return this.#waking.has(key)
  }

  /** Notes a change of the table. */
  changed(key: string, route: Route | undefined): void {
    if (route === undefined || route.endpoints.length > 0) this.#waking.delete(key)
  }
}
