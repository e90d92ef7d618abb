import { globSync, readFileSync } from 'node:fs'
import { basename } from 'node:path'
import { FAULTS, type FaultRow } from './fault-rows.ts'

/** The head of a title, such as `'N3: …` or `'G1, G2: …`, whether it stands in a call of `it` or in a table of tests. */
const TITLE = /['"`]([A-Z]{1,2}\d+(?:(?:, | )[A-Z]{1,2}\d+)*): /g
/** S1 to S41 are also requirements of security; which of the two a test means can be told by what it is about. */
const SECURITY_TESTS = /^(api|src\/(engine|http|logging))\/|engine-docker|api-system/

const MARKS = ['<!-- faults: written by hack/fault-docs.ts -->', '<!-- end of faults -->'] as const

/** Id → files of the repository whose tests have it in a title: those against real parts first. */
export function findFaultTests(root: URL): Map<string, string[]> {
  const found = new Map<string, string[]>()
  const files = globSync('{test,api,controllers,src,migrations}/**/*.test.ts', { cwd: root.pathname })
  for (const file of [...files, 'test/helpers/engine-contract.ts'].sort(realFirst)) {
    for (const id of idsOf(readFileSync(new URL(file, root), 'utf8'))) {
      if (/^S\d/.test(id) && SECURITY_TESTS.test(file)) continue
      found.set(id, [...(found.get(id) ?? []), file])
    }
  }
  return found
}

/** The page with the table of faults anew. Throws when a fault has no test and no reason, or a reason and a test. */
export function withFaultTable(page: string, tests: ReadonlyMap<string, readonly string[]>): string {
  const [start, end] = MARKS.map(mark => page.indexOf(mark)) as [number, number]
  if (start < 0 || end < start) throw new Error(`the page lacks ${MARKS.join(' … ')}`)
  const problems = FAULTS.flatMap(row => problemOf(row, tests.get(row.id) ?? []))
  if (problems.length > 0) throw new Error(problems.join('\n'))
  const rows = FAULTS.map(row => `| ${row.id} | ${row.text} | ${cellOf(row, tests.get(row.id) ?? [])} |`)
  const table = ['| id | fault, and what must be seen | tests |', '|---|---|---|', ...rows].join('\n')
  return `${page.slice(0, start)}${MARKS[0]}\n${table}\n${page.slice(end)}`
}

function problemOf({ id, text, untested }: FaultRow, files: readonly string[]): string[] {
  if (files.length === 0 && untested === undefined) return [`${id} (${text}) has no test with it in its title`]
  return files.length > 0 && untested !== undefined ? [`${id} has a test: ${files[0]}; its row says why not`] : []
}

function cellOf({ untested }: FaultRow, files: readonly string[]): string {
  return untested ?? files.map(file => `[${basename(file, '.ts').replace('.test', '')}](../${file})`).join(', ')
}

function idsOf(source: string): Set<string> {
  return new Set([...source.matchAll(TITLE)].flatMap(([, head = '']) => head.match(/[A-Z]+\d+/g) ?? []))
}

function realFirst(a: string, b: string): number {
  return Number(b.startsWith('test/')) - Number(a.startsWith('test/')) || (a < b ? -1 : 1)
}
