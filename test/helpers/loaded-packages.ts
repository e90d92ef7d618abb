import { execFileSync } from 'node:child_process'

/** The packages of npm's that a process of its own loads when it imports a module, in that order. */
export function loadedPackages(module: URL): string[] {
  const program = `
  import { registerHooks } from 'node:module'
  const packages = new Set()
  registerHooks({
    load(url, context, next) {
      const name = /node_modules\\/((?:@[^/]+\\/)?[^/]+)\\//.exec(url)?.[1]
      if (name !== undefined) packages.add(name)
      return next(url, context)
    }
  })
  await import(${JSON.stringify(module.href)})
  console.log([...packages].join('\\n'))`
  const args = ['--input-type=module-typescript', '-e', program]
  return execFileSync(process.execPath, args).toString().trim().split('\n')
}
