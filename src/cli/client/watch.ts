import type { Environment } from '../environment.ts'
import { Away, isAway } from './away.ts'
import { type GatewayClient, queryOf } from './gateway-client.ts'
import { refusalOf } from './problem.ts'

/** One line of a watch. */
export interface Change<T> {
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED'
  readonly object: T
}

type Line<T> = Change<T> | { readonly type: 'ERROR'; readonly object: { readonly status: number } }

export interface WatchRequest<T> {
  /** Without its query. */
  readonly path: string
  readonly query: Parameters<typeof queryOf>[0]
  /** A resourceVersion; what came after it is told. */
  readonly since: number
  readonly versionOf: (object: T) => number
  readonly signal?: AbortSignal
}

/**
 * Changes after `since`, each once: when the stream ends or breaks off, it is opened again from the last one that was told.
 * Ends when `signal` is aborted. Throws `GatewayError`; with the status 410 the list must be read again.
 */
export async function* watchFrom<T>(
  environment: Pick<Environment, 'stderr'>,
  client: GatewayClient,
  { path, query, since, versionOf, signal }: WatchRequest<T>
): AsyncGenerator<Change<T>> {
  const away = new Away(environment)
  let resourceVersion = since
  while (signal?.aborted !== true) {
    try {
      const at = `${path}${queryOf({ ...query, watch: true, resourceVersion })}`
      for await (const line of client.stream<Line<T>>(at, signal)) {
        if (line.type === 'ERROR') throw refusalOf(line.object.status, JSON.stringify(line.object), '')
        away.back()
        resourceVersion = versionOf(line.object)
        yield line
      }
    } catch (err) {
      if (!isAway(err)) throw err
    }
    await away.pause(signal)
  }
}
