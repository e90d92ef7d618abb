/** What knows where it stands among the others; that number is theirs to write. */
export interface Placed {
  place: number
}

/**
 * Those that have not ended, in no order. NOTE: a `Set` into which each call goes, and out of it, is outgrown all the time; the
 * tables that V8 leaves behind hold what was in them, and each holds the next one: a third of what calls had allocated outlived
 * them, until a collection of the old generation.
 */
export class ActiveCalls<T extends Placed> {
  readonly #calls: T[] = []

  get size(): number {
    return this.#calls.length
  }

  add(call: T): void {
    call.place = this.#calls.length
    this.#calls.push(call)
  }

  /** No effect when it is not there. */
  delete(call: T): void {
    const { place } = call
    if (this.#calls[place] !== call) return
    const last = this.#calls.pop()
    if (last === undefined || last === call) return
    last.place = place
    this.#calls[place] = last
  }

  /** Those that are there now; they may be deleted meanwhile. */
  list(): readonly T[] {
    return [...this.#calls]
  }
}
