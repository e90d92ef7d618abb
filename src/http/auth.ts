import { hash, randomBytes, timingSafeEqual } from 'node:crypto'
import { readFile, stat } from 'node:fs/promises'
import { SCOPES } from '../../api/scope.ts'
import { createSecretFile } from '../secret-file.ts'
import { ANYBODY, type Identity } from './caller.ts'

export interface Authenticator {
  /** Who sends this `Authorization` header; anybody when authentication is off, undefined when it is nobody's. */
  identify: (header: string | undefined) => Identity | undefined
  /** Whether the header holds the gateway's own credentials, so that it must not reach a function. */
  isOwn: (header: string | undefined) => boolean
}

export interface AuthOptions {
  readonly enabled: boolean
  readonly user: string
  /** Absent: no header is right. */
  readonly password?: string | undefined
}

const MAX_HEADER_LENGTH = 4096
const PASSWORD_BYTES = 24

/**
 * Checks Basic credentials (RFC 7617) in constant time: digests are compared, both of them, whether or not the user is
 * known. The digest of the last right header is kept, so that the invocation path hashes once and decodes nothing.
 */
export function createAuthenticator({ enabled, user, password }: AuthOptions): Authenticator {
  const userDigest = digest(user)
  const passwordDigest = password === undefined || password === '' ? undefined : digest(password)
  let known: Buffer | undefined

  const isOwn = (header: string | undefined): boolean => {
    if (header === undefined || passwordDigest === undefined || header.length > MAX_HEADER_LENGTH) return false
    const headerDigest = digest(header)
    if (known !== undefined && timingSafeEqual(headerDigest, known)) return true
    const given = parseBasic(header)
    const userMatches = timingSafeEqual(digest(given.user), userDigest)
    const passwordMatches = timingSafeEqual(digest(given.password), passwordDigest)
    const matches = userMatches && passwordMatches
    if (matches) known = headerDigest
    return matches
  }
  const admin: Identity = { kind: 'admin', name: user, scopes: new Set(SCOPES), namespaces: 'all' }
  return { identify: header => (!enabled ? ANYBODY : isOwn(header) ? admin : undefined), isOwn }
}

export interface PasswordSources {
  /** `AUTH_PASSWORD`. */
  readonly password?: string | undefined
  /** `AUTH_PASSWORD_FILE`. */
  readonly file?: string | undefined
  /** Where a generated password is kept. */
  readonly generatedFile: string
}

export interface AdminPassword {
  readonly password: string
  readonly source: 'environment' | 'file' | 'generated'
  /** Whether this call made it, so that the start can say where it is. */
  readonly generatedNow: boolean
  /** What the operator should mend. */
  readonly warning?: string
}

/**
 * The administrator's password: that of the environment or of a file, else one that is generated once and kept in a
 * 0600 file. A password that is there is never overwritten. Throws when both sources are set and differ, or one is empty.
 */
export async function readAdminPassword(sources: PasswordSources): Promise<AdminPassword> {
  const fromEnvironment = sources.password === '' ? undefined : sources.password
  const fromFile = sources.file === undefined || sources.file === '' ? undefined : await readPassword(sources.file)
  if (fromEnvironment !== undefined && fromFile !== undefined && fromEnvironment !== fromFile) {
    throw new Error('AUTH_PASSWORD and AUTH_PASSWORD_FILE hold different passwords; set one of them')
  }
  if (fromFile !== undefined) return { password: fromFile, source: 'file', generatedNow: false }
  if (fromEnvironment !== undefined) return { password: fromEnvironment, source: 'environment', generatedNow: false }
  const generatedNow = await createSecretFile(
    sources.generatedFile,
    `${randomBytes(PASSWORD_BYTES).toString('base64url')}\n`
  )
  const warning = await openToOthers(sources.generatedFile)
  return {
    password: await readPassword(sources.generatedFile),
    source: 'generated',
    generatedNow,
    ...(warning === undefined ? {} : { warning })
  }
}

async function readPassword(path: string): Promise<string> {
  let text: string
  try {
    text = await readFile(path, 'utf8')
  } catch (err) {
    throw new Error(`the password file ${path} could not be read`, { cause: err })
  }
  const password = text.replace(/\r?\n$/, '')
  if (password === '') throw new Error(`the password file ${path} is empty`)
  return password
}

async function openToOthers(path: string): Promise<string | undefined> {
  const mode = (await stat(path)).mode & 0o777
  if ((mode & 0o077) === 0) return undefined
  return `the password file ${path} is open to others (mode ${mode.toString(8)}); run chmod 600 on it`
}

function digest(text: string): Buffer {
  return hash('sha256', text, 'buffer')
}

/** Empty texts for a header that is no Basic: nobody has these credentials. */
function parseBasic(header: string): { user: string; password: string } {
  const match = /^basic +([A-Za-z0-9+/_=-]+) *$/i.exec(header)
  const decoded = Buffer.from(match?.[1] ?? '', 'base64').toString('utf8')
  const colon = decoded.indexOf(':')
  return {
    user: colon < 0 ? '' : decoded.slice(0, colon),
    password: colon < 0 ? '' : decoded.slice(colon + 1)
  }
}
