import type { Style } from './terminal.ts'
import { terminalSafe } from './terminal.ts'

/** One column of a table of `T`. */
export interface Column<T> {
  readonly header: string
  readonly value: (item: T) => string | number | undefined
  /** Shown by `-o wide` only. */
  readonly wide?: boolean
  /** Its line feeds stay, and what follows stands below: of the last column only. */
  readonly lines?: true
  /** It is never cut, as other commands take it. */
  readonly whole?: boolean
  readonly style?: (item: T) => Style | undefined
}

export interface TableOptions {
  readonly headers: boolean
  readonly wide: boolean
  /** Of the columns so far, for tables that grow: not undercut, and grown in place. */
  readonly widths?: number[]
  /** Of the terminal: so much may stand in a line. Columns that are too wide together are cut in their middle, the widest first. */
  readonly width?: number | undefined
  readonly paint: (style: Style | undefined, text: string) => string
}

const GAP = '   '
const NOTHING = '-'

/**
 * A line for each item, with a line of headers before them, in columns as wide as their widest cell on a terminal. Nothing in a
 * cell commands a terminal, and a line break is in none but those of a column of `lines`.
 */
export async function formatTable<T>(
  items: readonly T[],
  columns: readonly Column<T>[],
  { headers, wide, widths: least = [], width = Number.POSITIVE_INFINITY, paint }: TableOptions
): Promise<string> {
  const { default: widthOf } = await import('string-width')
  const shown = columns.filter(column => wide || column.wide !== true)
  const rows = items.map(item => shown.map(column => textOf(column, item) || NOTHING))
  const head = shown.map(({ header }) => header)
  const all = headers ? [head, ...rows] : rows
  const widest = shown.map((_, index) => Math.max(least[index] ?? 0, ...all.map(row => widthOf(row[index] ?? ''))))
  const widths = narrow(widest, shown, width)
  least.splice(0, least.length, ...widths)
  const styleOf = (row: number, column: number): Style | undefined => {
    const item = items[headers ? row - 1 : row]
    return item === undefined ? 'bold' : shown[column]?.style?.(item)
  }
  return all
    .map((cells, row) =>
      cells
        .map((whole, column) => {
          const cell = cut(whole, widths[column] ?? 0, widthOf)
          const painted = paint(styleOf(row, column), cell)
          const isLast = column === cells.length - 1
          return isLast
            ? hang(painted, widths.slice(0, -1))
            : painted + ' '.repeat((widths[column] ?? 0) - widthOf(cell))
        })
        .join(GAP)
    )
    .map(line => `${line}\n`)
    .join('')
}

function textOf<T>({ value, lines }: Column<T>, item: T): string {
  const text = String(value(item) ?? '')
  return lines === true ? text.trimEnd().split(/\r?\n/).map(terminalSafe).join('\n') : terminalSafe(text)
}

const LEAST_WIDTH = 8

/** The widths, made smaller until they stand in a line of that width, or can be no smaller. What has lines below it is folded anyhow. */
function narrow<T>(widths: readonly number[], columns: readonly Column<T>[], width: number): number[] {
  const fitted = [...widths]
  if (columns.some(({ lines }) => lines === true)) return fitted
  const least = columns.map(({ header, whole }, at) =>
    whole === true ? (widths[at] ?? 0) : Math.max(LEAST_WIDTH, header.length)
  )
  let over = fitted.reduce((sum, each) => sum + each, GAP.length * (columns.length - 1)) - width
  while (over > 0) {
    const able = fitted.map((each, at) => (each > (least[at] ?? 0) ? each : 0))
    const most = Math.max(...able)
    if (most === 0) break
    fitted[able.indexOf(most)] = most - 1
    over--
  }
  return fitted
}

/** The text, with … in its middle where it is wider than that. */
function cut(text: string, width: number, widthOf: (text: string) => number): string {
  if (text.includes('\n') || widthOf(text) <= width) return text
  const characters = [...text]
  const head = take(characters, Math.ceil((width - 1) / 2), widthOf)
  const tail = take(characters.toReversed(), width - 1 - widthOf(head.join('')), widthOf)
  return [...head, '…', ...tail.toReversed()].join('')
}

function take(characters: readonly string[], width: number, widthOf: (text: string) => number): string[] {
  let room = width
  const end = characters.findIndex(character => {
    room -= widthOf(character)
    return room < 0
  })
  return characters.slice(0, end < 0 ? characters.length : end)
}

/** The last cell of a row, whose lines after the first begin where it does: behind columns of these widths. */
function hang(cell: string, before: readonly number[]): string {
  const indent = before.reduce((sum, width) => sum + width + GAP.length, 0)
  return cell.replaceAll('\n', `\n${' '.repeat(indent)}`)
}
