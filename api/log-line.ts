import * as z from 'zod'

/** A line of the answer of `GET /system/logs`, as OpenFaaS has it. Source: faas-provider, `logs.Message`. */
export const LogMessage = z.object({
  name: z.string().describe('the function'),
  namespace: z.string(),
  instance: z.string().meta({ description: 'name of the container that wrote it', examples: ['resize-0'] }),
  timestamp: z
    .string()
    .meta({ description: 'RFC 3339 in UTC, with nanoseconds', examples: ['2026-01-31T10:00:00.123456789Z'] }),
  text: z.string().meta({ description: 'without the end of the line', examples: ['resized 3 images'] })
})
export type LogMessage = z.infer<typeof LogMessage>

/** Which lines of the log of a function are asked for. */
export interface LogsRequest {
  /** None that are older: RFC 3339 in UTC with nine digits after the point. */
  readonly since?: string
  /** Only so many of the last ones of each replica. */
  readonly tail?: number
  /** Also those that come. */
  readonly follow: boolean
  /** Only those of the container that has this name. */
  readonly instance?: string
  /** Token of the reader; absent for a password or a session. All readers of one may take half of the places. */
  readonly tokenId?: string
}

const INSTANT = /^(\d{4}-\d\d-\d\d)[Tt ](\d\d:\d\d:\d\d)(?:\.(\d{1,9})\d*)?([Zz]|[+\- ]\d\d:\d\d)$/

/**
 * An instant of RFC 3339, in UTC and with nine digits after the point, so that the order of the texts is that of time;
 * undefined when it is none. A `+` that came as a space is one.
 */
export function parseInstant(text: string): string | undefined {
  const [, day, time, fraction = '', zone] = INSTANT.exec(text) ?? []
  if (day === undefined || time === undefined || zone === undefined) return undefined
  const ms = Date.parse(`${day}T${time}${zone.toUpperCase().replace(' ', '+')}`)
  if (Number.isNaN(ms)) return undefined
  return new Date(ms).toISOString().replace(/\.\d{3}Z$/, `.${fraction.padEnd(9, '0')}Z`)
}
