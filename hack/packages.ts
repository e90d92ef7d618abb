import { execFileSync } from 'node:child_process'
import { existsSync, rmSync, writeFileSync } from 'node:fs'
import { delimiter, join } from 'node:path'

/** Asked by packages before they start a service; 101 is "no". Source: Debian's policy-rc.d specification. */
const SERVICE_POLICY = '/usr/sbin/policy-rc.d'

/** Installs a package of Debian's; false where that cannot be done, or fails. */
export function installPackage(name: string, report: (line: string) => void): boolean {
  if (!existsSync('/usr/bin/apt-get') || process.getuid?.() !== 0) return false
  report(`Installing ${name} with apt-get …`)
  const isOurs = forbidServices()
  try {
    const install = `apt-get install -q -y --no-install-recommends ${name}`
    const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' }
    execFileSync('sh', ['-c', `${install} || { apt-get update -q && ${install}; }`], { env, stdio: 'pipe' })
    return true
  } catch {
    report(`apt-get could not install ${name}.`)
    return false
  } finally {
    if (isOurs) rmSync(SERVICE_POLICY)
  }
}

/** Keeps packages from starting their servers on this machine, as they do when they are installed; whether this call did it. */
function forbidServices(): boolean {
  if (existsSync(SERVICE_POLICY)) return false
  writeFileSync(SERVICE_POLICY, '#!/bin/sh\nexit 101\n', { mode: 0o755 })
  return true
}

/** Installs the package that a program is in, unless the program is there. */
export function ensureProgram(program: string, packageName: string, report: (line: string) => void): void {
  const folders = (process.env['PATH'] ?? '').split(delimiter)
  if (!folders.some(folder => existsSync(join(folder, program)))) installPackage(packageName, report)
}
