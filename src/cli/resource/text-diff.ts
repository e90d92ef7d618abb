/** One line of a comparison: in both texts, in the first only, or in the second only. */
interface Line {
  readonly sign: ' ' | '-' | '+'
  readonly text: string
}

/** Beyond this, what differs in the middle is told as a whole: the table of the comparison would be too large. */
const MAX_CELLS = 16_000_000

/**
 * What turns the lines of `before` into those of `after`, with `context` lines around each change, as `diff -u` prints it; empty
 * when they are the same.
 */
export function unifiedDiff(
  before: string,
  after: string,
  names: readonly [before: string, after: string],
  context = 3
): string[] {
  const lines = compare(linesOf(before), linesOf(after))
  const hunks = hunksOf(lines, context)
  if (hunks.length === 0) return []
  return [`--- ${names[0]}`, `+++ ${names[1]}`, ...hunks.flatMap(hunk => describe(lines, hunk))]
}

function linesOf(text: string): string[] {
  return text === '' ? [] : text.replace(/\n$/, '').split('\n')
}

function compare(before: readonly string[], after: readonly string[]): Line[] {
  const most = Math.min(before.length, after.length)
  let start = 0
  while (start < most && before[start] === after[start]) start++
  let end = 0
  while (end < most - start && before.at(-1 - end) === after.at(-1 - end)) end++
  const same = (texts: readonly string[]) => texts.map((text): Line => ({ sign: ' ', text }))
  const middle = compareMiddle(before.slice(start, before.length - end), after.slice(start, after.length - end))
  return [...same(before.slice(0, start)), ...middle, ...same(before.slice(before.length - end))]
}

function compareMiddle(before: readonly string[], after: readonly string[]): Line[] {
  const removed = (text: string): Line => ({ sign: '-', text })
  const added = (text: string): Line => ({ sign: '+', text })
  if ((before.length + 1) * (after.length + 1) > MAX_CELLS) return [...before.map(removed), ...after.map(added)]
  const common = commonLengths(before, after)
  const lines: Line[] = []
  let [row, column] = [0, 0]
  while (row < before.length && column < after.length) {
    const [old = '', young = ''] = [before[row], after[column]]
    if (old === young) lines.push({ sign: ' ', text: old })
    else lines.push(common(row + 1, column) >= common(row, column + 1) ? removed(old) : added(young))
    const sign = lines.at(-1)?.sign
    if (sign !== '+') row++
    if (sign !== '-') column++
  }
  return [...lines, ...before.slice(row).map(removed), ...after.slice(column).map(added)]
}

/** How many lines the rests of both have in common, in order, from a row and a column on. */
function commonLengths(before: readonly string[], after: readonly string[]): (row: number, column: number) => number {
  const width = after.length + 1
  const cells = new Uint32Array((before.length + 1) * width)
  const at = (row: number, column: number) => cells[row * width + column] ?? 0
  for (let row = before.length - 1; row >= 0; row--) {
    for (let column = after.length - 1; column >= 0; column--) {
      const isSame = before[row] === after[column]
      cells[row * width + column] = isSame
        ? at(row + 1, column + 1) + 1
        : Math.max(at(row + 1, column), at(row, column + 1))
    }
  }
  return at
}

/** First and last line of each part that is told. */
function hunksOf(lines: readonly Line[], context: number): [from: number, to: number][] {
  const hunks: [number, number][] = []
  for (const [index, { sign }] of lines.entries()) {
    if (sign === ' ') continue
    const from = Math.max(0, index - context)
    const to = Math.min(lines.length - 1, index + context)
    const last = hunks.at(-1)
    if (last !== undefined && from <= last[1] + 1) last[1] = to
    else hunks.push([from, to])
  }
  return hunks
}

function describe(lines: readonly Line[], [from, to]: readonly [number, number]): string[] {
  const head = lines.slice(0, from)
  const part = lines.slice(from, to + 1)
  const range = (other: '-' | '+') => {
    const count = (some: readonly Line[]) => some.filter(({ sign }) => sign !== other).length
    const length = count(part)
    const start = count(head) + (length === 0 ? 0 : 1)
    return length === 1 ? String(start) : `${start},${length}`
  }
  return [`@@ -${range('+')} +${range('-')} @@`, ...part.map(({ sign, text }) => `${sign}${text}`)]
}
