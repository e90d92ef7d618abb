import { globSync, readFileSync } from 'node:fs'
import { basename } from 'node:path'

/** What tests have to show. The id is in the title of each test that does. */
export interface TestRow {
  readonly id: string
  /** What happens, or what is required, and what must be seen. */
  readonly text: string
  /** Why no test here shows it; absent when one must. */
  readonly untested?: string
  /** Its tests are on their way: until then the table says so, whether or not some are there. */
  readonly pending?: true
}

/** One table of rows, in one page. */
export interface TestTable {
  /** In the marks around it. */
  readonly name: string
  /** Path in the repository, of the page that holds it. */
  readonly page: string
  readonly head: string
  readonly rows: readonly TestRow[]
  /** Whether an id in a title of this file means a row of this table. */
  readonly owns: (id: string, file: string) => boolean
}

/** The head of a title, such as `'N3: …` or `'G1, G2: …`, whether it stands in a call of `it` or in a table of tests. */
const TITLE = /['"`]([A-Z]{1,2}\d+(?:(?:, | )[A-Z]{1,2}\d+)*): /g

const PENDING = 'comes with the work that is under way'

/** Id → files of the repository whose tests have it in a title: those against real parts first. */
export function findTests(root: URL, owns: TestTable['owns']): Map<string, string[]> {
  const found = new Map<string, string[]>()
  const all = ['{test,api,controllers,src,migrations,hack}/**/*.test.ts', 'test/helpers/engine-contract-*.ts']
  for (const file of globSync(all, { cwd: root.pathname }).sort(realFirst)) {
    for (const id of idsOf(readFileSync(new URL(file, root), 'utf8'))) {
      if (owns(id, file)) found.set(id, [...(found.get(id) ?? []), file])
    }
  }
  return found
}

/** The page with the table anew. Throws when a row has no test and no reason, or a reason and a test. */
export function withTable(page: string, table: TestTable, tests: ReadonlyMap<string, readonly string[]>): string {
  const [start, end] = boundsOf(page, table)
  const problems = table.rows.flatMap(row => problemOf(row, tests.get(row.id) ?? []))
  if (problems.length > 0) throw new Error(problems.join('\n'))
  const lines = table.rows.map(row => lineOf(row, cellOf(row, tests.get(row.id) ?? [])))
  const text = [markOf(table), `| id | ${table.head} | tests |`, '|---|---|---|', ...lines].join('\n')
  return `${page.slice(0, start)}${text}\n${page.slice(end)}`
}

/**
 * What is not true in the table of the page: rows that are not there, or say something else, and tests that are no longer there.
 * Tests that it does not name are no mistake, so that who adds one need not touch the page. Throws as `withTable` does.
 */
export function mistakesIn(page: string, table: TestTable, tests: ReadonlyMap<string, readonly string[]>): string[] {
  const [start, end] = boundsOf(page, table)
  withTable(page, table, tests)
  const there = page.slice(start, end).split('\n')
  return table.rows.flatMap(row => {
    const line = there.find(text => text.startsWith(lineOf(row, '').slice(0, -3)))
    if (line === undefined) return [`${row.id}: has no row with its text`]
    const files = [...line.matchAll(/\]\(\.\.\/([^)]+)\)/g)].map(([, file = '']) => file)
    if (row.untested !== undefined || row.pending === true) {
      return line === lineOf(row, cellOf(row, [])) ? [] : [`${row.id}: the row says something else`]
    }
    if (files.length === 0) return [`${row.id}: the row names no test`]
    return files
      .filter(file => tests.get(row.id)?.includes(file) !== true)
      .map(file => `${row.id}: no test of it in ${file}`)
  })
}

function markOf({ name }: TestTable): string {
  return `<!-- ${name}: written by hack/test-docs.ts -->`
}

function boundsOf(page: string, table: TestTable): readonly [start: number, end: number] {
  const marks = [markOf(table), `<!-- end of ${table.name} -->`]
  const [start = -1, end = -1] = marks.map(mark => page.indexOf(mark))
  if (start < 0 || end < start) throw new Error(`the page lacks ${marks.join(' … ')}`)
  return [start, end]
}

function lineOf({ id, text }: TestRow, cell: string): string {
  return `| ${id} | ${text} | ${cell} |`
}

function problemOf({ id, text, untested, pending }: TestRow, files: readonly string[]): string[] {
  if (pending === true) return []
  if (files.length === 0 && untested === undefined) return [`${id} (${text}) has no test with it in its title`]
  return files.length > 0 && untested !== undefined ? [`${id} has a test: ${files[0]}; its row says why not`] : []
}

function cellOf({ untested, pending }: TestRow, files: readonly string[]): string {
  if (pending === true) return PENDING
  return untested ?? files.map(file => `[${basename(file, '.ts').replace('.test', '')}](../${file})`).join(', ')
}

function idsOf(source: string): Set<string> {
  return new Set([...source.matchAll(TITLE)].flatMap(([, head = '']) => head.match(/[A-Z]+\d+/g) ?? []))
}

function realFirst(a: string, b: string): number {
  return Number(b.startsWith('test/')) - Number(a.startsWith('test/')) || (a < b ? -1 : 1)
}
