/** How long calls may take for what, in milliseconds. */
export interface CallPeriods {
  /** Without a byte in either direction. */
  readonly idleMs: number
  /** The same, until the first byte of the answer. */
  readonly firstByteMs: number
  /** From start to end; absent: for ever. */
  readonly totalMs?: number | undefined
  /** A client that is waited for may send next to nothing of its body for so long. */
  readonly readMs: number
}

/** The same in ticks. */
export interface Pace {
  readonly tickMs: number
  readonly idle: number
  readonly firstByte: number
  readonly total: number
  readonly read: number
}

/** The shortest time has at least so many ticks: it ends up to a tenth late. */
const TICKS = 10
/** A finer clock costs more than it tells. */
const MIN_TICK_MS = 8

/**
 * The pace for these times, with a tick of 2^n milliseconds, so that many functions share few clocks. One clock for many calls
 * and not a timer for each, as a process that stood still skips ticks: answers that came meanwhile are read before anybody's
 * time is over. It is no faster (hack/bench/data-plane.ts).
 */
export function paceOf({ idleMs, firstByteMs, totalMs, readMs }: CallPeriods): Pace {
  const shortest = Math.min(idleMs, firstByteMs, totalMs ?? Infinity, readMs)
  const tickMs = Math.max(MIN_TICK_MS, 2 ** Math.floor(Math.log2(shortest / TICKS)))
  const ticks = (ms: number) => Math.ceil(ms / tickMs)
  return {
    tickMs,
    idle: ticks(idleMs),
    firstByte: ticks(firstByteMs),
    total: totalMs === undefined ? Infinity : ticks(totalMs),
    read: ticks(readMs)
  }
}
