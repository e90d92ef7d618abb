/** Compiles to dist/, for a Node that runs JavaScript only, and makes the command executable. */
import { chmodSync, copyFileSync, cpSync, existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { cloneCommit } from '../src/cli/commit.ts'
import { PAGE_FILES, PAGE_FOLDER, PAGE_LICENCES, swaggerFolder } from '../src/http/docs-files.ts'
import { run } from './command.ts'

const PAGE = 'dist/src/http/docs-page'
const COMMAND = 'dist/src/main.js'

rmSync('dist', { recursive: true, force: true })
const { code } = await run('tsc', ['--project', 'tsconfig.build.json'], { inherit: true })
process.exitCode = code
if (code === 0) copyPage()
// Where there is no clone, as while an image is built, whoever builds may say it.
if (code === 0) writeFileSync('dist/commit', `${cloneCommit('.') || (process.env['REVISION'] ?? '')}\n`)
if (code === 0 && existsSync(COMMAND)) {
  const text = readFileSync(COMMAND, 'utf8')
  if (!text.startsWith('#!')) writeFileSync(COMMAND, `#!/usr/bin/env node\n${text}`)
  chmodSync(COMMAND, 0o755)
}

/** The page of the documentation, with what it takes of Swagger UI and the licences of that. */
function copyPage(): void {
  cpSync(PAGE_FOLDER, PAGE, { recursive: true })
  for (const name of [...Object.keys(PAGE_FILES), ...PAGE_LICENCES]) {
    if (!existsSync(join(PAGE, name))) copyFileSync(join(swaggerFolder(), name), join(PAGE, name))
  }
}
