import { openStream } from './docker-client.ts'
import type { DockerLink } from './docker-link.ts'
import { logParameters, readLines, readTail } from './docker-logs.ts'
import type { Engine, LogLine, LogQuery } from './engine.ts'
import { engineMessage } from './engine-fault.ts'
import { EngineError } from './faults.ts'

const LOG_BYTES = 64 * 1024
const MAX_TAIL = 10_000

/** What containers have written. */
export class DockerContainerLogs {
  readonly #link: DockerLink

  constructor(link: DockerLink) {
    this.#link = link
  }

  readonly tailLogs: Engine['tailLogs'] = async (nameOrId, tail, signal) => {
    const query = { stdout: true, stderr: true, tail: Math.min(tail, MAX_TAIL) }
    return this.#link.call({ operation: 'container_logs', subject: nameOrId, signal }, async ({ abortSignal }) =>
      readTail(await openStream(this.#link.streams, logsPath(nameOrId), query, abortSignal), LOG_BYTES)
    )
  }

  readonly readLogs: Engine['readLogs'] = (nameOrId, query, signal) => this.#read(nameOrId, query, signal)

  async *#read(nameOrId: string, query: LogQuery, signal: AbortSignal): AsyncGenerator<LogLine> {
    const ended = new AbortController()
    const call = { operation: 'container_logs', subject: nameOrId, signal: AbortSignal.any([signal, ended.signal]) }
    try {
      // The deadline is for the answer to begin; a function may be silent for long.
      const stream = await this.#link.call(call, ({ abortSignal }) =>
        openStream(this.#link.streams, logsPath(nameOrId), logParameters(query), abortSignal)
      )
      yield* readLines(stream)
    } catch (cause) {
      if (signal.aborted) return
      if (cause instanceof EngineError) throw cause
      const message = `log of ${nameOrId} broke off: ${engineMessage(cause)}`
      throw new EngineError('container_logs', 'unavailable', message, { cause })
    } finally {
      ended.abort()
    }
  }
}

function logsPath(nameOrId: string): string {
  return `/containers/${encodeURIComponent(nameOrId)}/logs`
}
