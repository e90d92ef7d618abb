import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, readFileSync, renameSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'

/** Path of what gcc makes of a C file beside the helpers; made anew when the file has changed. Installs gcc where it is missing. */
export function compiled(name: string, flags: readonly string[]): string {
  const source = join(import.meta.dirname, name)
  const hash = createHash('sha256').update(flags.join(' ')).update(readFileSync(source)).digest('hex').slice(0, 12)
  const target = join(tmpdir(), `docker-faas-${basename(name, '.c')}-${hash}`)
  if (existsSync(target)) return target
  installCompiler()
  const draft = `${target}.${process.pid}`
  execFileSync('gcc', [...flags, '-O2', '-Wall', '-Wextra', '-Werror', '-o', draft, source])
  renameSync(draft, target)
  return target
}

function installCompiler(): void {
  try {
    execFileSync('gcc', ['--version'], { stdio: 'ignore' })
  } catch {
    const install = 'apt-get install -q -y --no-install-recommends gcc libc6-dev'
    const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' }
    execFileSync('sh', ['-c', `${install} || { apt-get update -q && ${install}; }`], { env, stdio: 'pipe' })
  }
}
