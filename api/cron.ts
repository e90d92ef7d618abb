import { Cron, CronDate } from 'croner'

/** The instants that a schedule names after another, in order, in milliseconds since the epoch. */
export type Ticks = (from: number) => Iterable<number>

export const UTC = 'UTC'

/** What the text says, or what is wrong with it: a few words. */
export type CronReading = { readonly ticks: Ticks } | { readonly fault: string }

const IANA_NAME = /^[A-Za-z][A-Za-z0-9_+-]*(?:\/[A-Za-z0-9_+-]+)*$/

const FIELDS = [
  'a minute that cannot be read, or is not within 0 to 59',
  'an hour that cannot be read, or is not within 0 to 23',
  'a day that cannot be read, or is not within 1 to 31',
  'a month that cannot be read, or is not within 1 to 12',
  'a weekday that cannot be read, or is not within 0 to 7'
]
const VALUE = '(?:\\d{1,4}|[a-z]{3})'
const PART = `(?:[*?]|${VALUE}(?:-${VALUE})?)(?:/\\d{1,4})?`
/** What crontab(5) has. croner reads more (L, W, #, +, "/5" alone, dates), which other crons do not know. */
const FIELD = new RegExp(`^${PART}(?:,${PART})*$`, 'i')
const NICKNAME = /^@[a-z]+$/i
/** Texts and zones that are kept read: each takes some 80 KiB, as croner counts years, and functions often share theirs. */
const MAX_KEPT = 128
/** Ticks of one text that are kept. In a zone each takes croner some 30 µs, and after a downtime 1,000 are counted. */
const MAX_KEPT_TICKS = 2000
const kept = new Map<string, { readonly ticks: Ticks }>()

/**
 * Reads `minute hour day month weekday`, or `@hourly` and its like, by the clocks of a zone that there is. A field is `*`, values,
 * ranges and steps with commas between them; months and weekdays have names too. Source: crontab(5) and the cron connector of
 * OpenFaaS; `?` is `*`. No timer is started; what was read last is kept, and is the same again.
 */
export function readCron(text: string, timezone: string): CronReading {
  const key = `${timezone} ${text}`
  const reading = kept.get(key) ?? read(text, timezone)
  if ('fault' in reading) return reading
  kept.delete(key)
  kept.set(key, reading)
  const [oldest] = kept.keys()
  if (kept.size > MAX_KEPT && oldest !== undefined) kept.delete(oldest)
  return reading
}

function read(text: string, timezone: string): CronReading {
  if (text.startsWith('@')) {
    const cron = NICKNAME.test(text) ? open(text, timezone) : undefined
    return cron ? ticksOf(cron) : { fault: `knows no ${text.split(' ')[0]}; write five fields` }
  }
  const fields = text.split(' ')
  if (fields.length !== FIELDS.length)
    return { fault: `must have five fields (minute hour day month weekday), and has ${fields.length}` }
  const cron = fields.every(field => FIELD.test(field)) ? open(text, timezone) : undefined
  return cron ? ticksOf(cron) : { fault: faultOf(fields) }
}

/** Whether there is an instant that it names: not, for example, on 30 February. */
export function comesEver(ticks: Ticks): boolean {
  for (const _tick of ticks(0)) return true
  return false
}

/** Whether it is the IANA name of a zone, such as `Europe/Berlin`. The first one costs some 7 MiB, which are the tables of the runtime; UTC costs nothing. */
export function isTimeZone(name: string): boolean {
  if (name === UTC) return true
  if (!IANA_NAME.test(name)) return false
  try {
    new CronDate(new Date(0), name)
    return true
  } catch (err) {
    if (err instanceof TypeError) return false
    throw err
  }
}

/** Undefined when it cannot be read. */
function open(pattern: string, timezone: string): Cron | undefined {
  const zone = timezone === UTC ? { utcOffset: 0 } : { timezone }
  const options = () => ({ mode: '5-part' as const, sloppyRanges: true, paused: true, ...zone })
  try {
    // croner reads a step from a value that there is not ("60/5") as nothing, and without the step as the fault that it is.
    if (/\d\//.test(pattern)) new Cron(pattern.replaceAll(/\/\d+/g, ''), options())
    return new Cron(pattern, options())
  } catch (err) {
    if (err instanceof TypeError || err instanceof RangeError) return undefined
    throw err
  }
}

/** croner names parts by their index, and some by a value that is not the one that was written: so the field is found by trying. */
function faultOf(fields: readonly string[]): string {
  const index = fields.findIndex((field, at) => {
    const alone = FIELDS.map((_, other) => (other === at ? field : '*')).join(' ')
    return !FIELD.test(field) || open(alone, UTC) === undefined
  })
  return `has ${FIELDS[index]} from low to high, ${JSON.stringify(fields[index]?.slice(0, 32))}`
}

function ticksOf(cron: Cron): { readonly ticks: Ticks } {
  const following = new Map<number, number>()
  const next = (from: number) => cron.nextRun(new Date(from))?.getTime()
  const nextOfTick = (tick: number) => {
    const known = following.get(tick)
    if (known !== undefined) return known
    if (following.size === MAX_KEPT_TICKS) following.clear()
    const found = next(tick)
    if (found !== undefined) following.set(tick, found)
    return found
  }
  return {
    *ticks(from) {
      for (let tick = next(from); tick !== undefined; tick = nextOfTick(tick)) yield tick
    }
  }
}
