/** Timers, as a dependency, so that tests own time. */
export interface Timers {
  /** Calls back once, after so many milliseconds; gives what `clear` takes. */
  readonly set: (callback: () => void, ms: number) => unknown
  readonly clear: (timer: unknown) => void
}

/** Node calls back at once, with a warning, when asked for more. */
const MAX_TIMEOUT_MS = 2 ** 31 - 1

export const systemTimers: Timers = {
  set: (callback, ms) => setTimeout(callback, Math.min(ms, MAX_TIMEOUT_MS)),
  clear: timer => clearTimeout(timer as NodeJS.Timeout)
}
