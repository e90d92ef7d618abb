import { Readable } from 'node:stream'
import type { RouterContext } from '@koa/router'
import type { LabelSelector } from '../../../api/label-selector.ts'
import { isWithin, type Namespaces } from '../../../api/scope.ts'
import type { Change } from '../../store/store.ts'
import { callerOf, tokenIdOf } from '../caller.ts'
import { departureOf } from '../departure.ts'
import type { ApiDeps } from '../deps.ts'
import { HttpError, toProblem } from '../errors.ts'
import { toFunctionResource } from '../presenters.ts'

export interface WatchRequest {
  readonly namespaces: Namespaces
  readonly selects: LabelSelector
  /** Absent: first what is there, as ADDED. */
  readonly since: number | undefined
}

type StreamDeps = Pick<ApiDeps, 'shutdown' | 'watchers'>
type WatchDeps = StreamDeps & Pick<ApiDeps, 'functions'>

/** Until somebody who watches may have left. */
const RETRY_AFTER_S = 5

/**
 * Streams changes as NDJSON until the client leaves or the gateway stops. An object that stops being selected is told as
 * DELETED and one that starts as ADDED, as Kubernetes does.
 */
export async function answerWatch(ctx: RouterContext, deps: WatchDeps, request: WatchRequest): Promise<void> {
  const current = deps.functions.resourceVersion()
  streamWatch(ctx, deps, { since: request.since, current }, signal => {
    // Throws when the history is gone; what is listed after this point can only be seen twice, and not be missed.
    const changes = deps.functions.watch(request.since ?? current, signal)
    return lines(deps, request, changes)
  })
}

/**
 * Answers with lines of NDJSON until the client leaves or the gateway stops, when the signal aborts. Throws 410 for a
 * resourceVersion `since` which the `current` one has not come to, 503 where too many watch, and what `follow` throws at once.
 */
export function streamWatch(
  ctx: RouterContext,
  { shutdown, watchers }: StreamDeps,
  { since, current }: { readonly since: number | undefined; readonly current: number },
  follow: (signal: AbortSignal) => AsyncGenerator<string>
): void {
  ctx.type = 'application/x-ndjson'
  ctx.status = 200
  if (ctx.method === 'HEAD') return
  if (since !== undefined && since > current) {
    throw new HttpError(410, 'GONE', `resourceVersion ${since} is ahead of ${current}, the latest; list again`)
  }
  const signal = AbortSignal.any([shutdown, departureOf(ctx)])
  if (!watchers.take(tokenIdOf(callerOf(ctx)), signal)) {
    const message = 'too many watch now, of all or with this token (WATCHERS_MAX): try again later'
    throw new HttpError(503, 'TOO_MANY_WATCHERS', message, { 'Retry-After': String(RETRY_AFTER_S) })
  }
  const followed = follow(signal)
  // Headers now: the first change may be hours away.
  ctx.flushHeaders()
  ctx.body = Readable.from(followed, { objectMode: false })
}

async function* lines(deps: WatchDeps, request: WatchRequest, changes: AsyncIterable<Change>): AsyncGenerator<string> {
  const view = new WatchView(request)
  try {
    if (request.since === undefined) {
      for (const object of await deps.functions.list({ namespaces: request.namespaces })) {
        yield* toLine(view.see({ type: 'ADDED', object }))
      }
    }
    for await (const change of changes) yield* toLine(view.see(change))
  } catch (err) {
    // The status is sent already: the reason goes in the stream, as in Kubernetes.
    yield `${JSON.stringify({ type: 'ERROR', object: toProblem(err, '/v1/functions') })}\n`
  }
}

function* toLine(change: Change | undefined): Generator<string> {
  if (change === undefined) return
  yield `${JSON.stringify({ type: change.type, object: toFunctionResource(change.object) })}\n`
}

/** What one watcher was told, from which follows what it has to be told. */
class WatchView {
  readonly #request: WatchRequest
  /** By uid: the version told last, and whether the object was selected then. */
  readonly #told = new Map<string, { version: number; selected: boolean }>()

  constructor(request: WatchRequest) {
    this.#request = request
  }

  /** The change as this watcher must see it; undefined when it is none of its business or was told already. */
  see({ type, object }: Change): Change | undefined {
    const { namespace, uid, resourceVersion } = object.metadata
    if (!isWithin(this.#request.namespaces, namespace)) return undefined
    const before = this.#told.get(uid)
    if (type === 'DELETED') {
      this.#told.delete(uid)
      return this.#wasTold(before) && this.#request.selects(object.metadata.labels) ? { type, object } : undefined
    }
    if (before !== undefined && before.version >= resourceVersion) return undefined
    const selected = this.#request.selects(object.metadata.labels)
    this.#told.set(uid, { version: resourceVersion, selected })
    if (selected) return { type: this.#typeOf(type, before), object }
    return type !== 'ADDED' && this.#wasTold(before) ? { type: 'DELETED', object } : undefined
  }

  /** Who goes on from a version may have been told of anything. */
  #wasTold(before: { selected: boolean } | undefined): boolean {
    return before?.selected ?? this.#request.since !== undefined
  }

  #typeOf(type: 'ADDED' | 'MODIFIED', before: { selected: boolean } | undefined): 'ADDED' | 'MODIFIED' {
    return this.#wasTold(before) ? type : 'ADDED'
  }
}
