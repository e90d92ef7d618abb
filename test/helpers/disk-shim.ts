import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, readFileSync, renameSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const SOURCE = new URL('disk-shim.c', import.meta.url).pathname

export interface ShimOptions {
  /** Only files in it are looked at; an absolute path without links in it. */
  readonly folder: string
  /** Where to write down what is done to them. */
  readonly journal?: string
  /** The socket of who is asked before each commit. */
  readonly gate?: string
}

/** Variables that put a program's disk under the shim of disk-shim.c, which is compiled when it has changed. */
export function shimEnv({ folder, journal, gate }: ShimOptions): Record<string, string> {
  return {
    LD_PRELOAD: compiledShim(),
    SHIM_FOLDER: folder,
    ...(journal === undefined ? {} : { SHIM_JOURNAL: journal }),
    ...(gate === undefined ? {} : { SHIM_GATE: gate })
  }
}

function compiledShim(): string {
  const hash = createHash('sha256').update(readFileSync(SOURCE)).digest('hex').slice(0, 12)
  const library = join(tmpdir(), `docker-faas-disk-shim-${hash}.so`)
  if (existsSync(library)) return library
  installCompiler()
  const draft = `${library}.${process.pid}`
  execFileSync('gcc', ['-shared', '-fPIC', '-O2', '-Wall', '-Wextra', '-Werror', '-o', draft, SOURCE])
  renameSync(draft, library)
  return library
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
