import { execFile } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { parseImageReference } from '../../api/image-reference.ts'

/** What a registry is told, as the engine's API takes it. */
export interface RegistryCredentials {
  readonly serveraddress: string
  readonly username?: string
  readonly password?: string
  readonly identitytoken?: string
}

export interface RegistryAuth {
  /** The credentials for the registry of an image; undefined when it is asked as nobody. Never rejects. */
  forImage: (reference: string) => Promise<RegistryCredentials | undefined>
}

export interface RegistryAuthOptions {
  /** In the form of Docker's own `config.json`; `~/.docker/config.json` when absent. */
  readonly file?: string
  /** Told once of each thing that is wrong; never of what the file or a helper says. */
  readonly warn?: (message: string) => void
  /** For a credential helper, 10 s. */
  readonly helperTimeoutMs?: number
}

/** Where `docker login` writes to. */
export function defaultAuthFile(): string {
  return join(homedir(), '.docker', 'config.json')
}

/** Docker Hub's name in the file, from the time of its first API. */
const HUB_KEY = 'https://index.docker.io/v1/'

type Json = Readonly<Record<string, unknown>>

/** Something is wrong with the file or a helper; the message tells nothing of their contents. */
class RegistryAuthProblem extends Error {}

/** Reads the file at every pull, so that a login counts at once, without a restart. */
export function createRegistryAuth(options: RegistryAuthOptions = {}): RegistryAuth {
  const { file = defaultAuthFile(), warn = () => undefined, helperTimeoutMs = 10_000 } = options
  let lastProblem = ''
  return {
    forImage: async reference => {
      const registry = parseImageReference(reference)?.registry
      if (registry === undefined) return undefined
      try {
        const credentials = await findCredentials(await readConfig(file), registry, helperTimeoutMs)
        lastProblem = ''
        return credentials
      } catch (err) {
        if (!(err instanceof RegistryAuthProblem)) throw err
        if (err.message !== lastProblem) warn(err.message)
        lastProblem = err.message
        return undefined
      }
    }
  }
}

async function findCredentials(config: Json, registry: string, timeoutMs: number) {
  const key = registry === 'docker.io' ? HUB_KEY : registry
  const helper =
    asObject(config['credHelpers'])[registry] ?? asObject(config['credHelpers'])[key] ?? config['credsStore']
  const stored = typeof helper === 'string' && helper !== '' ? await askHelper(helper, key, timeoutMs) : undefined
  return stored ?? fromAuths(asObject(config['auths']), key)
}

async function readConfig(file: string): Promise<Json> {
  let text: string
  try {
    text = await readFile(file, 'utf8')
  } catch (err) {
    const { code } = err as { code?: string }
    if (code === 'ENOENT') return {}
    throw new RegistryAuthProblem(`registry credentials in ${file} cannot be read: ${code}`)
  }
  try {
    const config: unknown = JSON.parse(text)
    if (typeof config === 'object' && config !== null && !Array.isArray(config)) return config as Json
  } catch {
    // The parser's message quotes the text, which holds passwords.
  }
  throw new RegistryAuthProblem(`registry credentials in ${file} are no JSON object`)
}

/** The entry of the very key, else of the same host: older entries have a scheme and a path. */
function fromAuths(auths: Json, key: string): RegistryCredentials | undefined {
  const found = auths[key] ?? Object.entries(auths).find(([other]) => hostOf(other) === hostOf(key))?.[1]
  const { auth, identitytoken, username, password } = asObject(found)
  if (typeof identitytoken === 'string' && identitytoken !== '') return { serveraddress: key, identitytoken }
  if (typeof auth === 'string' && auth !== '') return decodeAuth(auth, key)
  if (typeof username !== 'string' || typeof password !== 'string') return undefined
  return { serveraddress: key, username, password }
}

function decodeAuth(auth: string, key: string): RegistryCredentials {
  // Docker's own encoder pads with NUL.
  const text = Buffer.from(auth, 'base64').toString().replace(/\0+$/, '')
  const colon = text.indexOf(':')
  if (colon < 1) throw new RegistryAuthProblem(`registry credentials for ${key} are not the base64 of name:password`)
  return { serveraddress: key, username: text.slice(0, colon), password: text.slice(colon + 1) }
}

function hostOf(key: string): string {
  const host = key.replace(/^https?:\/\//, '').split('/')[0] ?? ''
  return ['docker.io', 'registry-1.docker.io'].includes(host) ? 'index.docker.io' : host
}

/** Source: the protocol of docker-credential-helpers: the registry on stdin, a JSON object on stdout, 1 for none. */
async function askHelper(helper: string, key: string, timeoutMs: number): Promise<RegistryCredentials | undefined> {
  if (!/^[\w.-]+$/.test(helper)) throw new RegistryAuthProblem('the name of the credential helper is not allowed')
  const { error, stdout } = await execute(`docker-credential-${helper}`, key, timeoutMs)
  if (error !== undefined) {
    if (/credentials not found/i.test(stdout)) return undefined
    throw new RegistryAuthProblem(`credential helper ${helper} failed for ${key}: ${error}`)
  }
  const { Username: username, Secret: secret } = asObject(parseOrUndefined(stdout))
  if (typeof username !== 'string' || typeof secret !== 'string') {
    throw new RegistryAuthProblem(`credential helper ${helper} gave no credentials for ${key}`)
  }
  return username === '<token>'
    ? { serveraddress: key, identitytoken: secret }
    : { serveraddress: key, username, password: secret }
}

/** What the program wrote, and in a word why it failed. */
async function execute(program: string, input: string, timeoutMs: number): Promise<{ error?: string; stdout: string }> {
  return new Promise(resolve => {
    const options = { timeout: timeoutMs, killSignal: 'SIGKILL', maxBuffer: 1024 * 1024 } as const
    const child = execFile(program, ['get'], options, (err, stdout) => {
      if (err === null) resolve({ stdout })
      else resolve({ stdout, error: err.killed ? 'timed out' : `ended with ${err.code ?? err.signal}` })
    })
    // A helper that does not read its input has closed the pipe; its exit code says the rest.
    child.stdin?.on('error', () => undefined)
    child.stdin?.end(input)
  })
}

function parseOrUndefined(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined // whoever asks says so, without quoting the text
  }
}

function asObject(value: unknown): Json {
  return typeof value === 'object' && value !== null ? (value as Json) : {}
}
