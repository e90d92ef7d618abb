import { hash } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { registerHooks } from 'node:module'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** What a source is called without its types, beside this module: see `strip.ts`. */
export function strippedName(source: string): string {
  return `${hash('sha256', process.version + source)}.mjs`
}

/** A process that imports this module loads sources as they are kept beside it. What is not kept there Node strips by itself. */
registerHooks({
  load: (url, context, next) => {
    if (!url.endsWith('.ts')) return next(url, context)
    const kept = join(import.meta.dirname, strippedName(readFileSync(fileURLToPath(url), 'utf8')))
    if (!existsSync(kept)) return next(url, context)
    return { format: 'module', source: readFileSync(kept), shortCircuit: true }
  }
})
