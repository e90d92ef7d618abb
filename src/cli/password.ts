import { dirname, join } from 'node:path'
import type { Config } from '../config/config.ts'
import type { PasswordSources } from '../http/auth.ts'
import type { Environment } from './environment.ts'

/** Where the administrator's password may be. */
export function passwordSources(config: Config, env: Environment['env']): PasswordSources {
  return {
    password: env['AUTH_PASSWORD'],
    file: config.AUTH_PASSWORD_FILE,
    generatedFile: join(dirname(config.STATE_DB_PATH), 'admin-password')
  }
}
