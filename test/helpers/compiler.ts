import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, readFileSync, renameSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { ensureProgram } from '../../hack/packages.ts'

/** Path of what gcc makes of a C file beside the helpers; made anew when the file has changed. Installs gcc where it is missing. */
export function compiled(name: string, flags: readonly string[]): string {
  const source = join(import.meta.dirname, name)
  const hash = createHash('sha256').update(flags.join(' ')).update(readFileSync(source)).digest('hex').slice(0, 12)
  const target = join(tmpdir(), `docker-faas-${basename(name, '.c')}-${hash}`)
  if (existsSync(target)) return target
  ensureProgram('gcc', 'gcc libc6-dev', line => process.stdout.write(`${line}\n`))
  const draft = `${target}.${process.pid}`
  execFileSync('gcc', [...flags, '-O2', '-Wall', '-Wextra', '-Werror', '-o', draft, source])
  renameSync(draft, target)
  return target
}
