/** Compiles to dist/, for a Node that runs JavaScript only, and makes the command executable. */
import { chmodSync, existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { run } from './command.ts'

const COMMAND = 'dist/src/main.js'

rmSync('dist', { recursive: true, force: true })
const { code } = await run('tsc', ['--project', 'tsconfig.build.json'], { inherit: true })
process.exitCode = code
if (code === 0 && existsSync(COMMAND)) {
  const text = readFileSync(COMMAND, 'utf8')
  if (!text.startsWith('#!')) writeFileSync(COMMAND, `#!/usr/bin/env node\n${text}`)
  chmodSync(COMMAND, 0o755)
}
