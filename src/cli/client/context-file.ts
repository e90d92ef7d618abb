import { mkdir, readFile, realpath, stat } from 'node:fs/promises'
import { homedir } from 'node:os'
import { dirname, join } from 'node:path'
import { replaceSecretFile } from '../../secret-file.ts'
import type { Environment } from '../environment.ts'
import { usageError } from '../exit-code.ts'
import { terminalSafe } from './terminal.ts'

/** A gateway that the user works with, and as whom. */
export interface Context {
  readonly gateway: string
  /** Of commands that name none; `openfaas-fn` when left out. */
  readonly namespace?: string
  /** PEM; the certificates that are trusted there, and no others. */
  readonly caFile?: string
  readonly token?: string
  /** Read at each command; goes before `token`. */
  readonly tokenFile?: string
  /** Of the token, when `login` made it: `logout` revokes it. */
  readonly tokenId?: string
}

export interface Contexts {
  readonly currentContext?: string
  readonly contexts: Readonly<Record<string, Context>>
}

const FIELDS = ['gateway', 'namespace', 'caFile', 'token', 'tokenFile', 'tokenId'] as const
const NAME = /^[A-Za-z0-9]([-A-Za-z0-9_.:@]{0,252})$/

/** Where the contexts are kept: `DOCKER_FAAS_CONFIG`, else `docker-faas/config.yaml` in `XDG_CONFIG_HOME` or `~/.config`. */
export function contextFilePath(env: Environment['env']): string {
  const { DOCKER_FAAS_CONFIG: given = '', XDG_CONFIG_HOME: xdg = '', HOME: home = '' } = env
  if (given !== '') return given
  const base = xdg === '' ? join(home === '' ? homedir() : home, '.config') : xdg
  return join(base, 'docker-faas', 'config.yaml')
}

/** The contexts of the file; none when there is no file. Throws when it cannot be read. */
export async function readContexts({ env, stderr }: Pick<Environment, 'env' | 'stderr'>): Promise<Contexts> {
  const path = contextFilePath(env)
  const text = await readFile(path, 'utf8').catch((err: NodeJS.ErrnoException) => {
    if (err.code === 'ENOENT' || err.code === 'ENOTDIR') return undefined
    throw usageError(`${path} cannot be read`, { cause: err })
  })
  if (text === undefined) return { contexts: {} }
  const { mode } = await stat(path)
  if ((mode & 0o077) !== 0 && /token:/.test(text)) stderr.write(`${path} is open to other users: chmod 600 ${path}\n`)
  return await parseContexts(text, path)
}

/** Puts these in the place of what the file held, for nobody but its owner. */
export async function writeContexts(env: Environment['env'], contexts: Contexts): Promise<void> {
  const given = contextFilePath(env)
  await mkdir(dirname(given), { recursive: true, mode: 0o700 })
  // A link that leads to the file stays one.
  const path = await realpath(given).catch(() => given)
  const { stringify } = await import('yaml')
  await replaceSecretFile(path, stringify(contexts, { lineWidth: 0 }))
}

/** Throws unless it can name a context. */
export function requireContextName(name: string): string {
  if (NAME.test(name)) return name
  throw usageError(`${JSON.stringify(name)} is no name for a context: letters, digits, "-", "_", ".", ":" and "@"`)
}

/** The context of that name. Throws when there is none. */
export function requireContext({ contexts }: Contexts, name: string): Context {
  const context = Object.hasOwn(contexts, name) ? contexts[name] : undefined
  if (context !== undefined) return context
  const names = Object.keys(contexts).join(', ')
  const known = names === '' ? 'there are none: "docker-faas login" makes one' : `there are ${names}`
  throw usageError(`there is no context ${terminalSafe(name)}; ${known}`)
}

async function parseContexts(text: string, path: string): Promise<Contexts> {
  const { parse } = await import('yaml')
  const wrong = (what: string) => usageError(`${path}: ${what}`)
  let value: unknown
  try {
    value = parse(text)
  } catch (err) {
    // NOTE: without the parser's message, which quotes the line, and so perhaps a token.
    const { linePos } = err as { linePos?: readonly { line: number }[] }
    throw wrong(`line ${linePos?.[0]?.line ?? 1} is no YAML`)
  }
  if (value === null || value === undefined) return { contexts: {} }
  const { contexts, currentContext } = isRecord(value) ? value : {}
  if (!isRecord(contexts)) throw wrong('must have contexts by name')
  for (const [name, context] of Object.entries(contexts)) {
    const fault = faultOf(context)
    if (fault !== undefined) throw wrong(`context ${terminalSafe(name)} ${fault}`)
  }
  const current = typeof currentContext === 'string' && currentContext !== '' ? { currentContext } : {}
  return { contexts: contexts as Record<string, Context>, ...current }
}

function faultOf(context: unknown): string | undefined {
  if (!isRecord(context) || typeof context['gateway'] !== 'string') return 'must have a gateway'
  const odd = FIELDS.find(field => context[field] !== undefined && typeof context[field] !== 'string')
  return odd === undefined ? undefined : `must have text as its ${odd}`
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
