import type { Installation } from './installation.ts'
import { type Interrupted, interruptAt, type Scenario } from './scenario.ts'

/** Where a chain of scenarios is played. */
export interface Stage {
  readonly on: Installation
  readonly close: () => Promise<void>
}

/** Scenarios that follow one another on one installation, so that none needs to be set up. */
export interface Chain {
  readonly scenarios: readonly Scenario[]
  readonly open: () => Promise<Stage>
  /** Whether the last scenario leaves everything as it was before the first one. */
  readonly isRound: boolean
}

/** What came of one scenario. */
export interface Outcome {
  /** How many places there are; all of them were tried. */
  places: number
  /** What the places are, by their number, for who replays one. */
  names: readonly string[]
  readonly failures: string[]
}

export interface SweepOptions {
  /** How many installations are at it side by side. */
  readonly lanes: number
  /** Only this place of this scenario, instead of all of them. */
  readonly only?: { readonly scenario: string; readonly place: number } | undefined
}

/** Nobody reads more failures of one scenario than this. */
const MAX_FAILURES = 3

/** Tries every place of every scenario: the 1st, the 2nd, … until a run ends without having come to the n-th. */
export class Sweep {
  readonly outcomes = new Map<string, Outcome>()
  readonly #chain: Chain
  readonly #options: SweepOptions
  /** Scenarios with places left → the place to try next. */
  readonly #next = new Map<string, number>()

  constructor(chain: Chain, options: SweepOptions) {
    this.#chain = chain
    this.#options = options
    for (const { title } of chain.scenarios) {
      this.outcomes.set(title, { places: 0, names: [], failures: [] })
      if (options.only === undefined || options.only.scenario === title) this.#next.set(title, options.only?.place ?? 1)
    }
  }

  async run(): Promise<void> {
    const lanes = this.#options.only === undefined ? this.#options.lanes : 1
    await Promise.all(Array.from({ length: lanes }, () => this.#lane()))
  }

  async #lane(): Promise<void> {
    while (this.#next.size > 0) {
      const stage = await this.#chain.open()
      try {
        let isFine = true
        do isFine = await this.#round(stage.on)
        while (isFine && this.#chain.isRound && this.#next.size > 0)
      } finally {
        await stage.close()
      }
    }
  }

  /** Every scenario once, interrupted at its next place if it has any left. Whether the stage can be used again. */
  async #round(on: Installation): Promise<boolean> {
    for (const scenario of this.#chain.scenarios) {
      const place = this.#take(scenario.title)
      try {
        this.#note(scenario.title, place, await interruptAt(place, scenario, on))
      } catch (err) {
        this.#fail(scenario.title, place, `${on.stops.places.at(-1)}: ${(err as Error).message}\n${tailOf(on)}`)
        return false
      }
      if (this.#next.size === 0) return true
    }
    return true
  }

  /** The place to try; 0 when all were. */
  #take(title: string): number {
    const place = this.#next.get(title) ?? 0
    if (this.#options.only !== undefined) this.#next.delete(title)
    else if (place > 0) this.#next.set(title, place + 1)
    return place
  }

  #note(title: string, place: number, { wasReached, places }: Interrupted): void {
    const outcome = this.outcomes.get(title)
    if (outcome === undefined || place === 0) return
    if (places.length > outcome.names.length) outcome.names = places
    if (wasReached) outcome.places = Math.max(outcome.places, place)
    else this.#next.delete(title)
  }

  #fail(title: string, place: number, message: string): void {
    const failures = this.outcomes.get(title)?.failures ?? []
    failures.push(`SCENARIO='${title}' POINT=${place} ${message}`)
    if (failures.length >= MAX_FAILURES || place === 0) this.#next.delete(title)
  }
}

/** The end of what the process logged. */
function tailOf(on: Installation): string {
  return on.process.log
    .slice(-12)
    .map(line => `    ${JSON.stringify(line)}`)
    .join('\n')
}
