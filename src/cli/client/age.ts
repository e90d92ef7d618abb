const UNITS: readonly (readonly [letter: string, seconds: number])[] = [
  ['d', 86_400],
  ['h', 3600],
  ['m', 60],
  ['s', 1]
]

/**
 * How long ago a time was, in at most two units: `42s`, `5m`, `3h20m`, `12d`. Empty for no time; `0s` for one to come, as
 * clocks of two machines differ. Source: kubectl, duration.HumanDuration.
 */
export function formatAge(time: string | undefined, now: number): string {
  const at = time === undefined ? Number.NaN : Date.parse(time)
  if (Number.isNaN(at)) return ''
  return formatSeconds(Math.max(0, Math.floor((now - at) / 1000)))
}

function formatSeconds(seconds: number): string {
  const index = UNITS.findIndex(([, size]) => seconds >= size)
  const [letter = 's', size = 1] = UNITS[index] ?? []
  const count = Math.floor(seconds / size)
  const [smaller, smallerSize = 1] = UNITS[index + 1] ?? []
  const rest = smaller === undefined ? 0 : Math.floor((seconds % size) / smallerSize)
  // The smaller unit says something only while the larger count is small.
  return rest > 0 && count < 10 ? `${count}${letter}${rest}${smaller}` : `${count}${letter}`
}
