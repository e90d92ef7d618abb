import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DEFAULT_HOST } from '../src/engine/docker-client.ts'
import { createLogger } from '../src/logging/logger.ts'
import { SocketProxy } from '../src/socket-proxy/socket-proxy.ts'
import { parseAddress } from '../src/socket-proxy/upstream.ts'
import type { Tally } from './tally.ts'

interface OpenProxy {
  /** By which tests give it to the program. */
  readonly env: Readonly<Record<string, string>>
  /** How many calls it has refused. */
  readonly close: () => Promise<number>
}

/** A socket proxy before the engine, as `docker-faas socket-proxy` is one, that prints what it refuses. */
export async function openProxy(): Promise<OpenProxy> {
  const folder = mkdtempSync(join(tmpdir(), 'docker-faas-proxy-'))
  const address = `unix://${join(folder, 'sock')}`
  const log = createLogger({ level: 'warn', format: 'text' })
  const proxy = new SocketProxy({ engine: parseAddress(process.env['DOCKER_HOST'] || DEFAULT_HOST), log })
  await proxy.listen(parseAddress(address))
  const close = async () => {
    await proxy.close()
    rmSync(folder, { recursive: true })
    return proxy.refused
  }
  return { env: { PRODUCT_DOCKER_HOST: address }, close }
}

/** Counts as one test: that the program makes no call that its socket proxy has to refuse. */
export function tallyOfRefusals(refused: number): Tally {
  if (refused > 0) return { passed: 0, failures: [`S13: the socket proxy refused ${refused} calls, named above`] }
  console.log('  ✔ S13: the socket proxy before the engine refused nothing')
  return { passed: 1, failures: [] }
}
