import { InvalidArgumentError } from 'commander'
import { parseDuration } from '../../../api/duration.ts'

/** Milliseconds of an option such as `90s` or `5m`. Throws what commander tells with the name of the option. */
export function toMilliseconds(text: string): number {
  const ms = parseDuration(text)
  if (ms === undefined || ms <= 0) throw new InvalidArgumentError('It must be a duration such as 90s, 5m or 1h.')
  return ms
}

/** RFC 3339 of an option that is a time, or a duration before now, such as `5m`. Throws what commander tells with the name of the option. */
export function toInstant(text: string): string {
  const ago = parseDuration(text)
  if (ago !== undefined) return new Date(Date.now() - ago).toISOString()
  const isTime = /^\d{4}-\d\d-\d\d([T ]\d\d:\d\d.*)?$/.test(text)
  const at = isTime ? Date.parse(text) : Number.NaN
  if (Number.isNaN(at)) throw new InvalidArgumentError('It must be a time (RFC 3339) or a duration such as 5m.')
  return new Date(at).toISOString()
}
