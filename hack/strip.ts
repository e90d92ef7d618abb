/**
 * Keeps the sources without their types, as far as they are not kept yet, and prints what Node is to `--import` to take them from
 * there. What strips them weighs 15 MiB in each process that needs it; Node's own compile cache weighs 10, all that was read of it.
 */
import { existsSync, globSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { stripTypeScriptTypes } from 'node:module'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { strippedName } from './stripped.ts'

const KEPT = 'node_modules/.cache/stripped'
const SOURCES = '{api,controllers,src,migrations}/**/*.ts'

mkdirSync(KEPT, { recursive: true })
for (const path of globSync(SOURCES)) if (!path.endsWith('.test.ts')) keep(path)
process.stdout.write(pathToFileURL(keep('hack/stripped.ts')).href)

function keep(path: string): string {
  const source = readFileSync(path, 'utf8')
  const kept = join(KEPT, strippedName(source))
  if (existsSync(kept)) return kept
  // Whole or not at all, as a gateway may start meanwhile.
  const own = `${kept}.${process.pid}`
  writeFileSync(own, stripTypeScriptTypes(source))
  renameSync(own, kept)
  return kept
}
