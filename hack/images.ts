/** Images without a registry: made of what this machine has, and made again only when their content changed. */
import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { createReadStream, existsSync, globSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { join, relative } from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import type Docker from 'dockerode'
import { type Pack, pack } from 'tar-stream'
import { connectDocker, DEFAULT_HOST, streamAgent } from '../src/engine/docker-client.ts'
import { ensureProgram, installPackage } from './packages.ts'

/** Label that holds the hash of what an image was made of. */
const CONTENT = 'com.docker-faas.content'
const IMAGES = join(import.meta.dirname, 'images')
const BUSYBOX = '/bin/busybox'

const NGINX = '/usr/sbin/nginx'
const NGINX_ECHO = '/usr/lib/nginx/modules/ngx_http_echo_module.so'

/** Lengths of the files of the static server, which are their names as well: 0.1, 10 and 1,000 KiB. */
export const STATIC_BYTES = [102, 10_240, 1_024_000] as const

export const HELLO_IMAGE = 'docker-faas/hello:latest'

/** The engine that `DOCKER_HOST` names. */
export function connectEngine(): Docker {
  return connectDocker(process.env['DOCKER_HOST'] || DEFAULT_HOST, streamAgent(), 'any') as unknown as Docker
}

type Report = (line: string) => void
const silent: Report = () => undefined

/** Builds the sample function unless it is there as it should be; its reference. */
export async function ensureHello(docker: Docker, report: Report = silent): Promise<string> {
  await ensureBuilt(docker, { folder: join(IMAGES, 'hello'), reference: () => HELLO_IMAGE, base: busyboxBase }, report)
  return HELLO_IMAGE
}

/** Builds the function that tests use unless it is there; its reference. */
export function ensureTestkit(docker: Docker, report: Report = silent): Promise<string> {
  const reference = (hash: string) => `docker-faas-test/testkit:${hash}`
  return ensureBuilt(docker, { folder: join(IMAGES, 'testkit'), reference, base: nodeBase }, report)
}

/** An image of this machine's Node, on which the gateway's can be built; its reference. */
export async function ensureNode(docker: Docker): Promise<string> {
  const base = nodeBase()
  await ensureBase(docker, base)
  return base.reference
}

/** Builds the small static server that the data plane is measured with, of Debian's nginx; its reference. */
export async function ensureStatic(docker: Docker, report: Report = silent): Promise<string> {
  const reference = (hash: string) => `docker-faas-bench/static:${hash}`
  return ensureBuilt(docker, { folder: join(IMAGES, 'static'), reference, base: nginxBase }, report)
}

interface Base {
  readonly reference: string
  /** Puts the image together; absent: it comes from a registry. */
  readonly fill?: (layer: Pack) => Promise<void>
}

interface Recipe {
  readonly folder: string
  readonly reference: (hash: string) => string
  readonly base: (report: Report) => Base
}

async function ensureBuilt(docker: Docker, recipe: Recipe, report: Report): Promise<string> {
  const base = recipe.base(report)
  const files = filesBelow(recipe.folder)
  const hash = contentHash([base.reference, ...files.flatMap(file => [file, readFileSync(join(recipe.folder, file))])])
  const reference = recipe.reference(hash)
  if ((await contentOf(docker, reference)) === hash) return reference
  report(`Building the image ${reference} …`)
  await ensureBase(docker, base)
  const context = pack()
  for (const name of files) {
    const path = join(recipe.folder, name)
    context.entry({ name, mode: statSync(path).mode & 0o777 }, readFileSync(path))
  }
  context.finalize()
  const buildargs = { BASE_IMAGE: base.reference }
  await finished(
    docker,
    await docker.buildImage(Readable.from(context), {
      t: reference,
      buildargs,
      labels: { [CONTENT]: hash },
      rm: true,
      forcerm: true
    })
  )
  return reference
}

async function ensureBase(docker: Docker, { reference, fill }: Base): Promise<void> {
  if ((await contentOf(docker, reference)) !== undefined) return
  if (fill === undefined) {
    await finished(docker, await docker.pull(reference))
    return
  }
  const [repo, tag] = reference.split(':')
  const layer = pack()
  const options = { repo, tag, changes: [`LABEL ${CONTENT}=base`, 'ENV PATH=/bin'] }
  const importing = docker.importImage(Readable.from(layer), options).then(answer => finished(docker, answer))
  await Promise.all([importing, fill(layer).then(() => layer.finalize())])
}

/** The content hash of an image, empty when it has none; undefined when there is no such image. */
async function contentOf(docker: Docker, reference: string): Promise<string | undefined> {
  try {
    const { Config } = await docker.getImage(reference).inspect()
    return Config.Labels?.[CONTENT] ?? ''
  } catch (err) {
    if ((err as { statusCode?: number }).statusCode === 404) return undefined
    throw err
  }
}

/** Waits for the end of a build, import or pull. Throws what the engine says in the middle of it. */
function finished(docker: Docker, progress: NodeJS.ReadableStream): Promise<void> {
  return new Promise((resolve, reject) => {
    docker.modem.followProgress(progress, (err: Error | null) => (err ? reject(err) : resolve()))
  })
}

/** busybox of this machine as an image; elsewhere that of Docker Hub. */
function busyboxBase(report: Report): Base {
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
function nodeBase(): Base {
  const native = globSync(join(import.meta.dirname, '../node_modules/@node-rs/*/*.node'))
  const programs = process.platform === 'linux' ? [process.execPath, ...native] : []
  const libraries = [...new Set(programs.flatMap(librariesOf))].sort()
  if (libraries.length === 0) return { reference: 'node:26-slim' }
  const sizes = [process.execPath, ...libraries].map(path => `${path} ${statSync(path).size}`)
  const fill = async (layer: Pack) => {
    for (const path of libraries) await addFile(layer, path.slice(1), path)
    await addFile(layer, 'bin/node', process.execPath)
  }
  return { reference: `docker-faas-test/node:${process.version.slice(1)}-${contentHash(sizes)}`, fill }
}

/** Debian's nginx, its module `echo`, what both need, and the files that are served. */
function nginxBase(report: Report): Base {
  ensureProgram('nginx', 'nginx-light', report)
  const libraries = [...new Set([NGINX, NGINX_ECHO].flatMap(librariesOf))].sort()
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

/** Shared libraries, the loader among them, that a program needs; none when it is static. */
function librariesOf(program: string): string[] {
  try {
    const lines = execFileSync('ldd', [program], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).split('\n')
    return lines.flatMap(line => /(?:=> |^\s+)(\/\S+) \(0x/.exec(line)?.[1] ?? [])
  } catch {
    return [] // ldd ends with an error for a static program
  }
}

async function addFile(layer: Pack, name: string, path: string): Promise<void> {
  await pipeline(createReadStream(path), layer.entry({ name, mode: 0o755, size: statSync(path).size }))
}

function filesBelow(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter(entry => entry.isFile())
    .map(entry => relative(folder, join(entry.parentPath, entry.name)))
    .sort()
}

function contentHash(parts: readonly (string | Buffer)[]): string {
  const hash = createHash('sha256')
  for (const part of parts) hash.update(`${Buffer.byteLength(part)}:`).update(part)
  return hash.digest('hex').slice(0, 12)
}
