import { InvalidArgumentError } from 'commander'

/** The whole number, 0 or more, of an option. Throws what commander tells with the name of the option. */
export function toCount(text: string): number {
  if (!/^\d{1,9}$/.test(text)) throw new InvalidArgumentError('It must be a whole number.')
  return Number(text)
}

/** Adds a value of an option that may be given several times to those before it. */
export function collect(value: string, before: readonly string[] = []): string[] {
  return [...before, value]
}
