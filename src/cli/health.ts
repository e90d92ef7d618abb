import { loadConfig } from '../config/load.ts'
import { send } from './client/target.ts'
import type { Environment } from './environment.ts'
import { ownUrl } from './own-url.ts'

/** Less than the time after which Docker gives a health check up. */
const PATIENCE_MS = 4000

/** Asks the gateway of this machine or container whether it is well; throws with its answer when it is not. */
export async function checkHealth({ env, stdout }: Environment): Promise<void> {
  // Nothing secret is sent, and a certificate that has expired is no reason to start the gateway anew.
  const target = { url: ownUrl(loadConfig(env)), tls: { rejectUnauthorized: false } }
  const headers = { accept: 'text/plain' }
  const { status, body } = await send(target, { method: 'GET', path: '/healthz', headers, timeoutMs: PATIENCE_MS })
  if (status !== 200) throw new Error(`the gateway answers ${status}: ${body.trim()}`)
  stdout.write(`${body.trim()}\n`)
}
