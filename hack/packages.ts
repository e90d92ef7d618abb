import { execFileSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { delimiter, join } from 'node:path'

/** Installs a package of Debian's; false where that cannot be done, or fails. */
export function installPackage(name: string, report: (line: string) => void): boolean {
  if (!existsSync('/usr/bin/apt-get') || process.getuid?.() !== 0) return false
  report(`Installing ${name} with apt-get …`)
  try {
    const install = `apt-get install -q -y --no-install-recommends ${name}`
    const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' }
    execFileSync('sh', ['-c', `${install} || { apt-get update -q && ${install}; }`], { env, stdio: 'pipe' })
    return true
  } catch {
    report(`apt-get could not install ${name}.`)
    return false
  }
}

/** Installs the package that a program is in, unless the program is there. */
export function ensureProgram(program: string, packageName: string, report: (line: string) => void): void {
  const folders = (process.env['PATH'] ?? '').split(delimiter)
  if (!folders.some(folder => existsSync(join(folder, program)))) installPackage(packageName, report)
}
