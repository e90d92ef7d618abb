import type { Clock } from '../../src/clock.ts'
import { LivenessProber } from './liveness.ts'
import {
  type AskDeps,
  askOnce,
  type Outcome,
  type ProbeRequest,
  requestStatus,
  type Schedule,
  scheduleTimeout
} from './probe-request.ts'
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
import { WatchTable } from './watch-table.ts'

/** A success speaks for a replica this long. */
const FRESH_MS = 5_000
/** Nobody waits longer for a probe; one that may take more goes on in the background. */
const LONGEST_WAIT_MS = 1_000
/** So many ready replicas are asked at the same time whether they still answer. */
const CONFIRM_WIDTH = 8
/** A container that nobody asked about this long is forgotten, unless functions at rest are looked at less often. */
const MEMORY_MS = 10 * 60_000

interface Deps {
  readonly clock: Clock
  /** A replica of this key became ready or unready, or does not live, outside of a `check`. */
  readonly onChange: (key: string) => void
  readonly request?: ProbeRequest
  readonly schedule?: Schedule
  /** A container may go unasked for so long; milliseconds. */
  readonly longestRestMs?: number
}

/** One container since its last start. */
interface Watch {
  target: ProbeTarget
  readonly abort: AbortController
  readonly readiness: Readiness
  /** On the monotonic clock. */
  askedAt: number
  /** The probe under way. */
  probe?: Promise<void> | undefined
  /** Whether it was ever asked. */
  isMet: boolean
  /** Its container was paused when it was last looked at. */
  resting: boolean
  /** Set while a background probe is scheduled or under way. */
  cancel?: (() => void) | undefined
}

/** Says which replicas answer, and goes on asking those that do not, and those whose function asks for it. */
export class Prober {
  readonly #clock: Clock
  readonly #onChange: (key: string) => void
  readonly #ask: AskDeps
  readonly #liveness: LivenessProber
  readonly #watches = new WatchTable<Watch>()
  readonly #memoryMs: number
  readonly #bornAt: number
  #stopped = false

  constructor(deps: Deps) {
    const { clock, onChange, request = requestStatus, schedule = scheduleTimeout, longestRestMs = 0 } = deps
    this.#memoryMs = Math.max(MEMORY_MS, 2 * longestRestMs)
    this.#clock = clock
    this.#bornAt = clock.now()
    this.#onChange = onChange
    this.#ask = { clock, request, schedule }
    this.#liveness = new LivenessProber({ clock, onChange, request, schedule })
  }

