export interface BackoffLimits {
  readonly baseMs: number
  readonly capMs: number
}

/**
 * Milliseconds to wait after the `failures`-th failure in a row (from 0): random in
 * [0, min(cap, base·2^failures)], so that keys that failed together come back apart.
 * Source: client-go DefaultTypedControllerRateLimiter for the shape; full jitter added.
 */
export function backoffMs(failures: number, { baseMs, capMs }: BackoffLimits, random: () => number): number {
  return random() * Math.min(capMs, baseMs * 2 ** failures)
}
