/** A cell of the older program's table, as SQLite gives it. */
export type Cell = string | number | bigint | Uint8Array | null | undefined

/** Columns that could not be read whole, with what is in them. */
export type Notes = Record<string, string>

export function cellText(cell: Cell): string {
  if (cell === null || cell === undefined) return ''
  return cell instanceof Uint8Array ? Buffer.from(cell).toString('utf8') : String(cell)
}

/** The text values of a JSON object; numbers and booleans become text, the rest is noted. */
export function textMap(column: string, cell: Cell, notes: Notes): Record<string, string> {
  const value = parsed(column, cell, notes)
  if (value === undefined) return {}
  if (typeof value !== 'object' || Array.isArray(value)) return noted(column, cell, notes, {})
  const entries = Object.entries(value as Record<string, unknown>)
  const readable = entries.filter(([, inner]) => isScalar(inner))
  if (readable.length < entries.length) noted(column, cell, notes, undefined)
  return Object.fromEntries(readable.map(([key, inner]) => [key, String(inner)]))
}

/** The texts of a JSON list, each once. */
export function textList(column: string, cell: Cell, notes: Notes): string[] {
  const value = parsed(column, cell, notes)
  if (value === undefined) return []
  if (!Array.isArray(value)) return noted(column, cell, notes, [])
  const readable = value.filter(isScalar).map(String)
  if (readable.length < value.length) noted(column, cell, notes, undefined)
  return [...new Set(readable)]
}

/** `memory` and `cpu` of a JSON object; empty ones are none. */
export function resources(column: string, cell: Cell, notes: Notes): Record<string, string> {
  const { memory = '', cpu = '', ...rest } = textMap(column, cell, notes)
  if (Object.keys(rest).length > 0) noted(column, cell, notes, undefined)
  return { ...(memory !== '' && { memory }), ...(cpu !== '' && { cpu }) }
}

export function count(column: string, cell: Cell, notes: Notes): number {
  const value = Number(cell ?? Number.NaN)
  return Number.isSafeInteger(value) && value >= 0 && cell !== '' ? value : noted(column, cell, notes, 1)
}

export function flag(cell: Cell): boolean {
  return !['', '0', 'false', 'f'].includes(cellText(cell).toLowerCase())
}

/**
 * RFC 3339 in UTC, with all digits of the fraction, of what Go's SQLite drivers write: `2024-05-01 12:00:00.123456789+00:00`,
 * RFC 3339, `… +0000 UTC` with a monotonic reading, or no zone, which is UTC. The epoch, noted, when it is none of these.
 */
export function timestamp(column: string, cell: Cell, notes: Notes): string {
  const match =
    /^(\d{4}-\d\d-\d\d)[ T](\d\d:\d\d(?::\d\d)?)(\.\d+)?\s*(Z|[+-]\d\d:?\d\d)?(?: [A-Z]{3,5})?(?: m=.*)?$/.exec(
      cellText(cell).trim()
    )
  const [, date = '', time = '', fraction = '', zone = 'Z'] = match ?? []
  const ms = Date.parse(`${date}T${time}${zone.replace(/^(.\d\d)(\d\d)$/, '$1:$2')}`)
  if (Number.isNaN(ms)) return noted(column, cell, notes, '1970-01-01T00:00:00.000Z')
  return `${new Date(ms).toISOString().slice(0, 19)}${fraction || '.000'}Z`
}

/** How Go's SQLite driver writes a time: it reads this back, and so do people's scripts. */
export function goTimestamp(rfc3339: string): string {
  return rfc3339
    .replace('T', ' ')
    .replace(/\.0+Z$/, 'Z')
    .replace(/Z$/, '+00:00')
}

/** The JSON in a cell; undefined when there is none: NULL, empty, `null`, or what is no JSON, which is noted. */
function parsed(column: string, cell: Cell, notes: Notes): unknown {
  const text = cellText(cell).trim()
  if (text === '') return undefined
  try {
    return JSON.parse(text) ?? undefined
  } catch {
    return noted(column, cell, notes, undefined) // the older program ignored such text, too
  }
}

function noted<T>(column: string, cell: Cell, notes: Notes, value: T): T {
  notes[column] = cellText(cell)
  return value
}

function isScalar(value: unknown): boolean {
  return typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean'
}
