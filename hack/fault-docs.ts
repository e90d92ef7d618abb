import { readFileSync, writeFileSync } from 'node:fs'
import { findFaultTests, withFaultTable } from './fault-table.ts'

/** Writes the table of faults into docs/testing.md; with `--check` only says, by exit code 1, that it is stale. */
const page = new URL('../docs/testing.md', import.meta.url)
const text = readFileSync(page, 'utf8')
const wanted = withFaultTable(text, findFaultTests(new URL('..', import.meta.url)))

if (!process.argv.includes('--check')) writeFileSync(page, wanted)
else if (wanted !== text) {
  console.error('the table of faults in docs/testing.md is stale: run node hack/fault-docs.ts')
  process.exitCode = 1
}
