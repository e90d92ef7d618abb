import type { Clock } from '../../src/clock.ts'
import { type AskDeps, askOnce, type Outcome } from './probe-request.ts'
import {
  newReadiness,
  nextDelay,
  noteOutcome,
  type ProbeResult,
  type ProbeTarget,
  type Readiness,
  resumeReadiness,
  timeoutOf
} from './readiness.ts'

/** A success speaks for a replica this long. */
const FRESH_MS = 5_000
/** Nobody waits longer for a probe; one that may take more goes on in the background. */
const LONGEST_WAIT_MS = 1_000

export interface WatchDeps extends Omit<AskDeps, 'clock'> {
  readonly clock: Clock
  /** Milliseconds since the epoch; what was started before may have been asked before. */
  readonly bornAt: number
  /** A container that nobody asked about this long is forgotten. */
  readonly memoryMs: number
  readonly isStopped: () => boolean
  /** It became ready or unready in the background. */
  readonly onChange: (key: string) => void
  /** Nobody asked about it for so long. */
  readonly onForgotten: (containerId: string) => void
}

/** Asks one container, since its last start, whether it is ready. */
export class ReadinessWatch {
  readonly #deps: WatchDeps
  readonly #abort = new AbortController()
  readonly #readiness: Readiness
  readonly #wasBefore: boolean
  #target: ProbeTarget
  /** On the monotonic clock. */
  #askedAt = 0
  /** The probe under way. */
  #probe: Promise<void> | undefined
  /** Whether it was ever asked. */
  #isMet = false
  /** Its container was paused when it was last looked at. */
  #isResting = false
  /** Set while a background probe is scheduled or under way. */
  #cancel: (() => void) | undefined

  constructor(deps: WatchDeps, target: ProbeTarget) {
    this.#deps = deps
    this.#target = target
    this.#wasBefore = target.startedAt !== undefined && target.startedAt < deps.bornAt
    this.#readiness = newReadiness(target, deps.clock.now(), this.#wasBefore)
  }

  get target(): ProbeTarget {
    return this.#target
  }

  /** When somebody asked about it last, on the monotonic clock. */
  get askedAt(): number {
    return this.#askedAt
  }

  /** Whether it is ready, as far as is known, and not paused. */
  get isServing(): boolean {
    return this.#readiness.ready && !this.#isResting
  }

  get hasEnded(): boolean {
    return this.#abort.signal.aborted
  }

  /** Whether it has answered since its start, as far as can be told. */
  get hasAnswered(): boolean {
    return this.#readiness.answered || this.#wasBefore
  }

  get result(): ProbeResult {
    const { ready, since, answered, lastError } = this.#readiness
    return { ready, since, answered, ...(lastError === undefined ? {} : { lastError }) }
  }

  /** Whether the target is this very start of the container. Another question makes what was answered worthless. */
  isOf(target: ProbeTarget): boolean {
    const own = this.#target
    const isAddress = own.startedAt === target.startedAt && own.host === target.host && own.port === target.port
    return isAddress && own.path === target.path && own.isStrict === target.isStrict
  }

