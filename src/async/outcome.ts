import { RETRY_DEFAULTS, type RetrySettings } from '../../api/call-settings.ts'
import type { DeadReason } from '../../api/invocation.ts'

/** How an attempt went. */
export interface Attempted {
  readonly status: number
  /** Why the gateway answered in place of the function; absent: the function did. */
  readonly refusal?: string
  /** What `Retry-After` asks for. */
  readonly retryAfterMs?: number
}

export interface AttemptContext {
  /** Those that were made, this one among them. */
  readonly attempts: number
  /** Absent: OpenFaaS Pro's defaults. */
  readonly retry: RetrySettings | undefined
  /** In [0, 1). */
  readonly random: number
  /** The gateway is being stopped, which ends attempts. */
  readonly isStopping: boolean
}

/** What follows. */
export type Outcome =
  | { readonly kind: 'end'; readonly reason?: DeadReason }
  | { readonly kind: 'retry'; readonly waitMs: number }
  /** As if it had not been tried: soon again. */
  | { readonly kind: 'return' }

/** A function cannot ask for more patience than this. */
const MAX_RETRY_AFTER_MS = 3_600_000
/** The function is gone, or the gateway about to be: it was not called. */
const NOT_TRIED: ReadonlySet<string> = new Set(['FunctionNotFound', 'ShuttingDown'])

/**
 * What is to be done after an attempt. Of the gateway's own answers, 429 and those from 500 on are tried again whatever the
 * function's codes are, as OpenFaaS Pro does; the others would be the same again.
 */
export function outcomeOf(
  attempted: Attempted,
  { attempts, retry = RETRY_DEFAULTS, random, isStopping }: AttemptContext
): Outcome {
  const { status, refusal, retryAfterMs = 0 } = attempted
  // Whoever stops the gateway cuts calls off, which is no failure of theirs.
  if (refusal !== undefined && (isStopping || NOT_TRIED.has(refusal))) return { kind: 'return' }
  if (!isWorthRetrying(status, refusal, retry.codes)) {
    return refusal === undefined ? { kind: 'end' } : { kind: 'end', reason: 'Refused' }
  }
  if (attempts >= retry.attempts) return { kind: 'end', reason: 'AttemptsExhausted' }
  return {
    kind: 'retry',
    waitMs: Math.max(backoffMs(attempts, retry, random), Math.min(retryAfterMs, MAX_RETRY_AFTER_MS))
  }
}

function isWorthRetrying(status: number, refusal: string | undefined, codes: readonly number[]): boolean {
  return refusal === undefined
    ? codes.includes(status)
    : status >= 500
      ? status !== 501 && status !== 508
      : status === 429
}

/** The longest that a call may have to wait for its next attempt. */
export function longestWaitMs({ minWaitMs, maxWaitMs }: Pick<RetrySettings, 'minWaitMs' | 'maxWaitMs'>): number {
  return Math.max(minWaitMs, maxWaitMs, MAX_RETRY_AFTER_MS)
}

/** Waits twice as long each time, up to the longest; each with a random part, so that calls that failed together part. */
export function backoffMs(
  attempts: number,
  { minWaitMs, maxWaitMs }: Pick<RetrySettings, 'minWaitMs' | 'maxWaitMs'>,
  random: number
): number {
  const most = Math.max(minWaitMs, maxWaitMs)
  const upper = Math.min(most, minWaitMs * 2 ** Math.min(attempts - 1, 30) * 1.5)
  const lower = Math.max(minWaitMs, (upper * 2) / 3)
  return Math.round(lower + (upper - lower) * random)
}

/** Milliseconds that `Retry-After` asks for, in seconds or as a date; undefined when it says nothing. */
export function parseRetryAfter(value: string | undefined, now: number): number | undefined {
  if (value === undefined) return undefined
  const ms = /^\d{1,9}$/.test(value.trim()) ? Number(value) * 1000 : Date.parse(value) - now
  return Number.isNaN(ms) ? undefined : Math.max(0, ms)
}
