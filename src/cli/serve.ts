import { dirname, join } from 'node:path'
import { assembleGateway } from '../assembly/gateway.ts'
import { type Config, loadConfig, NO_EFFECT_YET } from '../config/config.ts'
import { readAdminPassword } from '../http/auth.ts'
import { createLogger, type Logger } from '../logging/logger.ts'
import type { Environment } from './environment.ts'
import { readVersion } from './version.ts'

/** Runs the gateway until SIGINT or SIGTERM. A second signal ends the process at once. */
export async function serve({ env, stdout, onSignal }: Environment): Promise<void> {
  const config = loadConfig(env)
  const colour = stdout.isTTY === true && config.NO_COLOR === false
  const log = createLogger({ level: config.LOG_LEVEL, format: config.LOG_FORMAT, colour })
  const { version, commit } = readVersion()
  log.info({ version, commit, node: process.version, instance: config.INSTANCE_ID }, 'Starting')
  for (const variable of NO_EFFECT_YET.filter(name => env[name] !== undefined)) {
    log.warn({ variable }, 'Set variable has no effect in this version')
  }
  const password = await adminPassword(config, env, log)
  const gateway = await assembleGateway({ config, password, version, commit, log })
  const stopped = onSignal(signal => {
    log.info({ signal }, 'Stopping')
    return gateway.stop()
  })
  await gateway.start()
  log.info(
    { port: gateway.port(), ...(config.METRICS_ENABLED ? { metricsPort: gateway.metricsPort() } : {}) },
    'Listening'
  )
  await stopped
  log.info('Stopped')
}

async function adminPassword(config: Config, env: Environment['env'], log: Logger): Promise<string | undefined> {
  if (!config.AUTH_ENABLED) {
    log.warn('Authentication is off: whoever reaches the port may do everything')
    return undefined
  }
  const generatedFile = join(dirname(config.STATE_DB_PATH), 'admin-password')
  const { password, source, generatedNow, warning } = await readAdminPassword({
    password: env['AUTH_PASSWORD'],
    file: config.AUTH_PASSWORD_FILE,
    generatedFile
  })
  if (warning !== undefined) log.warn({ problem: warning }, 'Found password file open to others')
  const file = source === 'generated' ? { file: generatedFile } : {}
  log.info({ user: config.AUTH_USER, source, ...file }, generatedNow ? 'Generated password' : 'Read password')
  return password
}
