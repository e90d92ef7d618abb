/** Adds a value of an option that may be given several times to those before it. */
export function collect(value: string, before: readonly string[] = []): string[] {
  return [...before, value]
}
