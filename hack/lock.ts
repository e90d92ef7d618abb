/**
 * Brings package-lock.json in line with package.json, then does two things that npm does not.
 *
 * It completes it: a registry mirror may lack packages for platforms that it does not serve; npm then leaves them out,
 * and `npm ci` refuses the file as incomplete. They are never installed elsewhere, so version and platform are enough.
 *
 * It writes the denials of package.json's `allowScripts` into it, because npm 10 knows no `allowScripts`: nothing then
 * tries to compile, and a machine without a compiler installs as fast as any. `gypfile: false` is better-sqlite3's own
 * wish, which npm forgets when it writes a lock file.
 */
import { execFileSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'

interface Entry {
  version: string
  dev?: boolean
  optional?: boolean
  os?: string[]
  cpu?: string[]
  libc?: string[]
  hasInstallScript?: boolean
  gypfile?: boolean
  optionalDependencies?: Record<string, string>
}

const OS = ['android', 'darwin', 'freebsd', 'linux', 'openharmony', 'win32', 'aix', 'sunos']
const CPU = ['arm64', 'arm', 'x64', 'ia32', 'ppc64', 'riscv64', 's390x', 'loong64', 'wasm32']

/** The platform that a package's name ends with; undefined when it names none. */
function platformOf(name: string): Pick<Entry, 'os' | 'cpu' | 'libc'> | undefined {
  const words = name.split(/[/-]/)
  const os = OS.find(word => words.includes(word))
  const cpu = CPU.find(word => words.includes(word))
  if (os === undefined || cpu === undefined) return undefined
  const musl = words.some(word => word.startsWith('musl'))
  return { os: [os], cpu: [cpu], ...(os === 'linux' && { libc: [musl ? 'musl' : 'glibc'] }) }
}

execFileSync('npm', ['install', '--package-lock-only', '--loglevel=error'], { stdio: 'inherit' })
const lock = JSON.parse(readFileSync('package-lock.json', 'utf8')) as { packages: Record<string, Entry> }
const { allowScripts } = JSON.parse(readFileSync('package.json', 'utf8')) as { allowScripts: Record<string, boolean> }
for (const [path, entry] of Object.entries(lock.packages)) {
  if (allowScripts[path.replace(/^.*node_modules\//, '')] !== false) continue
  delete entry.hasInstallScript
  entry.gypfile = false
}
const added: string[] = []
for (const parent of Object.values(lock.packages)) {
  for (const [name, version] of Object.entries(parent.optionalDependencies ?? {})) {
    const path = `node_modules/${name}`
    const platform = platformOf(name)
    if (path in lock.packages || platform === undefined || !/^\d+\.\d+\.\d+$/.test(version)) continue
    lock.packages[path] = { version, ...(parent.dev === true && { dev: true }), optional: true, ...platform }
    added.push(`${name}@${version}`)
  }
}
lock.packages = Object.fromEntries(Object.entries(lock.packages).sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)))
writeFileSync('package-lock.json', `${JSON.stringify(lock, null, 2)}\n`)
console.log(added.length === 0 ? 'The lock file is complete.' : `Completed the lock file with ${added.join(', ')}.`)
