/** Ticks from one instant to another, both among them, that are not to be run again. Milliseconds since the epoch. */
export type Span = readonly [from: number, to: number]

/** What is written down of one schedule of one function. Times are milliseconds since the epoch. */
export interface ScheduleRecord {
  /** Of the function; the record goes with it. */
  readonly uid: string
  readonly schedule: string
  readonly timezone: string
  /** Sorted, and apart from each other. */
  readonly done: readonly Span[]
  /** What came until then is done, or was passed over. */
  readonly seenUntil: number
  readonly isSuspended: boolean
  /** The tick that is being handed over: whether its call is written down already is not known. */
  readonly claim?: number
  /** The last tick that was handed over, when that was, and the call that it became. */
  readonly last?: { readonly tick: number; readonly at: number; readonly call: string }
  /** Ticks that were handed over, left out as the call before had not ended, and came while nobody looked. */
  readonly runs: number
  readonly skipped: number
  readonly missed: number
}
