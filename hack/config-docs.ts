import { readFileSync, writeFileSync } from 'node:fs'
import { renderConfigDocs } from './config-page.ts'

/** Writes docs/configuration.md out of the schema; with `--check` only says, by exit code 1, that it is stale. */
const page = new URL('../docs/configuration.md', import.meta.url)
const wanted = renderConfigDocs()

if (!process.argv.includes('--check')) {
  writeFileSync(page, wanted)
} else if (readText(page) !== wanted) {
  console.error('docs/configuration.md is stale: run node hack/config-docs.ts')
  process.exitCode = 1
}

function readText(file: URL): string | undefined {
  try {
    return readFileSync(file, 'utf8')
  } catch (err) {
    if ((err as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw err
  }
}
