/**
 * Docker Compose where the machine has none that is new enough: Debian 13's, unpacked beside the system and not
 * installed. `node hack/compose.ts` fetches it and prints where it is.
 */
import { execFileSync } from 'node:child_process'
import { existsSync, globSync, mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** The oldest that understands compose.yaml: `!override` and optional files of variables. */
const OLDEST = [2, 24] as const
const CACHE = join(tmpdir(), 'docker-faas-compose')
const SUITE = 'trixie'
const PACKAGES = ['docker-compose', 'docker-buildx']
const PLUGINS = 'usr/libexec/docker/cli-plugins'

type Report = (line: string) => void

/** A program and its first arguments. */
export type ComposeCommand = readonly [program: string, ...args: string[]]

/** How Compose is run here; fetches it when there is none. Throws where it cannot be had. */
export function ensureCompose(report: Report): ComposeCommand {
  if (isNewEnough(['docker', 'compose'])) return ['docker', 'compose']
  return [join(ensurePlugins(report), 'docker-compose')]
}

/** Folder with the plugins `docker-compose` and `docker-buildx`. */
export function ensurePlugins(report: Report): string {
  if (!existsSync(join(CACHE, PLUGINS, 'docker-buildx'))) fetchPlugins(report)
  return join(CACHE, PLUGINS)
}

function isNewEnough([program, ...args]: ComposeCommand): boolean {
  try {
    const text = execFileSync(program, [...args, 'version', '--short'], { encoding: 'utf8', stdio: 'pipe' })
    const [major = 0, minor = 0] = text.replace(/^v/, '').split('.').map(Number)
    return major > OLDEST[0] || (major === OLDEST[0] && minor >= OLDEST[1])
  } catch {
    return false // there is no such plugin
  }
}

/** With lists and a source of its own, so that nothing of what the machine's apt-get knows or would install changes. */
function fetchPlugins(report: Report): void {
  report(`Fetching Docker Compose out of Debian's ${SUITE} …`)
  const folder = mkdtempSync(join(tmpdir(), 'docker-faas-fetch-'))
  try {
    for (const name of ['lists/partial', 'root']) mkdirSync(join(folder, name), { recursive: true })
    const keyring = '/usr/share/keyrings/debian-archive-keyring.gpg'
    const source = `deb [signed-by=${keyring}] ${mirror()} ${SUITE} main\n`
    writeFileSync(join(folder, 'sources.list'), source)
    const options = {
      'Dir::Etc::sourcelist': join(folder, 'sources.list'),
      'Dir::Etc::sourceparts': '-',
      'Dir::State::lists': join(folder, 'lists'),
      'Dir::Cache::pkgcache': '',
      'Dir::Cache::srcpkgcache': '',
      'Acquire::Languages': 'none',
      'APT::Sandbox::User': 'root'
    }
    const apt = Object.entries(options).flatMap(([name, value]) => ['-o', `${name}=${value}`])
    const run = (program: string, args: readonly string[]) =>
      execFileSync(program, args, { cwd: folder, stdio: 'pipe' })
    run('apt-get', [...apt, '-q', 'update'])
    run('apt-get', [...apt, '-q', 'download', ...PACKAGES])
    for (const name of globSync('*.deb', { cwd: folder })) run('dpkg-deb', ['-x', name, 'root'])
    rmSync(CACHE, { recursive: true, force: true })
    renameSync(join(folder, 'root'), CACHE)
  } catch (cause) {
    const help = 'install Docker Compose 2.24 or newer: https://docs.docker.com/compose/install/'
    throw new Error(`Docker Compose could not be fetched; ${help}`, { cause })
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

/** The mirror that this machine's packages come from. */
function mirror(): string {
  const uris = execFileSync('apt-get', ['indextargets', '--format', '$(REPO_URI)'], { encoding: 'utf8', stdio: 'pipe' })
  return uris.split('\n').find(uri => /\/debian\/?$/.test(uri)) ?? 'http://deb.debian.org/debian/'
}

if (import.meta.main) console.log(ensureCompose(line => console.error(line)).join(' '))
