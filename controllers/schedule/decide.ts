import type { ScheduleRecord } from '../../api/schedule-record.ts'
import { doneUntil, withSpan } from './spans.ts'

/** The ticks of a schedule after an instant, in order. */
export type Ticks = (from: number) => Iterable<number>

/** What is wanted of one schedule. */
export interface ScheduleRules {
  readonly ticks: Ticks
  /** So long after its time a tick is handed over. */
  readonly delayMs: number
  /** A tick that is later than this is not run. */
  readonly catchUpMs: number
  readonly concurrency: 'allow' | 'forbid'
  readonly isSuspended: boolean
}

/** What there is to be known when it is decided. */
export interface Sight {
  readonly now: number
  /** Whether the call of the tick before waits or runs still. */
  readonly isFormerActive: boolean
}

/** Ticks that are due together: only the last of them counts. */
export interface DueTicks {
  readonly first: number
  readonly last: number
  /** More than `MAX_COUNTED` are not counted. */
  readonly count: number
}

export type Decision =
  /** Nothing is to be done before `at`; absent: before something changes. */
  | { readonly kind: 'wait'; readonly at?: number }
  /** Nothing is to be done but to write that down; then it is to be decided again. */
  | { readonly kind: 'note'; readonly record: ScheduleRecord; readonly setBackMs?: number }
  /** The call of `record.claim` is to be handed over, now or, if nobody knows whether it was, again. */
  | { readonly kind: 'run'; readonly record: ScheduleRecord; readonly due: DueTicks }
  | { readonly kind: 'skip'; readonly record: ScheduleRecord; readonly due: DueTicks }
  | { readonly kind: 'miss'; readonly record: ScheduleRecord; readonly due: DueTicks }

/** Ticks that are counted when they were missed. */
export const MAX_COUNTED = 1000
const FIRST_WINDOW_MS = 60_000

/** A schedule that is met for the first time: what was before is none of its. Pure. */
export function begin(key: Pick<ScheduleRecord, 'uid' | 'schedule' | 'timezone'>, now: number): ScheduleRecord {
  return { ...key, done: [[now, now]], seenAt: now, isSuspended: false, runs: 0, skipped: 0, missed: 0 }
}

/** What is to be done about one schedule. `record.claim` must have been handed over before. Pure. */
export function decide(record: ScheduleRecord, rules: ScheduleRules, { now, isFormerActive }: Sight): Decision {
  const limit = now - rules.delayMs
  if (now < record.seenAt) return setBack(record, limit, now)
  if (record.isSuspended && !rules.isSuspended) {
    return { kind: 'note', record: { ...doneBy(record, limit, now), isSuspended: false } }
  }
  if (rules.isSuspended) {
    return record.isSuspended
      ? { kind: 'wait' }
      : { kind: 'note', record: { ...record, isSuspended: true, seenAt: now } }
  }
  const from = doneUntil(record.done, limit)
  // The clock shows a time before all that is known, though it was never seen to be set back.
  if (from === undefined) return { kind: 'note', record: doneBy(record, limit, now) }
  const due = dueTicks(rules.ticks, from, limit)
  if (due === undefined) {
    const next = nextOf(record, rules, now)
    return { kind: 'wait', ...(next === undefined ? {} : { at: next + rules.delayMs }) }
  }
  return take(record, rules, { due, from, now, isFormerActive })
}

/** The next tick that is to be run, as far as is known now. Pure. */
export function nextOf(
  record: ScheduleRecord,
  { ticks, delayMs, isSuspended }: ScheduleRules,
  now: number
): number | undefined {
  if (isSuspended) return undefined
  let from = doneUntil(record.done, now - delayMs) ?? now - delayMs
  for (;;) {
    const next = firstOf(ticks(from))
    const span = next === undefined ? undefined : record.done.find(([start, end]) => start <= next && next <= end)
    if (span === undefined) return next
    from = span[1]
  }
}

/** The claim was handed over, as the call with this id. Pure. */
export function handedOver({ claim, ...record }: ScheduleRecord, call: string, now: number): ScheduleRecord {
  if (claim === undefined) return record
  return { ...record, last: { tick: claim, at: now, call }, runs: record.runs + 1 }
}

/** Nobody will ever hand the claim over. Pure. */
export function givenUp({ claim: _gone, ...record }: ScheduleRecord): ScheduleRecord {
  return record
}

/** What was run already is not run again, what was passed over is not made up again, and what is still to come is run. */
function setBack(record: ScheduleRecord, limit: number, now: number): Decision {
  return { kind: 'note', record: doneBy(record, limit, now), setBackMs: record.seenAt - now }
}

function doneBy(record: ScheduleRecord, limit: number, now: number): ScheduleRecord {
  const until = doneUntil(record.done, limit) ?? limit
  const done = until > limit ? record.done : withSpan(record.done, [until, limit])
  return { ...record, done, seenAt: now }
}

interface Taking extends Sight {
  readonly due: DueTicks
  readonly from: number
}

function take(record: ScheduleRecord, rules: ScheduleRules, { due, from, now, isFormerActive }: Taking): Decision {
  const { first, last, count } = due
  // What lies between is not done: should the clock be set back into it, it is run.
  const done = withSpan(record.done, count === 1 ? [from, last] : [last, last])
  const missed = record.missed + count - 1
  const next = { ...record, done, seenAt: now, missed }
  if (now - rules.delayMs - last > rules.catchUpMs)
    return { kind: 'miss', record: { ...next, missed: missed + 1 }, due }
  if (rules.concurrency === 'forbid' && isFormerActive) {
    return { kind: 'skip', record: { ...next, skipped: record.skipped + 1 }, due }
  }
  return { kind: 'run', record: { ...next, claim: last }, due: { first, last, count } }
}

/** The ticks in (from, limit]; undefined when there is none. */
function dueTicks(ticks: Ticks, from: number, limit: number): DueTicks | undefined {
  let first: number | undefined
  let last = from
  let count = 0
  for (const tick of ticks(from)) {
    if (tick > limit) break
    if (count === MAX_COUNTED) return { first: first ?? tick, last: lastUntil(ticks, last, limit), count }
    first ??= tick
    last = tick
    count++
  }
  return first === undefined ? undefined : { first, last, count }
}

/** The last of the ticks that are too many to be counted. */
function lastUntil(ticks: Ticks, from: number, limit: number): number {
  for (let window = FIRST_WINDOW_MS; ; window *= 2) {
    const start = Math.max(from, limit - window)
    let last: number | undefined
    for (const tick of ticks(start)) {
      if (tick > limit) break
      last = tick
    }
    if (last !== undefined) return last
    if (start === from) return from
  }
}

function firstOf(ticks: Iterable<number>): number | undefined {
  for (const tick of ticks) return tick
  return undefined
}
