import { setTimeout as sleep } from 'node:timers/promises'
import type { Engine, EngineEvent } from './engine.ts'
import { MissedEventsError } from './event-audit.ts'

export interface EngineWatcherDeps {
  readonly engine: Pick<Engine, 'watch'>
  /** Events may have been lost: everything is to be looked at. */
  readonly onConnected: () => void
  readonly onEvent: (event: Exclude<EngineEvent, { readonly kind: 'connected' }>) => void
  readonly onDisconnected: (err: unknown) => void
  /** From 0 to below 1. */
  readonly random?: () => number
  /** Milliseconds of a clock that never jumps. */
  readonly monotonic?: () => number
  /** Ends early, by rejecting, when the signal aborts. */
  readonly wait?: (ms: number, signal: AbortSignal) => Promise<unknown>
}

const BASE_MS = 500
const CAP_MS = 30_000

/** Time within which an engine has subscribed after it answered. */
const SETTLE_MS = 1000

/**
 * Keeps a stream of the engine's events open, for ever: connects again with full jitter in a growing time, at most
 * 30 s. What the stream itself has lost, a connection that is half open among it, the engine's `watch` finds out.
 */
export class EngineWatcher {
  readonly #deps: EngineWatcherDeps
  readonly #wait: NonNullable<EngineWatcherDeps['wait']>
  #connected = false
  #round = new AbortController()

  constructor(deps: EngineWatcherDeps) {
    this.#deps = deps
    this.#wait = deps.wait ?? ((ms, signal) => sleep(ms, undefined, { signal }))
  }

  get connected(): boolean {
    return this.#connected
  }

  /** Connects anew, at once: the connection may be dead without showing it, or the time until the next try be long. */
  reconnect(): void {
    this.#round.abort()
  }

  /** Ends, by returning, when the signal aborts and not before. */
  async run(signal: AbortSignal): Promise<void> {
    const { random = Math.random, monotonic = () => performance.now() } = this.#deps
    let failures = 0
    while (!signal.aborted) {
      this.#round = new AbortController()
      const round = AbortSignal.any([signal, this.#round.signal])
      const started = monotonic()
      const ending = await this.#listen(round)
      // An engine that takes connections and drops them at once is not well; one whose stream lost events is.
      const isWell = ending instanceof MissedEventsError || monotonic() - started >= CAP_MS
      failures = isWell ? 0 : failures + 1
      const limit = Math.min(CAP_MS, BASE_MS * 2 ** Math.min(failures, 10))
      if (!round.aborted) await this.#pause(random() * limit, round)
      if (round.aborted) failures = 0
    }
  }

  /** One connection, from its beginning to its end; gives what it ended with. */
  async #listen(signal: AbortSignal): Promise<unknown> {
    const ended = new AbortController()
    try {
      for await (const event of this.#deps.engine.watch(signal)) {
        if (event.kind === 'connected') this.#onConnected(AbortSignal.any([signal, ended.signal]))
        else this.#deps.onEvent(event)
      }
    } catch (err) {
      this.#connected = false
      if (!signal.aborted) this.#deps.onDisconnected(err)
      return err
    } finally {
      this.#connected = false
      ended.abort()
    }
    return undefined
  }

  /**
   * Told twice. The engine answers before it subscribes (moby: `getEvents` flushes the headers, then
   * `SubscribeToEvents`), so that a change between our look and its subscribing is neither seen nor told; the second
   * look, when it has subscribed for certain, finds it. Waiting and looking once would leave the first second blind.
   */
  #onConnected(signal: AbortSignal): void {
    this.#connected = true
    this.#deps.onConnected()
    void this.#pause(SETTLE_MS, signal).then(() => {
      if (!signal.aborted) this.#deps.onConnected()
    })
  }

  async #pause(ms: number, signal: AbortSignal): Promise<void> {
    try {
      await this.#wait(ms, signal)
    } catch (err) {
      if (!signal.aborted) throw err
    }
  }
}