  /**
   * Whether the replica is ready, at once or after one probe of at most a second: the first one since the container
   * started, or one that confirms an old success. What follows is probed in the background and told by `onChange`.
   */
  async check(target: ProbeTarget): Promise<ProbeResult> {
    this.#forgetOld()
    const watch = this.#watchOf(target)
    if (watch.resting) this.#resume(watch)
    if (this.#isDue(watch)) await this.#askOrWait(watch)
    this.#keepAsking(watch)
    return this.#resultOf(watch)
  }

  /** What `check` would say, for those who only look: what is known stays as it is, and nothing is begun. */
  async peek(target: ProbeTarget): Promise<ProbeResult> {
    const known = this.#watches.get(target.containerId)
    const watch = known !== undefined && isSameStart(known.target, target) ? known : this.#newWatch(target)
    if (watch !== known && this.#delayLeft(watch) === 0) {
      this.#note(watch, await this.#probeTarget(watch, LONGEST_WAIT_MS))
    }
    const liveness = this.#liveness.peek(target.containerId)
    return { ...resultOf(watch), ...(liveness === undefined ? {} : { liveness }) }
  }

  /** Asks the ready replicas of these functions again, in the background: one that does not answer is told by `onChange`. */
  confirm(keys: ReadonlySet<string>): void {
    const all = [...keys].flatMap(key => this.#watches.of(key))
    const ready = all.filter(({ readiness, resting }) => readiness.ready && !resting)
    const lanes = Array.from({ length: CONFIRM_WIDTH }, (_, lane) => ready.filter((_, n) => n % CONFIRM_WIDTH === lane))
    for (const lane of lanes) void this.#confirmAll(lane)
  }

  async #confirmAll(watches: readonly Watch[]): Promise<void> {
    for (const { target, abort } of watches) {
      if (abort.signal.aborted) continue
      const watch = this.#watchOf(target)
      if (this.#isDue(watch)) await this.#poll(watch)
    }
  }

  /** All containers of which something is known. */
  containerIds(): string[] {
    return this.#watches.ids
  }

  /** Those of which it is asked whether they live, each by a timer. */
  livenessIds(): string[] {
    return this.#liveness.containerIds()
  }

  /** Ends all work on a container and drops what is known of it; the next `check` starts anew. */
  forget(containerId: string): void {
    this.#liveness.forget(containerId)
    const watch = this.#watches.take(containerId)
    watch?.cancel?.()
    watch?.abort.abort()
  }

  /** The container is paused: it is asked nothing until the next `check`, which takes it for what it was before. */
  rest(containerId: string): void {
    this.#liveness.forget(containerId)
    const watch = this.#watches.get(containerId)
    if (watch === undefined || this.#stopped) return
    unschedule(watch)
    watch.resting = true
    this.#watchOf(watch.target)
  }

  /** The container could not be reached, for no fault of its own: that it did not say that it lives does not count. */
  pardon(containerId: string): void {
    this.#liveness.pardon(containerId)
  }

  /** A call found nobody there: the next `check` probes, however young the last success is. */
  doubt(containerId: string): void {
    const watch = this.#watches.get(containerId)
    if (watch === undefined) return
    watch.readiness.succeededAt = Number.NEGATIVE_INFINITY
    if (watch.readiness.ready && watch.readiness.failures === 0) unschedule(watch)
  }

  /** Forgets the containers of a key that are not among these. */
  prune(key: string, keep: ReadonlySet<string>): void {
    const gone = this.#watches.of(key).filter(({ target }) => !keep.has(target.containerId))
    for (const { target } of gone) this.forget(target.containerId)
  }

  /** Ends all probes and timers; a later `check` says not ready. */
  stop(): void {
    this.#stopped = true
    for (const containerId of this.#watches.ids) this.forget(containerId)
  }

  /** The watch of this start of the container, as the one that was asked about last. */
  #watchOf(target: ProbeTarget): Watch {
    const known = this.#watches.get(target.containerId)
    const watch = known !== undefined && isSameStart(known.target, target) ? known : this.#begin(target)
    // It may have waited for long.
    if (!isSameTiming(watch.target, target)) unschedule(watch)
    watch.target = target
    watch.askedAt = this.#clock.monotonic()
    if (this.#stopped) this.#watches.take(target.containerId)
    else this.#watches.put(watch)
    return watch
  }

  #begin(target: ProbeTarget): Watch {
    this.forget(target.containerId)
    return this.#newWatch(target)
  }

  #newWatch(target: ProbeTarget): Watch {
    const readiness = newReadiness(target, this.#clock.now(), this.#wasBefore(target))
    return { target, abort: new AbortController(), readiness, isMet: false, resting: false, askedAt: 0 }
  }

  #wasBefore({ startedAt }: ProbeTarget): boolean {
    return startedAt !== undefined && startedAt < this.#bornAt
  }

  #resume(watch: Watch): void {
    watch.resting = false
    resumeReadiness(watch.readiness, this.#clock.monotonic())
  }

  /** Whether nothing else is going to ask, and the last success is old. */
  #isDue({ readiness, cancel }: Watch): boolean {
    const isKnown = readiness.ready || readiness.successes === 0
    const isFresh = isKnown && this.#clock.monotonic() - readiness.succeededAt < FRESH_MS
    return !this.#stopped && cancel === undefined && !isFresh
  }

  /** Milliseconds until it may be asked for the first time. */
  #delayLeft({ target: { timing, startedAt }, isMet }: Watch): number {
    const delayMs = timing?.initialDelayMs ?? 0
    if (isMet || delayMs === 0 || startedAt === undefined) return 0
    return Math.max(0, Math.min(delayMs, startedAt + delayMs - this.#clock.now()))
  }

  async #askOrWait(watch: Watch): Promise<void> {
    const waitMs = this.#delayLeft(watch)
    if (waitMs > 0) watch.cancel = this.#ask.schedule(() => void this.#poll(watch), waitMs)
    else if (timeoutOf(watch.readiness, watch.target) > LONGEST_WAIT_MS) await this.#probeAside(watch)
    else await this.#probe(watch)
  }

  /** Waits for a probe in the background, but not to its end. */
  #probeAside(watch: Watch): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>()
    const cancel = this.#ask.schedule(resolve, LONGEST_WAIT_MS)
    watch.cancel = () => undefined
    void this.#poll(watch).finally(() => {
      cancel()
      resolve()
    })
    return promise
  }

  /** One that is ready is asked at a period, where its function asks for that. */
  #keepAsking(watch: Watch): void {
    const isWatched = watch.target.timing !== undefined && watch.readiness.ready && !watch.resting
    const isIdle = watch.cancel === undefined && watch.probe === undefined && !watch.abort.signal.aborted
    if (isWatched && isIdle && !this.#stopped) this.#again(watch)
  }

  /** One probe, also for all who ask meanwhile. */
  #probe(watch: Watch): Promise<void> {
    watch.probe ??= this.#probeOnce(watch).finally(() => {
      watch.probe = undefined
    })
    return watch.probe
  }

  /** One probe, what follows from it, and the time of the next one if there is one. */
  async #probeOnce(watch: Watch): Promise<void> {
    watch.isMet = true
    const outcome = await this.#probeTarget(watch)
    // Forgotten, paused, or started again: this answer is of another life.
    if (watch.abort.signal.aborted || watch.resting) return
    this.#note(watch, outcome)
    const isOver = outcome.kind === 'success' && watch.readiness.ready && watch.target.timing === undefined
    if (!isOver) this.#again(watch)
  }

  #note({ readiness, target }: Watch, outcome: Outcome): void {
    noteOutcome(readiness, target, outcome, { now: this.#clock.now(), monotonic: this.#clock.monotonic() })
  }

  /** Schedules the next background probe. */
  #again(watch: Watch): void {
    watch.cancel?.()
    watch.cancel = this.#ask.schedule(() => void this.#poll(watch), nextDelay(watch.readiness, watch.target))
  }

  async #poll(watch: Watch): Promise<void> {
    if (this.#clock.monotonic() - watch.askedAt > this.#memoryMs) {
      this.forget(watch.target.containerId)
      return
    }
    const before = watch.readiness.ready
    const scheduled = watch.cancel
    await this.#probe(watch)
    if (watch.abort.signal.aborted) return
    if (watch.cancel === scheduled) watch.cancel = undefined
    if (watch.readiness.ready !== before) this.#onChange(watch.target.key)
  }

  #probeTarget({ target, abort, readiness }: Watch, mostMs = Number.POSITIVE_INFINITY): Promise<Outcome> {
    const timeoutMs = Math.min(mostMs, timeoutOf(readiness, target))
    return askOnce(this.#ask, target, { timeoutMs, signal: abort.signal })
  }

  #resultOf(watch: Watch): ProbeResult {
    const { target, readiness, abort } = watch
    if (this.#stopped || abort.signal.aborted) return resultOf(watch)
    const hasAnswered = readiness.answered || this.#wasBefore(target)
    const liveness = this.#liveness.watch(target, target.liveness, hasAnswered)
    return { ...resultOf(watch), ...(liveness === undefined ? {} : { liveness }) }
  }

  #forgetOld(): void {
    const oldest = this.#clock.monotonic() - this.#memoryMs
    for (const containerId of this.#watches.askedBefore(oldest)) this.forget(containerId)
  }
}

function unschedule(watch: Watch): void {
  watch.cancel?.()
  watch.cancel = undefined
}

function resultOf({ readiness: { ready, since, answered, lastError } }: Watch): ProbeResult {
  return { ready, since, answered, ...(lastError === undefined ? {} : { lastError }) }
}

/** Another question makes what was answered worthless. */
function isSameStart(a: ProbeTarget, b: ProbeTarget): boolean {
  const isAddress = a.startedAt === b.startedAt && a.host === b.host && a.port === b.port
  return isAddress && a.path === b.path && a.isStrict === b.isStrict
}

function isSameTiming({ timing: a }: ProbeTarget, { timing: b }: ProbeTarget): boolean {
  return a === b || JSON.stringify(a) === JSON.stringify(b)
}
