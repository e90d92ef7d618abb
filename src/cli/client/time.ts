import { InvalidArgumentError } from 'commander'
import { parseDuration } from '../../../api/duration.ts'

/** Milliseconds of an option such as `90s` or `5m`. Throws what commander tells with the name of the option. */
export function toMilliseconds(text: string): number {
  const ms = parseDuration(text)
  if (ms === undefined || ms <= 0) throw new InvalidArgumentError('It must be a duration such as 90s, 5m or 1h.')
  return ms
}
