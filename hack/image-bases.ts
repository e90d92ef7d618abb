/** What images are made of on a machine without a registry: programs of this machine with the libraries that they need. */
import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { createReadStream, existsSync, globSync, readFileSync, realpathSync, statSync } from 'node:fs'
import { basename, join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import type { Pack } from 'tar-stream'
import { ensureProgram, installPackage } from './packages.ts'

const BUSYBOX = '/bin/busybox'
const NGINX = '/usr/sbin/nginx'
const NGINX_ECHO = '/usr/lib/nginx/modules/ngx_http_echo_module.so'
const PYTHON = '/usr/bin/python3'

/** Lengths of the files of the static server, which are their names as well: 0.1, 10 and 1,000 KiB. */
export const STATIC_BYTES = [102, 10_240, 1_024_000] as const

export type Report = (line: string) => void

export interface Base {
  readonly reference: string
  /** Puts the image together; absent: it comes from a registry. */
  readonly fill?: (layer: Pack) => Promise<void>
}

/** busybox of this machine as an image; elsewhere that of Docker Hub. */
export function busyboxBase(report: Report): Base {
  installBusybox(report)
  if (!isStatic(BUSYBOX)) return { reference: process.env['BASE_IMAGE'] || 'busybox:stable-musl' }
  const binary = readFileSync(BUSYBOX)
  const fill = async (layer: Pack) => {
    layer.entry({ name: 'bin/', type: 'directory', mode: 0o755 })
    layer.entry({ name: 'tmp/', type: 'directory', mode: 0o1777 })
    layer.entry({ name: 'bin/busybox', mode: 0o755 }, binary)
    const applets = execFileSync(BUSYBOX, ['--list'], { encoding: 'utf8' }).split('\n')
    for (const name of applets.filter(name => name !== '' && name !== 'busybox')) {
      layer.entry({ name: `bin/${name}`, type: 'symlink', linkname: 'busybox' })
    }
  }
  return { reference: `docker-faas/busybox:${contentHash([binary])}`, fill }
}

function isStatic(path: string): boolean {
  if (process.platform !== 'linux' || !existsSync(path)) return false
  return librariesOf(path).length === 0
}

function installBusybox(report: Report): void {
  if (!isStatic(BUSYBOX) && !installPackage('busybox-static', report)) {
    report('The base image comes from a registry instead.')
  }
}

/** Node and the libraries that it and native packages need; elsewhere than on Linux with glibc that of Docker Hub. */
export function nodeBase(): Base {
  const native = globSync(join(import.meta.dirname, '../node_modules/@node-rs/*/*.node'))
  const programs = process.platform === 'linux' ? [process.execPath, ...native] : []
  const libraries = programs.length === 0 ? [] : librariesOf(...programs)
  if (libraries.length === 0) return { reference: 'node:26-slim' }
  const sizes = [process.execPath, ...libraries].map(path => `${path} ${statSync(path).size}`)
  const fill = async (layer: Pack) => {
    for (const path of libraries) await addFile(layer, path.slice(1), path)
    await addFile(layer, 'bin/node', process.execPath)
  }
  return { reference: `docker-faas-test/node:${process.version.slice(1)}-${contentHash(sizes)}`, fill }
}

/** Debian's Python with its standard library, beside busybox; elsewhere that of Docker Hub. */
export function pythonBase(report: Report): Base {
  const shell = busyboxBase(report)
  if (!existsSync(PYTHON)) installPackage('python3', report)
  if (shell.fill === undefined || !existsSync(PYTHON)) return { reference: 'python:3.13-alpine' }
  const { fill: fillShell } = shell
  const program = realpathSync(PYTHON)
  const library = join('/usr/lib', basename(program))
  const files = globSync(['**/*.py', 'lib-dynload/*.so', '**/*.pyc'], {
    cwd: library,
    exclude: isNotForFunctions
  }).sort()
  const native = files.filter(name => name.endsWith('.so')).map(name => join(library, name))
  const libraries = librariesOf(program, ...native)
  const sizes = [program, ...libraries, ...native].map(path => `${path} ${statSync(path).size}`)
  const fill = async (layer: Pack) => {
    await fillShell(layer)
    for (const path of [...libraries, ...files.map(name => join(library, name))])
      await addFile(layer, path.slice(1), path)
    await addFile(layer, program.slice(1), program)
    layer.entry({ name: 'bin/python3', type: 'symlink', linkname: program })
  }
  return { reference: `docker-faas-test/python:${contentHash([shell.reference, ...sizes])}`, fill }
}

function isNotForFunctions(name: string): boolean {
  return /(^|\/)(test|idlelib|lib2to3|tkinter|ensurepip|pydoc_data|dist-packages)(\/|$)|_test/.test(name)
}

/** Debian's nginx, its module `echo`, what both need, and the files that are served. */
export function nginxBase(report: Report): Base {
  ensureProgram('nginx', 'nginx-light', report)
  const libraries = librariesOf(NGINX, NGINX_ECHO)
  if (libraries.length === 0) throw new Error('the static server is made of nginx-light of Debian, which is not here')
  const fill = async (layer: Pack) => {
    layer.entry({ name: 'tmp/', type: 'directory', mode: 0o1777 })
    for (const path of libraries) await addFile(layer, path.slice(1), path)
    await addFile(layer, 'bin/nginx', NGINX)
    await addFile(layer, 'lib/nginx/ngx_http_echo_module.so', NGINX_ECHO)
    for (const bytes of STATIC_BYTES)
      layer.entry({ name: `www/${bytes}`, mode: 0o644 }, Buffer.alloc(bytes, 'docker-faas '))
  }
  const sizes = [NGINX, NGINX_ECHO, ...libraries].map(path => `${path} ${statSync(path).size}`)
  return { reference: `docker-faas/nginx:${contentHash([...sizes, ...STATIC_BYTES.map(String)])}`, fill }
}

/** Shared libraries, the loader among them, that programs need; none when one of them is static. */
function librariesOf(...programs: string[]): string[] {
  try {
    const lines = execFileSync('ldd', programs, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).split('\n')
    return [...new Set(lines.flatMap(line => /(?:=> |^\s+)(\/\S+) \(0x/.exec(line)?.[1] ?? []))].sort()
  } catch {
    return [] // ldd ends with an error for a static program
  }
}

async function addFile(layer: Pack, name: string, path: string): Promise<void> {
  const { size, mtime } = statSync(path)
  // Python takes what it compiled before only where the time of its source is the same.
  await pipeline(createReadStream(path), layer.entry({ name, mode: 0o755, size, mtime }))
}

export function contentHash(parts: readonly (string | Buffer)[]): string {
  const hash = createHash('sha256')
  for (const part of parts) hash.update(`${Buffer.byteLength(part)}:`).update(part)
  return hash.digest('hex').slice(0, 12)
}
