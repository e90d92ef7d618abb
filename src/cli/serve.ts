import { assembleGateway, type Gateway } from '../assembly/gateway.ts'
import { type Config, NO_EFFECT_YET } from '../config/config.ts'
import { loadConfig } from '../config/load.ts'
import { readAdminPassword } from '../http/auth/admin-password.ts'
import { createLogger, type Logger } from '../logging/logger.ts'
import { endLoading } from '../runtime/loading.ts'
import { StoppedEarlyError } from '../runtime/manager.ts'
import { settleHeap } from '../runtime/settle-heap.ts'
import type { Environment } from './environment.ts'
import { passwordSources } from './password.ts'
import { readVersion } from './version.ts'

/** Runs the gateway until SIGINT or SIGTERM, which may come while it starts. A second signal ends the process at once. */
export async function serve({ env, stdout, onSignal }: Environment): Promise<void> {
  const config = loadConfig(env)
  const colour = stdout.isTTY === true && config.NO_COLOR === false
  const log = createLogger({ level: config.LOG_LEVEL, format: config.LOG_FORMAT, colour })
  const assembled = Promise.withResolvers<Gateway>()
  // Before anything that takes time: it may be told to stop while it migrates the database, and then ends well, too.
  const stopped = onSignal(async signal => {
    log.info({ signal }, 'Stopping')
    await (await assembled.promise).stop()
  })
  const { version, commit } = readVersion()
  log.info({ version, commit, node: process.version, instance: config.INSTANCE_ID }, 'Starting')
  for (const variable of NO_EFFECT_YET.filter(name => env[name] !== undefined)) {
    log.warn({ variable }, 'Set variable has no effect in this version')
  }
  const password = await adminPassword(config, env, log)
  const gateway = await assembleGateway({ config, password, env, version, commit, log })
  assembled.resolve(gateway)
  settleHeap()
  endLoading()
  if (await startUnlessStopped(gateway)) {
    log.info(
      {
        port: gateway.port(),
        tls: config.TLS_CERT_FILE !== '',
        ...(config.METRICS_ENABLED ? { metricsPort: gateway.metricsPort() } : {})
      },
      'Listening'
    )
  }
  await stopped
  log.info('Stopped')
}

/** Whether it came up before it was told to stop. */
async function startUnlessStopped(gateway: Gateway): Promise<boolean> {
  try {
    await gateway.start()
    return true
  } catch (err) {
    if (err instanceof StoppedEarlyError) return false
    throw err
  }
}

async function adminPassword(config: Config, env: Environment['env'], log: Logger): Promise<string | undefined> {
  if (!config.AUTH_ENABLED) {
    log.warn('Authentication is off: whoever reaches the port may do everything')
    return undefined
  }
  const sources = passwordSources(config, env)
  const { password, source, generatedNow, warning } = await readAdminPassword(sources)
  if (warning !== undefined) log.warn({ problem: warning }, 'Found password file open to others')
  const file = source === 'generated' ? { file: sources.generatedFile } : {}
  log.info({ user: config.AUTH_USER, source, ...file }, generatedNow ? 'Generated password' : 'Read password')
  return password
}
