/** Images without a registry: made of what this machine has, and made again only when their content changed. */
import '../src/left-out.ts'
import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join, relative } from 'node:path'
import { Readable } from 'node:stream'
import type Docker from 'dockerode'
import { pack } from 'tar-stream'
import { connectDocker, DEFAULT_HOST, streamAgent } from '../src/engine/docker-client.ts'
import { type Base, busyboxBase, contentHash, nginxBase, nodeBase, pythonBase, type Report } from './image-bases.ts'

/** Label that holds the hash of what an image was made of. */
const CONTENT = 'com.docker-faas.content'
const IMAGES = join(import.meta.dirname, 'images')
const SAMPLES = join(import.meta.dirname, 'samples')

export const HELLO_IMAGE = 'docker-faas/hello:latest'

/** The engine that `DOCKER_HOST` names. */
export function connectEngine(): Docker {
  return connectDocker(process.env['DOCKER_HOST'] || DEFAULT_HOST, streamAgent(), 'any') as unknown as Docker
}

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

/** Folders of `hack/samples`, each after the one that it is built on. */
const SAMPLE_NAMES = ['node', 'python', 'shell'] as const
export type Sample = (typeof SAMPLE_NAMES)[number]

/** Builds a sample with these files in place of its own, as one who starts from it does, unless it is there; its reference. */
export async function ensureSample(docker: Docker, sample: Sample, files: Files = {}): Promise<string> {
  const python = sample === 'shell' ? await ensureSample(docker, 'python') : ''
  const reference = (hash: string) => `docker-faas-test/sample-${sample}:${hash}`
  return ensureBuilt(docker, { ...recipeOf(sample, python), reference, files }, silent)
}

/** Builds the samples by the names that their stack files have, and says what others can be built on. */
async function buildSamples(docker: Docker, report: Report): Promise<void> {
  for (const sample of SAMPLE_NAMES) {
    const reference = `docker-faas/sample-${sample}:latest`
    const recipe = recipeOf(sample, 'docker-faas/sample-python:latest')
    await ensureBuilt(docker, { ...recipe, reference: () => reference }, report)
    report(`${reference} is there; build your own with --build-arg BASE_IMAGE=${recipe.base(silent).reference}`)
  }
}

function recipeOf(sample: Sample, python: string): Pick<Recipe, 'folder' | 'base'> {
  const bases = { node: nodeBase, python: pythonBase, shell: () => ({ reference: python }) }
  return { folder: join(SAMPLES, sample), base: bases[sample] }
}

/** Content by path in the folder of a recipe. */
type Files = Readonly<Record<string, string>>

interface Recipe {
  readonly folder: string
  readonly reference: (hash: string) => string
  readonly base: (report: Report) => Base
  /** In place of those of the folder. */
  readonly files?: Files
}

async function ensureBuilt(docker: Docker, recipe: Recipe, report: Report): Promise<string> {
  const base = recipe.base(report)
  const files = filesBelow(recipe.folder)
  const read = (name: string) => recipe.files?.[name] ?? readFileSync(join(recipe.folder, name))
  const hash = contentHash([base.reference, ...files.flatMap(name => [name, read(name)])])
  const reference = recipe.reference(hash)
  if ((await contentOf(docker, reference)) === hash) return reference
  report(`Building the image ${reference} …`)
  await ensureBase(docker, base)
  const context = pack()
  for (const name of files) {
    context.entry({ name, mode: statSync(join(recipe.folder, name)).mode & 0o777 }, read(name))
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

function filesBelow(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter(entry => entry.isFile() && !entry.parentPath.includes('__pycache__'))
    .map(entry => relative(folder, join(entry.parentPath, entry.name)))
    .sort()
}

if (import.meta.main) {
  const docker = connectEngine()
  await ensureHello(docker, console.log)
  await buildSamples(docker, console.log)
}
