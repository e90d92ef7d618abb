import { isIPv6 } from 'node:net'
import { loadConfig } from '../config/config.ts'
import type { Environment } from './environment.ts'

/** Less than the time after which Docker gives a health check up. */
const PATIENCE_MS = 4000
const WILDCARDS: Readonly<Record<string, string>> = { '0.0.0.0': '127.0.0.1', '::': '::1' }

/** Asks the gateway of this machine or container whether it is well; throws with its answer when it is not. */
export async function checkHealth({ env, stdout }: Environment): Promise<void> {
  const { GATEWAY_ADDRESS: address, GATEWAY_PORT: port } = loadConfig(env)
  const host = WILDCARDS[address] ?? address
  const url = `http://${isIPv6(host) ? `[${host}]` : host}:${port}/healthz`
  const answer = await fetch(url, { headers: { accept: 'text/plain' }, signal: AbortSignal.timeout(PATIENCE_MS) })
  const text = (await answer.text()).trim()
  if (answer.status !== 200) throw new Error(`the gateway answers ${answer.status}: ${text}`)
  stdout.write(`${text}\n`)
}
