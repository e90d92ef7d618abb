import { setTimeout as sleep } from 'node:timers/promises'
import { EngineError } from './faults.ts'

/** An event as far as it tells one from another. */
export interface EventMark {
  /** Of the engine's clock; what JSON makes of it is less exact, and the same each time. */
  readonly timeNano?: number
  readonly Action?: string
  readonly Actor?: { readonly ID?: string }
}

export interface EventAuditDeps {
  /** The events between two instants of the engine's clock, in seconds since the epoch, as far as it remembers them. */
  readonly recall: (since: number, until: number) => Promise<readonly EventMark[]>
  /** The stream has lost something: told once. */
  readonly onMissed: (err: MissedEventsError) => void
  /** How far the engine's clock is ahead of ours, in milliseconds. */
  readonly aheadMs: number
  readonly now?: () => number
  readonly wait?: (ms: number, signal: AbortSignal) => Promise<unknown>
}

/** Events were lost of a stream that looks well. */
export class MissedEventsError extends EngineError {
  override name = 'MissedEventsError'
  constructor(message: string) {
    super('events', 'unavailable', message, { isEngineThere: true })
  }
}

const PERIOD_MS = 10_000
/** The engine remembers 256 (moby: `eventsLimit`), so that it is asked before it forgets what it should vouch for. */
const REMEMBERED = 256
const BUSY = REMEMBERED / 2
/** For what is on its way; what has not come after the second time is lost. */
const LATE_MS = [500, 1500]
/** What the whole seconds hide that an engine tells its clock in; what happens so early, the watcher's second look finds. */
const SETTLE_MS = 1000

/**
 * Compares what a stream of events has delivered with what the engine remembers, from time to time. A connection that is
 * open and silent, and one of which the engine dropped events as it was read too slowly, cannot be told otherwise from a
 * quiet one. Source: moby, `daemon/events`: a full channel of 1,024 loses what comes next without a word.
 */
export class EventAudit {
  readonly #deps: EventAuditDeps
  readonly #stopped = new AbortController()
  readonly #wait: NonNullable<EventAuditDeps['wait']>
  /** Those of the time since the last comparison, and of the time before it. */
  #seen = new Set<string>()
  #seenBefore = new Set<string>()
  /** How many came since the last comparison began. */
  #fresh = 0
  #soon = new AbortController()

  constructor(deps: EventAuditDeps) {
    this.#deps = deps
    this.#wait = deps.wait ?? ((ms, signal) => sleep(ms, undefined, { signal }))
  }

  /** Notes what the stream delivered. */
  delivered(event: EventMark): void {
    this.#seen.add(markOf(event))
    this.#fresh++
    if (this.#fresh >= BUSY) this.#soon.abort()
  }

  /** Ends, by returning, when it is stopped or something was missed. */
  async run(): Promise<void> {
    const { signal } = this.#stopped
    let since = this.#engineNow() + SETTLE_MS
    while (!signal.aborted) {
      this.#soon = new AbortController()
      if (this.#fresh >= BUSY) this.#soon.abort()
      await this.#pause(PERIOD_MS, AbortSignal.any([signal, this.#soon.signal]))
      const until = this.#engineNow()
      // The clock went back.
      if (until < since - SETTLE_MS) since = until
      if (signal.aborted || until <= since) continue
      this.#fresh = 0
      const missed = await this.#missed(since, until)
      if (signal.aborted) continue
      if (missed !== '') return this.#deps.onMissed(new MissedEventsError(missed))
      since = until
      this.#seenBefore = this.#seen
      this.#seen = new Set()
    }
  }

  stop(): void {
    this.#stopped.abort()
  }

  /** What was missed; empty when nothing was, or when the engine does not say. */
  async #missed(since: number, until: number): Promise<string> {
    let events: readonly EventMark[]
    try {
      events = await this.#deps.recall(since / 1000, until / 1000)
    } catch (err) {
      if (err instanceof EngineError) return '' // the heartbeat tells of that
      throw err
    }
    if (events.length >= REMEMBERED) return 'more events came than the engine remembers'
    for (const ms of LATE_MS) {
      if (this.#lost(events) === 0) return ''
      await this.#pause(ms, this.#stopped.signal)
    }
    const lost = this.#lost(events)
    return lost === 0 ? '' : `the stream of events lost ${lost} of ${events.length} that the engine remembers`
  }

  #lost(events: readonly EventMark[]): number {
    return events.filter(event => !this.#seen.has(markOf(event)) && !this.#seenBefore.has(markOf(event))).length
  }

  #engineNow(): number {
    return (this.#deps.now ?? Date.now)() + this.#deps.aheadMs
  }

  async #pause(ms: number, signal: AbortSignal): Promise<void> {
    try {
      await this.#wait(ms, signal)
    } catch (err) {
      if (!signal.aborted) throw err
    }
  }
}

function markOf({ timeNano, Action: action, Actor: actor }: EventMark): string {
  return `${timeNano} ${action} ${actor?.ID}`
}
