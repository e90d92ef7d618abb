import type { Clock } from '../../src/clock.ts'
import type { Timers } from '../../src/runtime/timers.ts'

interface Timer {
  readonly dueAt: number
  readonly callback: () => void
}

/** A clock and timers that stand still until they are told to go on. Both know whole milliseconds only, as Node's and Docker's do. */
export class ManualTime implements Clock, Timers {
  readonly #timers = new Map<number, Timer>()
  #nowMs = 1_000_000
  #lastId = 0

  readonly now = (): number => this.#nowMs
  readonly monotonic = (): number => this.#nowMs

  readonly set = (callback: () => void, ms: number): number => {
    this.#timers.set(++this.#lastId, { dueAt: this.#nowMs + Math.ceil(ms), callback })
    return this.#lastId
  }

  readonly clear = (timer: unknown): void => {
    this.#timers.delete(timer as number)
  }

  /** Timers that wait. */
  get pending(): number {
    return this.#timers.size
  }

  /** Goes on by so many milliseconds: each timer that comes due is called at its time, and what it sets off may settle. */
  async advance(ms: number): Promise<void> {
    const until = this.#nowMs + ms
    await settle()
    for (let next = this.#nextDue(until); next !== undefined; next = this.#nextDue(until)) {
      const [id, timer] = next
      this.#nowMs = Math.max(this.#nowMs, timer.dueAt)
      this.#timers.delete(id)
      timer.callback()
      await settle()
    }
    this.#nowMs = until
  }

  /** Time goes on and no timer is called: the process did not get to run. */
  stall(ms: number): void {
    this.#nowMs += ms
  }

  #nextDue(until: number): [number, Timer] | undefined {
    let next: [number, Timer] | undefined
    // In the order of their ids, so that of those that are due together the first one wins.
    for (const entry of this.#timers) {
      if (entry[1].dueAt <= until && (next === undefined || entry[1].dueAt < next[1].dueAt)) next = entry
    }
    return next
  }
}

/** Lets everything that only waits for promises go as far as it can. */
export async function settle(): Promise<void> {
  await new Promise(resolve => setImmediate(resolve))
}
