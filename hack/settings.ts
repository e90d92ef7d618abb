import { dirname, join } from 'node:path'

/** What the scripts need to know of the gateway's configuration, in the same variables and with the same defaults. */
export interface Settings {
  readonly port: number
  readonly metricsPort: number | undefined
  readonly instance: string
  readonly databasePath: string
  /** Holds the database, the password, the gateway's log and its pid. */
  readonly dataDir: string
  readonly user: string
  readonly passwordFile: string
  /** Name of the sample function; another one lets two checkouts share an engine. */
  readonly sample: string
}

type Env = Readonly<Record<string, string | undefined>>

export function readSettings(env: Env): Settings {
  const databasePath = env['STATE_DB_PATH'] || './data/docker-faas.db'
  const dataDir = dirname(databasePath)
  return {
    port: Number(env['GATEWAY_PORT'] || 8080),
    metricsPort: env['METRICS_ENABLED'] === 'false' ? undefined : Number(env['METRICS_PORT'] || 9090),
    instance: env['INSTANCE_ID'] || 'docker-faas',
    databasePath,
    dataDir,
    user: env['AUTH_USER'] || 'admin',
    passwordFile: env['AUTH_PASSWORD_FILE'] || join(dataDir, 'admin-password'),
    sample: env['SAMPLE_FUNCTION'] || 'hello'
  }
}
