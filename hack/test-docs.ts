import { readFileSync, writeFileSync } from 'node:fs'
import { findTests, mistakesIn, withTable } from './test-table.ts'
import { TEST_TABLES } from './test-tables.ts'

/** Writes the tables of faults and of requirements into their pages; with `--check` only says, by exit code 1, what is wrong in one. */
const root = new URL('..', import.meta.url)
for (const table of TEST_TABLES) {
  const page = new URL(table.page, root)
  const text = readFileSync(page, 'utf8')
  const tests = findTests(root, table.owns)
  if (!process.argv.includes('--check')) {
    writeFileSync(page, withTable(text, table, tests))
    continue
  }
  for (const mistake of mistakesIn(text, table, tests)) {
    console.error(`the table of ${table.name} in ${table.page} is wrong: ${mistake}; run node hack/test-docs.ts`)
    process.exitCode = 1
  }
}
