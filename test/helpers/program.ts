import { execFileSync } from 'node:child_process'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** The program, as `node` runs it from its sources. */
export const MAIN = join(import.meta.dirname, '../../src/main.ts')

/**
 * Belongs in the environment of each process that is the program: it is compiled once for all of them, so that a command
 * takes 0.1 s of CPU instead of 0.3 s, and a gateway starts in 0.6 s instead of 1 s.
 */
export const COMPILE_CACHE = { NODE_COMPILE_CACHE: join(tmpdir(), 'docker-faas-compile-cache') }

let isWarm = false

/** Has the code of a gateway compiled, once in a process: only a process that ends by itself fills the cache, which one that is killed does not. */
export function compileGateway(): void {
  if (isWarm) return
  isWarm = true
  execFileSync(process.execPath, [MAIN, 'serve', '--help'], { env: { ...process.env, ...COMPILE_CACHE } })
}
