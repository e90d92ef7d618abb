import { loadConfig } from '../config/load.ts'
import { createLogger } from '../logging/logger.ts'
import { SocketProxy } from '../socket-proxy/socket-proxy.ts'
import { ask, parseAddress, readText } from '../socket-proxy/upstream.ts'
import type { Environment } from './environment.ts'

export interface SocketProxyCommandOptions {
  readonly listen: string
  readonly check: boolean
}

const PATIENCE_MS = 4000

/** Runs the socket proxy until SIGINT or SIGTERM. */
export async function runSocketProxy(
  { env, stdout, onSignal }: Environment,
  options: SocketProxyCommandOptions
): Promise<void> {
  const config = loadConfig(env)
  const colour = stdout.isTTY === true && config.NO_COLOR === false
  const log = createLogger({ level: config.LOG_LEVEL, format: config.LOG_FORMAT, colour })
  const proxy = new SocketProxy({ engine: parseAddress(config.DOCKER_HOST), instance: config.INSTANCE_ID, log })
  const stopped = onSignal(async signal => {
    log.info({ signal }, 'Stopping')
    await proxy.close()
  })
  await proxy.listen(parseAddress(options.listen))
  log.info({ listen: options.listen, engine: config.DOCKER_HOST, instance: config.INSTANCE_ID }, 'Listening')
  await stopped
  log.info('Stopped')
}

/** Asks the engine through the proxy that listens; throws unless it answers. */
export async function checkSocketProxy({ stdout }: Environment, { listen }: SocketProxyCommandOptions): Promise<void> {
  const signal = AbortSignal.timeout(PATIENCE_MS)
  const headers = { host: 'docker' }
  const answer = await ask(parseAddress(listen), { method: 'GET', path: '/_ping', headers, signal })
  const text = await readText(answer)
  if (answer.statusCode !== 200) throw new Error(`the engine answers ${answer.statusCode}: ${text}`)
  stdout.write(`${text}\n`)
}
