import type { RetrySettings } from '../../api/call-settings.ts'

/** What is known when an answer came that is perhaps not the last word. */
export interface RetryQuestion {
  readonly settings: RetrySettings
  readonly status: number
  /** How often the call was tried, this time among them. */
  readonly tries: number
  /** Milliseconds that the answer asks to be left alone for; undefined: it says nothing. */
  readonly retryAfterMs: number | undefined
  /** Milliseconds within which the next try has to begin. */
  readonly leftMs: number
  /** In [0, 1). */
  readonly random: number
}

/**
 * Milliseconds until the call is tried again; undefined: it is not, and its client gets the answer that there is.
 * As long as the answer asks for, else at random in [min, min·2^tries], at most max, so that calls that failed together come
 * back apart. Source: `com.openfaas.retry.*` of OpenFaaS Pro.
 */
export function retryWaitMs(question: RetryQuestion): number | undefined {
  const { settings, status, tries, leftMs } = question
  if (tries >= settings.attempts || !settings.codes.includes(status)) return undefined
  const waitMs = waitOf(question)
  return waitMs < leftMs ? waitMs : undefined
}

function waitOf({ settings, tries, retryAfterMs, random }: RetryQuestion): number {
  if (retryAfterMs !== undefined && retryAfterMs > 0) return retryAfterMs
  const { minWaitMs, maxWaitMs } = settings
  const least = Math.min(minWaitMs, maxWaitMs)
  const most = Math.min(minWaitMs * 2 ** tries, maxWaitMs)
  return least + random * (most - least)
}

const SECONDS = /^\d{1,9}$/

/** Milliseconds that a `Retry-After` asks for, at Unix milliseconds `now`; undefined when it says nothing. Source: RFC 9110 10.2.3. */
export function parseRetryAfter(value: string | undefined, now: number): number | undefined {
  if (value === undefined) return undefined
  if (SECONDS.test(value)) return Number(value) * 1000
  const at = Date.parse(value)
  return Number.isNaN(at) ? undefined : Math.max(0, at - now)
}
