import type { Cron } from './cron.ts'
import type { TimeZone } from './time-zone.ts'

const MINUTE_MS = 60_000
const HOUR_MS = 60 * MINUTE_MS
const DAY_MS = 24 * HOUR_MS
/** 29 February on one weekday comes every 28 years, and every 40 around 2100. */
const MAX_DAYS = 41 * 366

/**
 * The instants that a schedule names after `from`, in milliseconds since the epoch, without end unless there is none.
 *
 * Where clocks are set, as croner has it: what names one time of the day (`30 2 * * *`) comes once on each day, at the first of two
 * such times, or when the clocks have been set where there is none. Anything else (`0,30 * * * *`) goes by the hours that pass:
 * it comes at both times, and not at one that there is not.
 */
export function* ticksAfter(cron: Cron, zone: TimeZone, from: number): Generator<number, void> {
  const firstDay = Math.floor((from + zone.offsetAt(from)) / DAY_MS) - 1
  let last = from
  for (let day = firstDay, idle = 0; idle < MAX_DAYS; day++, idle++) {
    if (!isOn(cron, day)) continue
    for (const tick of ticksOfDay(cron, zone, day, last)) {
      if (tick <= last) continue
      last = tick
      idle = 0
      yield tick
    }
  }
}

/** `day`: days since the epoch, in local time. */
function isOn({ days, months, weekdays, isEither }: Cron, day: number): boolean {
  const date = new Date(day * DAY_MS)
  if (!months.has(date.getUTCMonth() + 1)) return false
  const isDay = days.has(date.getUTCDate())
  const isWeekday = weekdays.has(date.getUTCDay())
  return isEither ? isDay || isWeekday : isDay && isWeekday
}

/** Those of one day, in order; of a day without a change none that is long past. */
function* ticksOfDay(cron: Cron, zone: TimeZone, day: number, past: number): Generator<number, void> {
  const start = day * DAY_MS
  const offset = zone.offsetAt(start - 2 * DAY_MS)
  if (offset !== zone.offsetAt(start + 2 * DAY_MS)) return yield* ticksOfChange(cron, zone, start)
  for (const hour of cron.hours) {
    const begins = start - offset + hour * HOUR_MS
    if (begins + HOUR_MS <= past) continue
    for (const minute of cron.minutes) yield begins + minute * MINUTE_MS
  }
}

/** Those of a day around which clocks are set. */
function ticksOfChange({ hours, minutes }: Cron, zone: TimeZone, start: number): number[] {
  const times = hours.flatMap(hour => minutes.map(minute => start + hour * HOUR_MS + minute * MINUTE_MS))
  const before = zone.offsetAt(start - 2 * DAY_MS)
  const after = zone.offsetAt(start + 2 * DAY_MS)
  const isOneTime = times.length === 1
  const ticks = times.flatMap(time => {
    const found = [...new Set([time - before, time - after])].filter(ms => ms + zone.offsetAt(ms) === time)
    if (!isOneTime) return found
    return found.length === 0 ? [changeOf(zone, start - 2 * DAY_MS, start + 2 * DAY_MS)] : [Math.min(...found)]
  })
  return ticks.sort((a, b) => a - b)
}

/** When the clocks are set between two instants, to the minute. */
function changeOf(zone: TimeZone, from: number, to: number): number {
  const before = zone.offsetAt(from)
  let low = Math.floor(from / MINUTE_MS)
  let high = Math.ceil(to / MINUTE_MS)
  while (high - low > 1) {
    const middle = Math.floor((low + high) / 2)
    if (zone.offsetAt(middle * MINUTE_MS) === before) low = middle
    else high = middle
  }
  return high * MINUTE_MS
}
