import { setTimeout as sleep } from 'node:timers/promises'
import type { Engine } from './engine.ts'
import { faultOf } from './faults.ts'

export interface HeartbeatDeps {
  readonly engine: Pick<Engine, 'ping'>
  /** Told of each beat that was answered, with how far the engine's clock is ahead of ours when the answer tells. */
  readonly onAnswer: (aheadMs: number | undefined) => void
  /** Told of each beat that was not answered, with what it ended with. */
  readonly onMiss: (err: unknown) => void
  /** Milliseconds of a clock that never jumps. */
  readonly monotonic?: () => number
  /** Ends early, by rejecting, when the signal aborts. */
  readonly wait?: (ms: number, signal: AbortSignal) => Promise<unknown>
}

/** From one beat to the next. */
export const BEAT_MS = 750
/**
 * How long an answer may take: more than the 2 s by which an engine under load is late. Together with the time between
 * beats it leaves a second and a half for the statuses to say so within 5 s.
 */
export const PING_MS = 2700
/** An engine that is away is asked more often, as that costs it nothing. */
const AWAY_MS = 500
/** A beat that took so long was held up by this process: its answer may have come and not been read. */
const STALLED_MS = PING_MS + 500

/**
 * Asks the engine again and again whether it is there, so that a socket that is open and silent is noticed though
 * nobody else asks, and its return without anybody trying.
 */
export class Heartbeat {
  readonly #deps: HeartbeatDeps
  readonly #wait: NonNullable<HeartbeatDeps['wait']>
  readonly #stopped = new AbortController()
  readonly #first = Promise.withResolvers<void>()
  #pause = new AbortController()
  #running: Promise<void> | undefined

  constructor(deps: HeartbeatDeps) {
    this.#deps = deps
    this.#wait = deps.wait ?? ((ms, signal) => sleep(ms, undefined, { signal }))
  }

  /** Done when the first beat has ended, so that it is known from then on how the engine is. */
  async start(): Promise<void> {
    this.#running ??= this.#run(this.#stopped.signal)
    await this.#first.promise
  }

  /** Asks now: something else was not answered. */
  doubt(): void {
    this.#pause.abort()
  }

  async stop(): Promise<void> {
    this.#stopped.abort()
    await this.#running
  }

  async #run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const isAnswered = await this.#beat(signal)
      this.#first.resolve()
      if (isAnswered === undefined || signal.aborted) continue
      this.#pause = new AbortController()
      try {
        await this.#wait(isAnswered ? BEAT_MS : AWAY_MS, AbortSignal.any([signal, this.#pause.signal]))
      } catch (err) {
        if (!signal.aborted && !this.#pause.signal.aborted) throw err
      }
    }
  }

  /** Whether it was answered; undefined when that cannot be known. */
  async #beat(signal: AbortSignal): Promise<boolean | undefined> {
    const { engine, onAnswer, onMiss, monotonic = () => performance.now() } = this.#deps
    const started = monotonic()
    try {
      onAnswer(await engine.ping(signal))
      return true
    } catch (err) {
      if (signal.aborted) return undefined
      const fault = faultOf(err)
      if (fault === 'timeout' && monotonic() - started >= STALLED_MS) return undefined
      const isMissed = fault === 'timeout' || fault === 'unavailable'
      // A refusal, such as that of a proxy before the engine, is an answer as well.
      if (isMissed) onMiss(err)
      else onAnswer(undefined)
      return !isMissed
    }
  }
}
