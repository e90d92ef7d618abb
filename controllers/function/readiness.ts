import { DEFAULT_FAILURES, DEFAULT_PERIOD_MS, type HttpProbe } from '../../api/probe.ts'
import type { LivenessResult } from './liveness.ts'
import type { Outcome } from './probe-request.ts'

/** One probe may take this long, so that a pass is not held up. */
const TIMEOUT_MS = 1_000
/**
 * The first probes of a start may take less: their packets can be lost while the network of a container comes up, and
 * the kernel sends a lost one again only after a second.
 */
const FIRST_TIMEOUT_MS = 100
/**
 * Time to the first repetition of a replica that is not ready; it grows with each up to the last, so that readiness is noticed within a
 * tenth of the time that it took, and a replica that takes 10 s was asked 50 times.
 */
const FIRST_DELAY_MS = 10
const LAST_DELAY_MS = 1_000
const DELAY_GROWTH = 1.1

/** A container of which it is asked whether it is ready. */
export interface ProbeTarget extends HttpProbe {
  /** `namespace/name`. */
  readonly key: string
  readonly containerId: string
  /** Milliseconds since the epoch; another one says that the container was restarted. */
  readonly startedAt?: number
  readonly host: string
  readonly port: number
  /** What says that it lives; absent where nothing is asked for it. */
  readonly liveness?: HttpProbe
}

export interface ProbeResult {
  readonly ready: boolean
  /** Milliseconds since the epoch at which `ready` became what it is. */
  readonly since: number
  /** Whether it was ready at any time since its start. */
  readonly answered: boolean
  /** Why the last probe failed; absent when it did not. */
  readonly lastError?: string
  /** Absent where it is not asked whether it lives. */
  readonly liveness?: LivenessResult
}

/** What is known of the readiness of one container since its last start. */
export interface Readiness {
  ready: boolean
  since: number
  answered: boolean
  lastError: string | undefined
  /** On the monotonic clock; the last one. */
  succeededAt: number
  /** In a row. */
  failures: number
  successes: number
  /** Before the next background probe of one that is not ready. */
  delayMs: number
}

interface Instants {
  /** Milliseconds since the epoch. */
  readonly now: number
  /** On the monotonic clock. */
  readonly monotonic: number
}

/** Nothing is known yet. One that was there before who asks has been asked before: one success will do. */
export function newReadiness({ timing }: HttpProbe, now: number, wasBefore: boolean): Readiness {
  return {
    ready: false,
    answered: false,
    since: now,
    lastError: undefined,
    succeededAt: Number.NEGATIVE_INFINITY,
    failures: 0,
    successes: wasBefore ? (timing?.successThreshold ?? 1) - 1 : 0,
    delayMs: FIRST_DELAY_MS
  }
}

/** Takes down what came of a probe. */
export function noteOutcome(readiness: Readiness, { timing }: HttpProbe, outcome: Outcome, at: Instants): void {
  const before = readiness.ready
  if (outcome.kind === 'success') {
    readiness.successes++
    if (readiness.successes >= (timing?.successThreshold ?? 1)) readiness.ready = true
    readiness.answered ||= readiness.ready
    readiness.succeededAt = at.monotonic
    readiness.failures = 0
    readiness.delayMs = FIRST_DELAY_MS
    readiness.lastError = undefined
  } else {
    readiness.failures++
    readiness.successes = 0
    readiness.lastError = outcome.error
    // So many slow or bad answers in a row take it out: one alone says that it is busy.
    const most = timing?.failureThreshold ?? DEFAULT_FAILURES
    if (outcome.kind === 'absent' || readiness.failures >= most) readiness.ready = false
  }
  if (readiness.ready !== before) readiness.since = at.now
}

/** One that answered before it was paused does now, and one that did not is asked. */
export function resumeReadiness(readiness: Readiness, monotonic: number): void {
  readiness.failures = 0
  readiness.delayMs = FIRST_DELAY_MS
  if (readiness.ready) readiness.succeededAt = monotonic
}

/** Milliseconds to the next background probe. One that is ready is only confirmed, and so asked slowly. */
export function nextDelay(readiness: Readiness, { timing }: HttpProbe): number {
  if (timing !== undefined && (readiness.ready || readiness.successes > 0)) return timing.periodMs ?? DEFAULT_PERIOD_MS
  if (readiness.ready) return LAST_DELAY_MS
  if (timing?.periodMs !== undefined) return timing.periodMs
  const delayMs = readiness.delayMs
  readiness.delayMs = Math.min(LAST_DELAY_MS, Math.ceil(delayMs * DELAY_GROWTH))
  return delayMs
}

/** How long the next probe may take; milliseconds. */
export function timeoutOf({ answered, delayMs }: Readiness, { timing }: HttpProbe): number {
  if (timing?.timeoutMs !== undefined) return timing.timeoutMs
  // Asked again as seldom as it was said, an early probe gets its time.
  if (answered || timing?.periodMs !== undefined) return TIMEOUT_MS
  return Math.min(TIMEOUT_MS, (FIRST_TIMEOUT_MS * delayMs) / FIRST_DELAY_MS)
}
