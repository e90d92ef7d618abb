import { stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { Config } from '../config/config.ts'
import { loadConfig } from '../config/load.ts'
import { type PasswordSources, readAdminPassword } from '../http/auth/admin-password.ts'
import type { Environment } from './environment.ts'

/** Where the administrator's password may be. */
export function passwordSources(config: Config, env: Environment['env']): PasswordSources {
  return {
    password: env['AUTH_PASSWORD'],
    file: config.AUTH_PASSWORD_FILE,
    generatedFile: join(dirname(config.STATE_DB_PATH), 'admin-password')
  }
}

/** Prints the administrator's password, for who may read the gateway's files; throws when none was generated yet. */
export async function printPassword({ env, stdout }: Environment): Promise<void> {
  const sources = passwordSources(loadConfig(env), env)
  const isGiven = Boolean(sources.password || sources.file)
  const isGenerated = (await stat(sources.generatedFile).catch(() => undefined)) !== undefined
  if (!isGiven && !isGenerated) {
    throw new Error(
      `there is no ${sources.generatedFile}: the gateway makes it at its first start; is STATE_DB_PATH as the gateway has it?`
    )
  }
  const { password } = await readAdminPassword(sources)
  stdout.write(`${password}\n`)
}
