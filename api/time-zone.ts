/** How local time goes in one place. */
export interface TimeZone {
  readonly name: string
  /** What its clocks show is UTC and so many milliseconds more, at an instant in milliseconds since the epoch. */
  readonly offsetAt: (ms: number) => number
}

export const UTC: TimeZone = { name: 'UTC', offsetAt: () => 0 }

const IANA_NAME = /^[A-Za-z][A-Za-z0-9_+-]*(?:\/[A-Za-z0-9_+-]+)*$/

/** The zone of an IANA name such as `Europe/Berlin`; undefined when there is none. The first one costs some 7 MiB, which are the tables of the runtime; UTC costs nothing. */
export function openTimeZone(name: string): TimeZone | undefined {
  if (name === 'UTC') return UTC
  if (!IANA_NAME.test(name)) return undefined
  const format = createFormat(name)
  if (format === undefined) return undefined
  return {
    name,
    offsetAt: ms => {
      // Offsets have no parts of a second.
      const whole = Math.floor(ms / 1000) * 1000
      return wallClock(format, whole) - whole
    }
  }
}

function createFormat(timeZone: string): Intl.DateTimeFormat | undefined {
  const numeric = 'numeric' as const
  const fields = { year: numeric, month: numeric, day: numeric, hour: numeric, minute: numeric, second: numeric }
  try {
    return new Intl.DateTimeFormat('en-US', { ...fields, timeZone, hourCycle: 'h23', era: 'short' })
  } catch (err) {
    if (err instanceof RangeError) return undefined
    throw err
  }
}

/** What clocks show, as the UTC time that looks like it. */
function wallClock(format: Intl.DateTimeFormat, ms: number): number {
  const parts: Partial<Record<Intl.DateTimeFormatPartTypes, number>> = {}
  for (const { type, value } of format.formatToParts(ms)) parts[type] = Number(value)
  const { year = 0, month = 1, day = 1, hour = 0, minute = 0, second = 0 } = parts
  return Date.UTC(year, month - 1, day, hour, minute, second)
}
