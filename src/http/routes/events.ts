import type { RouterContext } from '@koa/router'
import * as z from 'zod'
import type { FaasEvent } from '../../../api/event.ts'
import { EventReason } from '../../../api/event-reason.ts'
import { EVENT_TYPES } from '../../../api/event-type.ts'
import { LEGACY_NAME } from '../../../api/meta.ts'
import type { EventFilter } from '../../store/store.ts'
import { visibleNamespaces } from '../access.ts'
import type { ApiDeps } from '../deps.ts'
import { toProblem } from '../errors.ts'
import { toEventList } from '../presenters.ts'
import { LIMIT, NAMESPACE, queryFlag, queryInteger, queryLimit, queryText, RESOURCE_VERSION, WATCH } from '../query.ts'
import type { Route } from '../route.ts'
import { streamWatch } from './watch.ts'

const FUNCTION = {
  name: 'function',
  about: 'events of functions of this name, also of earlier ones',
  schema: z.string().regex(LEGACY_NAME)
}
const REASON = { name: 'reason', about: 'events with this reason', schema: EventReason }
const TYPE = { name: 'type', about: 'events of this type', schema: z.enum(EVENT_TYPES) }
const SINCE = {
  name: 'since',
  about: 'what happened, or happened again, then or later',
  schema: z.iso.datetime({ offset: true })
}

type EventDeps = Pick<ApiDeps, 'events' | 'shutdown' | 'watchers'>

const PATH = '/v1/events'

/** `/v1/events`: what happened to all functions that the caller may see, and what happens. */
export function eventRoutes(deps: EventDeps): Route[] {
  return [
    {
      method: 'get',
      path: PATH,
      scope: 'read',
      namespace: 'visible',
      summary: 'List what happened, newest first, or watch what happens',
      query: [NAMESPACE, FUNCTION, REASON, TYPE, SINCE, LIMIT, WATCH, RESOURCE_VERSION],
      answers: {
        200: {
          about: 'events; with watch, changes of them as NDJSON',
          schema: 'EventList',
          others: { 'application/x-ndjson': 'EventWatchLine' }
        }
      },
      errors: [410],
      handler: ctx => answerEvents(ctx, deps)
    }
  ]
}

async function answerEvents(ctx: RouterContext, deps: EventDeps): Promise<void> {
  const filter = filterOf(ctx)
  const limit = queryLimit(ctx)
  const since = queryInteger(ctx, RESOURCE_VERSION, 0, Number.MAX_SAFE_INTEGER)
  const current = deps.events.resourceVersion()
  if (queryFlag(ctx, WATCH)) {
    streamWatch(ctx, deps, { since, current }, signal => lines(deps, { filter, limit, since, current }, signal))
    return
  }
  ctx.body = toEventList(await deps.events.list({ ...filter, limit, upTo: current }), current)
}

function filterOf(ctx: RouterContext): EventFilter {
  const name = queryText(ctx, FUNCTION)
  const reason = queryText(ctx, REASON)
  const type = queryText(ctx, TYPE)
  const since = queryText(ctx, SINCE)
  return {
    namespaces: visibleNamespaces(ctx),
    ...(name === undefined ? {} : { name }),
    ...(reason === undefined ? {} : { reason }),
    ...(type === undefined ? {} : { type }),
    ...(since === undefined ? {} : { since: new Date(since).toISOString() })
  }
}

interface Followed {
  readonly filter: EventFilter
  readonly limit: number
  /** Absent: first what is there, the oldest first. */
  readonly since: number | undefined
  readonly current: number
}

async function* lines(
  { events }: EventDeps,
  { filter, limit, since, current }: Followed,
  signal: AbortSignal
): AsyncGenerator<string> {
  try {
    if (since === undefined) {
      const there = await events.list({ ...filter, limit, upTo: current })
      for (const object of there.reverse()) yield toLine('ADDED', object)
    }
    for await (const object of events.watch(since ?? current, filter, signal)) {
      yield toLine(object.count === 1 ? 'ADDED' : 'MODIFIED', object)
    }
  } catch (err) {
    // The status is sent already: the reason goes in the stream, as in Kubernetes.
    yield `${JSON.stringify({ type: 'ERROR', object: toProblem(err, PATH) })}\n`
  }
}

function toLine(type: 'ADDED' | 'MODIFIED', object: FaasEvent): string {
  return `${JSON.stringify({ type, object })}\n`
}
