import { readdir, readFile, stat } from 'node:fs/promises'
import { dirname, join, relative, sep } from 'node:path'
import { readInput } from '../client/input.ts'
import type { Environment } from '../environment.ts'
import { usageError } from '../exit-code.ts'

/** A text with manifests. */
export interface Source {
  /** For messages. */
  readonly name: string
  readonly text: string
  /** What paths in it are relative to. */
  readonly folder: string
  /** Nobody named it: it was found in a folder, where other things may lie. */
  readonly isFound?: true
}

const MAX_BYTES = 64 * 1024 * 1024
const EXTENSION = /\.(ya?ml|json)$/i

/** The texts of files, of the YAML and JSON files of folders (`recursive`: and of theirs), and of the standard input (`-`). */
export async function readSources(
  environment: Pick<Environment, 'stdin'>,
  paths: readonly string[],
  recursive: boolean
): Promise<Source[]> {
  if (paths.filter(path => path === '-').length > 1) throw usageError('-f - can be given once')
  const sources: Source[] = []
  for (const path of paths) {
    if (path === '-') {
      sources.push({ name: 'standard input', text: await readInput(environment, MAX_BYTES), folder: '.' })
    } else {
      sources.push(...(await readPath(path, recursive)))
    }
  }
  return sources
}

async function readPath(path: string, recursive: boolean): Promise<Source[]> {
  if (/^https?:\/\//i.test(path)) throw usageError(`${path} is a URL: fetch it, look at it, and apply the file`)
  const isFolder = await attempt(path, async () => (await stat(path)).isDirectory())
  if (!isFolder) return [await readOne(path)]
  const entries = await attempt(path, () => readdir(path, { recursive, withFileTypes: true }))
  const named = entries
    .filter(entry => EXTENSION.test(entry.name))
    .map(entry => join(entry.parentPath, entry.name))
    .filter(file => !relative(path, file).split(sep).some(isOfOthers))
  const kinds = await Promise.all(named.map(file => attempt(file, () => stat(file))))
  // A pipe would be waited for, and a device has no end.
  const files = named.filter((_, index) => kinds[index]?.isFile()).sort()
  if (files.length === 0) throw usageError(`there is no .yml, .yaml or .json file in ${path}`)
  return await Promise.all(files.map(async file => ({ ...(await readOne(file)), isFound: true as const })))
}

/** Packages, and what is hidden, such as .git. */
function isOfOthers(name: string): boolean {
  return name === 'node_modules' || name.startsWith('.')
}

async function readOne(path: string): Promise<Source> {
  return { name: path, text: await attempt(path, () => readFile(path, 'utf8')), folder: dirname(path) }
}

async function attempt<T>(path: string, read: () => Promise<T>): Promise<T> {
  try {
    return await read()
  } catch (err) {
    throw usageError(`${path} cannot be read`, { cause: err })
  }
}
