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
  readonly style?: (item: T) => Style | undefined
}

export interface TableOptions {
  readonly headers: boolean
  readonly wide: boolean
  /** Of the columns so far, for tables that grow: not undercut, and grown in place. */
  readonly widths?: number[]
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
  { headers, wide, widths: least = [], paint }: TableOptions
): Promise<string> {
  const { default: widthOf } = await import('string-width')
  const shown = columns.filter(column => wide || column.wide !== true)
  const rows = items.map(item => shown.map(column => textOf(column, item) || NOTHING))
  const head = shown.map(({ header }) => header)
  const all = headers ? [head, ...rows] : rows
  const widths = shown.map((_, index) => Math.max(least[index] ?? 0, ...all.map(row => widthOf(row[index] ?? ''))))
  least.splice(0, least.length, ...widths)
  const styleOf = (row: number, column: number): Style | undefined => {
    const item = items[headers ? row - 1 : row]
    return item === undefined ? 'bold' : shown[column]?.style?.(item)
  }
  return all
    .map((cells, row) =>
      cells
        .map((cell, column) => {
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

/** The last cell of a row, whose lines after the first begin where it does: behind columns of these widths. */
function hang(cell: string, before: readonly number[]): string {
  const indent = before.reduce((sum, width) => sum + width + GAP.length, 0)
  return cell.replaceAll('\n', `\n${' '.repeat(indent)}`)
}