  /** Notes that somebody asked about it, and how it is to be asked from now on. */
  askedAbout(target: ProbeTarget): void {
    // It may have waited for long.
    if (!isSameTiming(this.#target, target)) this.#unschedule()
    this.#target = target
    this.#askedAt = this.#deps.clock.monotonic()
  }

  /** Asks where that is due, waits at most a second for the answer, and goes on in the background. */
  async check(): Promise<void> {
    if (this.#isResting) this.#resume()
    if (this.#isDue()) await this.#askOrWait()
    this.#keepAsking()
  }

  /** Asks once more where the last success is old; a change is told. */
  async confirm(): Promise<void> {
    if (this.#isDue()) await this.#poll()
  }

  /** Asks once where its initial delay is over, and begins nothing. */
  async peek(): Promise<void> {
    if (this.#delayLeft() === 0) this.#note(await this.#ask(LONGEST_WAIT_MS))
  }

  /** It is paused: it is asked nothing until the next `check`, which takes it for what it was before. */
  rest(): void {
    this.#unschedule()
    this.#isResting = true
  }

  /** The next `check` asks, however young the last success is. */
  doubt(): void {
    this.#readiness.succeededAt = Number.NEGATIVE_INFINITY
    if (this.#readiness.ready && this.#readiness.failures === 0) this.#unschedule()
  }

  /** Ends all work on it. */
  end(): void {
    this.#cancel?.()
    this.#abort.abort()
  }

  #resume(): void {
    this.#isResting = false
    resumeReadiness(this.#readiness, this.#deps.clock.monotonic())
  }

  /** Whether nothing else is going to ask, and the last success is old. */
  #isDue(): boolean {
    const { ready, successes, succeededAt } = this.#readiness
    const isKnown = ready || successes === 0
    const isFresh = isKnown && this.#deps.clock.monotonic() - succeededAt < FRESH_MS
    return !this.#deps.isStopped() && this.#cancel === undefined && !isFresh
  }

  /** Milliseconds until it may be asked for the first time. */
  #delayLeft(): number {
    const { timing, startedAt } = this.#target
    const delayMs = timing?.initialDelayMs ?? 0
    if (this.#isMet || delayMs === 0 || startedAt === undefined) return 0
    return Math.max(0, Math.min(delayMs, startedAt + delayMs - this.#deps.clock.now()))
  }

  async #askOrWait(): Promise<void> {
    const waitMs = this.#delayLeft()
    if (waitMs > 0) this.#cancel = this.#deps.schedule(() => void this.#poll(), waitMs)
    else if (timeoutOf(this.#readiness, this.#target) > LONGEST_WAIT_MS) await this.#probeAside()
    else await this.#probeShared()
  }

  /** Waits for a probe in the background, but not to its end. */
  #probeAside(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>()
    const cancel = this.#deps.schedule(resolve, LONGEST_WAIT_MS)
    this.#cancel = () => undefined
    void this.#poll().finally(() => {
      cancel()
      resolve()
    })
    return promise
  }

  /** One that is ready is asked at a period, where its function asks for that. */
  #keepAsking(): void {
    const isWatched = this.#target.timing !== undefined && this.isServing
    const isIdle = this.#cancel === undefined && this.#probe === undefined && !this.hasEnded
    if (isWatched && isIdle && !this.#deps.isStopped()) this.#again()
  }

  /** One probe, also for all who ask meanwhile. */
  #probeShared(): Promise<void> {
    this.#probe ??= this.#probeOnce().finally(() => {
      this.#probe = undefined
    })
    return this.#probe
  }

  /** One probe, what follows from it, and the time of the next one if there is one. */
  async #probeOnce(): Promise<void> {
    this.#isMet = true
    const outcome = await this.#ask()
    // Forgotten, paused, or started again: this answer is of another life.
    if (this.hasEnded || this.#isResting) return
    this.#note(outcome)
    const isOver = outcome.kind === 'success' && this.#readiness.ready && this.#target.timing === undefined
    if (!isOver) this.#again()
  }

  #note(outcome: Outcome): void {
    const { clock } = this.#deps
    noteOutcome(this.#readiness, this.#target, outcome, { now: clock.now(), monotonic: clock.monotonic() })
  }

  /** Schedules the next background probe. */
  #again(): void {
    this.#cancel?.()
    this.#cancel = this.#deps.schedule(() => void this.#poll(), nextDelay(this.#readiness, this.#target))
  }

  async #poll(): Promise<void> {
    const { clock, memoryMs, onChange, onForgotten } = this.#deps
    if (clock.monotonic() - this.#askedAt > memoryMs) {
      onForgotten(this.#target.containerId)
      return
    }
    const before = this.#readiness.ready
    const scheduled = this.#cancel
    await this.#probeShared()
    if (this.hasEnded) return
    if (this.#cancel === scheduled) this.#cancel = undefined
    if (this.#readiness.ready !== before) onChange(this.#target.key)
  }

  #ask(mostMs = Number.POSITIVE_INFINITY): Promise<Outcome> {
    const timeoutMs = Math.min(mostMs, timeoutOf(this.#readiness, this.#target))
    return askOnce(this.#deps, this.#target, { timeoutMs, signal: this.#abort.signal })
  }

  #unschedule(): void {
    this.#cancel?.()
    this.#cancel = undefined
  }
}

function isSameTiming({ timing: a }: ProbeTarget, { timing: b }: ProbeTarget): boolean {
  return a === b || JSON.stringify(a) === JSON.stringify(b)
}
