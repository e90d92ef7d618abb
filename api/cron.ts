/** When something is to happen, as the five fields of a crontab say it. */
export interface Cron {
  readonly minutes: readonly number[]
  readonly hours: readonly number[]
  readonly days: ReadonlySet<number>
  readonly months: ReadonlySet<number>
  /** 0 is Sunday. */
  readonly weekdays: ReadonlySet<number>
  /** Both the days and the weekdays are restricted: then either is enough. Source: crontab(5). */
  readonly isEither: boolean
}

interface Field {
  readonly name: string
  readonly min: number
  readonly max: number
  /** Names of the values, from `min` up. */
  readonly names?: readonly string[]
}

const MONTHS = ['JAN', 'FEB', 'MAR', 'APR', 'MAY', 'JUN', 'JUL', 'AUG', 'SEP', 'OCT', 'NOV', 'DEC']
const WEEKDAYS = ['SUN', 'MON', 'TUE', 'WED', 'THU', 'FRI', 'SAT']
const SUNDAY_AGAIN = 7

const MINUTE: Field = { name: 'minute', min: 0, max: 59 }
const HOUR: Field = { name: 'hour', min: 0, max: 23 }
const DAY: Field = { name: 'day', min: 1, max: 31 }
const MONTH: Field = { name: 'month', min: 1, max: 12, names: MONTHS }
const WEEKDAY: Field = { name: 'weekday', min: 0, max: SUNDAY_AGAIN, names: WEEKDAYS }

const MACROS: ReadonlyMap<string, string> = new Map([
  ['@yearly', '0 0 1 1 *'],
  ['@annually', '0 0 1 1 *'],
  ['@monthly', '0 0 1 * *'],
  ['@weekly', '0 0 * * 0'],
  ['@daily', '0 0 * * *'],
  ['@midnight', '0 0 * * *'],
  ['@hourly', '0 * * * *']
])
/** Of the longest such month. */
const DAYS_OF_MONTH = [31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]

/** What the text says, or what is wrong with it: a few words. */
export type CronReading = { readonly cron: Cron } | { readonly fault: string }

/**
 * Reads `minute hour day month weekday`, or `@hourly` and its like. A field is `*`, values, ranges and steps with commas between
 * them; months and weekdays have names too. Source: crontab(5) and the cron connector of OpenFaaS; `?` is `*`.
 */
export function parseCron(text: string): CronReading {
  const fields = (MACROS.get(text.toLowerCase()) ?? text).split(' ')
  const [minute = '', hour = '', day = '', month = '', weekday = ''] = fields
  if (text.startsWith('@') && fields.length !== 5) return { fault: `knows no ${text.split(' ')[0]}; write five fields` }
  if (fields.length !== 5)
    return { fault: `must have five fields (minute hour day month weekday), and has ${fields.length}` }
  try {
    const days = valuesOf(DAY, day)
    const weekdays = valuesOf(WEEKDAY, weekday).map(value => value % SUNDAY_AGAIN)
    return {
      cron: {
        minutes: valuesOf(MINUTE, minute),
        hours: valuesOf(HOUR, hour),
        days: new Set(days),
        months: new Set(valuesOf(MONTH, month)),
        weekdays: new Set(weekdays),
        isEither: !isAny(day) && !isAny(weekday)
      }
    }
  } catch (err) {
    if (err instanceof FieldError) return { fault: err.message }
    throw err
  }
}

/** Whether there is a day that it names: not, for example, on 30 February. */
export function comesEver({ days, months, isEither }: Cron): boolean {
  if (isEither) return true
  return [...months].some(month => [...days].some(day => day <= (DAYS_OF_MONTH[month - 1] ?? 0)))
}

class FieldError extends Error {
  override name = 'FieldError'
}

function isAny(text: string): boolean {
  return text === '*' || text === '?'
}

/** Sorted, each once. */
function valuesOf(field: Field, text: string): number[] {
  const values = new Set(text.split(',').flatMap(part => partValues(field, part)))
  return [...values].sort((a, b) => a - b)
}

function partValues(field: Field, part: string): number[] {
  const [range = '', step, ...more] = part.split('/')
  if (more.length > 0) throw faulty(field, part)
  const every = step === undefined ? 1 : numberOf(field, step, part)
  if (every < 1) throw faulty(field, part)
  const [from, to] = boundsOf(field, range, step !== undefined)
  const values: number[] = []
  for (let value = from; value <= to; value += every) values.push(value)
  return values
}

function boundsOf(field: Field, range: string, hasStep: boolean): [from: number, to: number] {
  // 7 is Sunday once more, and none of "every".
  const last = field === WEEKDAY ? SUNDAY_AGAIN - 1 : field.max
  if (isAny(range)) return [field.min, last]
  const [first = '', end, ...more] = range.split('-')
  if (more.length > 0) throw faulty(field, range)
  const from = toValue(field, first, range)
  if (end === undefined) return [from, hasStep ? last : from]
  const named = toValue(field, end, range)
  const to = field === WEEKDAY && named === 0 && from > 0 ? SUNDAY_AGAIN : named
  if (to < from) throw new FieldError(`has a ${field.name} that ends before it begins, ${shown(range)}`)
  return [from, to]
}

function toValue(field: Field, text: string, part: string): number {
  const named = field.names?.indexOf(text.toUpperCase()) ?? -1
  const value = named >= 0 ? named + field.min : numberOf(field, text, part)
  if (value >= field.min && value <= field.max) return value
  throw new FieldError(`has a ${field.name} that is not within ${field.min} to ${field.max}, ${shown(part)}`)
}

function numberOf(field: Field, text: string, part: string): number {
  if (!/^\d{1,4}$/.test(text)) throw faulty(field, part)
  return Number(text)
}

function faulty(field: Field, part: string): FieldError {
  return new FieldError(`has a ${field.name} that cannot be read, ${shown(part)}`)
}

function shown(text: string): string {
  return JSON.stringify(text.slice(0, 32))
}
