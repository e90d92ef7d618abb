import { setTimeout as sleep } from 'node:timers/promises'
import type { Environment } from '../environment.ts'
import { CliError, EXIT } from '../exit-code.ts'
import { GatewayError } from './problem.ts'

const FIRST_PAUSE_MS = 250
const MAX_PAUSE_MS = 5000

/** Whether a stream that ended so may be opened again: the gateway, or the way to it, is away for a while. */
export function isAway(err: unknown): boolean {
  if (err instanceof GatewayError) return err.status >= 500 || err.status === 429
  if (err instanceof CliError) return err.exitCode === EXIT.unreachable
  // Of sockets and streams; a mistake of this program has none.
  return typeof (err as { code?: unknown } | undefined)?.code === 'string'
}

/** The pauses between tries to reach a gateway that is away, and one line that says so. */
export class Away {
  readonly #stderr: Environment['stderr']
  #failures = 0

  constructor({ stderr }: Pick<Environment, 'stderr'>) {
    this.#stderr = stderr
  }

  /** It answers. */
  back(): void {
    this.#failures = 0
  }

  /** Resolves when it is to be tried again, or the signal is aborted. */
  async pause(signal?: AbortSignal): Promise<void> {
    const ms = Math.min(MAX_PAUSE_MS, FIRST_PAUSE_MS * 2 ** this.#failures)
    if (this.#failures === 2) this.#stderr.write('the gateway does not answer: going on as soon as it does\n')
    this.#failures++
    await sleep(ms, undefined, signal === undefined ? {} : { signal }).catch(() => undefined)
  }
}
