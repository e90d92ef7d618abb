import { randomBytes } from 'node:crypto'
import { readFile, stat } from 'node:fs/promises'
import { createSecretFile } from '../../secret-file.ts'

const PASSWORD_BYTES = 24

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
