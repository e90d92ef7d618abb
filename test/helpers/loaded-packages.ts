import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'

const LEFT_OUT = pathToFileURL(join(import.meta.dirname, '../../src/left-out.ts')).href

/**
 * The modules that a process of its own loads, in that order, when it imports these as the program does; among them those that
 * are left out (`left-out:<package>/<part>`), and none of Node's own.
 */
export function loadedModules(...modules: readonly URL[]): string[] {
  const program = `
  import { registerHooks } from 'node:module'
  await import(${JSON.stringify(LEFT_OUT)})
  const urls = []
  registerHooks({
    load(url, context, next) {
      if (!url.startsWith('node:')) urls.push(url)
      return next(url, context)
    }
  })
  for (const module of ${JSON.stringify(modules)}) await import(module)
  console.log(JSON.stringify(urls))`
  const args = ['--input-type=module-typescript', '-e', program]
  return JSON.parse(execFileSync(process.execPath, args, { maxBuffer: 2 ** 24 }).toString())
}

/** The packages of npm's that these are of. */
export function loadedPackages(...modules: readonly URL[]): string[] {
  return [...new Set(loadedModules(...modules).map(packageOf))].filter(name => name !== undefined)
}

/** The package of npm's that a module is of. */
export function packageOf(url: string): string | undefined {
  return /node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(url)?.[1]
}
