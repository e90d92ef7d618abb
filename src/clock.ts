/** Time, as a dependency, so that tests own it. */
export interface Clock {
  /** Milliseconds since the epoch. */
  now: () => number
  /** Milliseconds of a clock that never jumps; only differences mean something. */
  monotonic: () => number
}

export const systemClock: Clock = { now: () => Date.now(), monotonic: () => performance.now() }

/** RFC 3339 of milliseconds since the epoch. */
export function toTimestamp(ms: number): string {
  return new Date(ms).toISOString()
}
