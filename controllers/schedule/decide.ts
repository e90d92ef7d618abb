import type { Ticks } from '../../api/cron.ts'
import type { ScheduleRecord, Span } from '../../api/schedule-record.ts'
import { doneUntil, withSpan } from './spans.ts'

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
export function begin(
  key: Pick<ScheduleRecord, 'uid' | 'schedule' | 'timezone'>,
  { now, delayMs }: { readonly now: number; readonly delayMs: number }
): ScheduleRecord {
  const seenUntil = now - delayMs
  return { ...key, done: [[seenUntil, now]], seenUntil, isSuspended: false, runs: 0, skipped: 0, missed: 0 }
}

/** What is to be done about one schedule. `record.claim` must have been handed over before. Pure. */
export function decide(record: ScheduleRecord, rules: ScheduleRules, { now, isFormerActive }: Sight): Decision {
  const limit = now - rules.delayMs
  // What was passed over is not made up for a second time, and what is still to come is run.
  if (limit < record.seenUntil) {
    return { kind: 'note', record: { ...record, seenUntil: limit }, setBackMs: record.seenUntil - limit }
  }
  if (record.isSuspended && !rules.isSuspended) {
    return { kind: 'note', record: { ...record, seenUntil: limit, isSuspended: false } }
  }
  if (rules.isSuspended) {
    return record.isSuspended ? { kind: 'wait' } : { kind: 'note', record: { ...record, isSuspended: true } }
  }
  const due = dueTicks(undone(rules.ticks, record.done), record.seenUntil, limit)
  if (due !== undefined) return take(record, rules, { due, now, isFormerActive })
  const next = nextOf(record, rules, now)
  return { kind: 'wait', ...(next === undefined ? {} : { at: next + rules.delayMs }) }
}

/** The next tick that is to be run, as far as is known now. Pure. */
export function nextOf(
  { done, seenUntil }: ScheduleRecord,
  { ticks, delayMs, isSuspended }: ScheduleRules,
  now: number
): number | undefined {
  return isSuspended ? undefined : firstOf(undone(ticks, done)(Math.min(seenUntil, now - delayMs)))
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

interface Taking extends Sight {
  readonly due: DueTicks
}

function take(record: ScheduleRecord, rules: ScheduleRules, { due, now, isFormerActive }: Taking): Decision {
  const { last, count } = due
  const limit = now - rules.delayMs
  const next = { ...record, seenUntil: limit, missed: record.missed + count - 1 }
  if (limit - last > rules.catchUpMs) return { kind: 'miss', record: { ...next, missed: next.missed + 1 }, due }
  const done = withTick(record.done, rules.ticks, last)
  if (rules.concurrency === 'forbid' && isFormerActive) {
    return { kind: 'skip', record: { ...next, done, skipped: record.skipped + 1 }, due }
  }
  return { kind: 'run', record: { ...next, done, claim: last }, due }
}

/** The spans with a tick in them, which becomes one with the span before it when no tick lies between. */
function withTick(done: readonly Span[], ticks: Ticks, tick: number): Span[] {
  const before = doneUntil(done, tick)
  const isNext = before !== undefined && firstOf(ticks(before)) === tick
  return withSpan(done, [isNext ? before : tick, tick])
}

/** The ticks that are not done. */
function undone(ticks: Ticks, done: readonly Span[]): Ticks {
  return function* (from) {
    for (let start: number | undefined = from; start !== undefined; ) {
      const first: number = start
      start = undefined
      for (const tick of ticks(first)) {
        start = done.find(([begins, ends]) => begins <= tick && tick <= ends)?.[1]
        if (start !== undefined) break
        yield tick
      }
    }
  }
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
