import { execFileSync } from 'node:child_process'
import { existsSync, rmSync, writeFileSync } from 'node:fs'
import { delimiter, join } from 'node:path'

/** Asked by packages before they start a service; 101 is "no". Source: Debian's policy-rc.d specification. */
const SERVICE_POLICY = '/usr/sbin/policy-rc.d'

/** A program, and the packages of Debian's that it is in. */
export type Program = readonly [program: string, packages: string]

/** Installs packages of Debian's, named with spaces between them; false where that cannot be done, or fails. */
export function installPackage(names: string, report: (line: string) => void): boolean {
  if (!existsSync('/usr/bin/apt-get') || process.getuid?.() !== 0) return false
  report(`Installing ${names} with apt-get …`)
  const isOurs = forbidServices()
  try {
    // Somebody else may be installing something.
    const install = `apt-get install -q -y --no-install-recommends -o DPkg::Lock::Timeout=300 ${names}`
    const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' }
    execFileSync('sh', ['-c', `${install} || { apt-get update -q && ${install}; }`], { env, stdio: 'pipe' })
    return true
  } catch {
    report(`apt-get could not install ${names}.`)
    return false
  } finally {
    if (isOurs) rmSync(SERVICE_POLICY, { force: true })
  }
}

/** Keeps packages from starting their servers on this machine, as they do when they are installed; whether this call did it. */
function forbidServices(): boolean {
  if (existsSync(SERVICE_POLICY)) return false
  writeFileSync(SERVICE_POLICY, '#!/bin/sh\nexit 101\n', { mode: 0o755 })
  return true
}

/** Installs, in one go, the packages of those programs that are not there. */
export function ensurePrograms(programs: readonly Program[], report: (line: string) => void): void {
  const folders = [...(process.env['PATH'] ?? '').split(delimiter), '/usr/sbin']
  const isThere = (program: string) => folders.some(folder => existsSync(join(folder, program)))
  const missing = new Set(programs.flatMap(([program, packages]) => (isThere(program) ? [] : [packages])))
  if (missing.size === 0 || installPackage([...missing].join(' '), report)) return
  // One that is not to be had keeps the others from being installed.
  if (missing.size > 1) for (const packages of missing) installPackage(packages, report)
}

/** Installs the packages that a program is in, unless the program is there. */
export function ensureProgram(program: string, packages: string, report: (line: string) => void): void {
  ensurePrograms([[program, packages]], report)
}
