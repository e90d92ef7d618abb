import type { RouterContext } from '@koa/router'
import * as z from 'zod'
import { NotFoundError } from '../../../api/errors.ts'
import { INVOCATION_PHASES, type InvocationView } from '../../../api/invocation.ts'
import { LEGACY_NAME } from '../../../api/meta.ts'
import { isWithin, type Namespaces } from '../../../api/scope.ts'
import type { InvocationFilter } from '../../store/invocation-store.ts'
import { visibleNamespaces } from '../access.ts'
import { callerOf } from '../caller.ts'
import type { ApiDeps } from '../deps.ts'
import { HttpError } from '../errors.ts'
import { LIMIT, NAMESPACE, queryInteger, queryLimit, queryParameter, queryText } from '../query.ts'
import { markChecked, type QueryParameter, type Route } from '../route.ts'

type InvocationDeps = Pick<ApiDeps, 'invocations'>

const FUNCTION = { name: 'function', about: 'calls of this function', schema: z.string().regex(LEGACY_NAME) }
const PHASE = { name: 'phase', about: 'calls in this phase', schema: z.enum(INVOCATION_PHASES) }
const CALL_ID: QueryParameter = { name: 'callId', about: 'calls with this X-Call-Id', schema: z.string() }
const BEFORE: QueryParameter = { name: 'before', about: 'calls older than this one', schema: z.int().min(1) }

const ID = '/v1/invocations/:id'

/** `/v1/invocations`: asynchronous calls, and what became of them; `DELETE /async-function/<call id>` cancels. */
export function invocationRoutes(deps: InvocationDeps): Route[] {
  return [...readRoutes(deps), ...deadLetterRoutes(deps), cancelRoute(deps)]
}

function readRoutes({ invocations }: InvocationDeps): Route[] {
  return [
    {
      method: 'get',
      path: '/v1/invocations',
      scope: 'read',
      namespace: 'visible',
      summary: 'List asynchronous calls, the newest first, without headers and bodies',
      query: [NAMESPACE, FUNCTION, PHASE, CALL_ID, BEFORE, LIMIT],
      answers: {
        200: {
          about: 'calls; continue is what to give as before for the next page, if there is one',
          schema: 'InvocationListAnswer'
        }
      },
      handler: async ctx => {
        const before = queryInteger(ctx, BEFORE, 1, Number.MAX_SAFE_INTEGER)
        const filter = {
          ...deadFilter(ctx),
          ...optional('phase', queryText(ctx, PHASE)),
          ...optional('callId', queryParameter(ctx, CALL_ID))
        }
        const { items, next } = await invocations.list(filter, {
          limit: queryLimit(ctx),
          ...optional('before', before)
        })
        ctx.body = { apiVersion: 'v1', kind: 'InvocationList', items, ...optional('continue', next) }
      }
    },
    {
      method: 'get',
      path: ID,
      scope: 'read',
      namespace: 'visible',
      summary: 'Show an asynchronous call, without its headers and body',
      answers: { 200: { about: 'the call', schema: 'InvocationAnswer' } },
      handler: async ctx => {
        ctx.body = await find(ctx, { invocations })
      }
    }
  ]
}

function deadLetterRoutes({ invocations }: InvocationDeps): Route[] {
  return [
    {
      method: 'post',
      path: '/v1/invocations/requeue',
      scope: 'invoke',
      namespace: 'visible',
      summary: 'Carry out dead letters again, all or those of a function',
      query: [NAMESPACE, FUNCTION],
      answers: { 202: { about: 'how many', schema: 'RequeuedAnswer' } },
      handler: async ctx => {
        ctx.body = { requeued: await invocations.requeue(deadFilter(ctx), stays(ctx)) }
        ctx.status = 202
      }
    },
    {
      method: 'delete',
      path: '/v1/invocations',
      scope: 'invoke',
      namespace: 'visible',
      summary: 'Remove dead letters, all or those of a function',
      query: [NAMESPACE, FUNCTION],
      answers: { 200: { about: 'how many', schema: 'PurgedAnswer' } },
      handler: async ctx => {
        ctx.body = { purged: await invocations.purge(deadFilter(ctx), stays(ctx)) }
      }
    },
    {
      method: 'post',
      path: `${ID}/requeue`,
      scope: 'invoke',
      namespace: 'visible',
      summary: 'Carry out a dead letter again; of one whose callback failed, deliver it again',
      answers: { 202: { about: 'it waits', schema: 'InvocationAnswer' } },
      errors: [409],
      handler: async ctx => {
        const { id } = await find(ctx, { invocations })
        if ((await invocations.requeue({ id })) === 0) throw notDead(id)
        ctx.status = 202
        ctx.body = await invocations.get(id)
      }
    },
    {
      method: 'delete',
      path: ID,
      scope: 'invoke',
      namespace: 'visible',
      summary: 'Remove a dead letter',
      answers: { 204: { about: 'it is gone', type: '' } },
      errors: [409],
      handler: async ctx => {
        const { id } = await find(ctx, { invocations })
        if ((await invocations.purge({ id })) === 0) throw notDead(id)
        ctx.status = 204
      }
    }
  ]
}

/** Source: OpenFaaS Pro. */
function cancelRoute({ invocations }: InvocationDeps): Route {
  return {
    method: 'delete',
    path: '/async-function/:name',
    inPath: { name: 'for DELETE, the X-Call-Id of the calls' },
    scope: 'invoke',
    namespace: 'visible',
    summary: 'Cancel the asynchronous calls of this X-Call-Id that have not been carried out',
    answers: { 202: { about: 'they will not be carried out', type: '' } },
    handler: async ctx => {
      const callId = ctx.params['name'] ?? ''
      if ((await invocations.cancel(callId, visibleToCaller(ctx))) === 0) {
        throw new NotFoundError('call that is still to be carried out,', callId.slice(0, MAX_SHOWN))
      }
      ctx.body = ''
      ctx.status = 202
    }
  }
}

/** Whether the client is still there. */
function stays({ res }: RouterContext): () => boolean {
  return () => !res.destroyed
}

const MAX_SHOWN = 64

function visibleToCaller(ctx: RouterContext): Namespaces {
  markChecked(ctx)
  return callerOf(ctx).namespaces
}

/** The call of the path. Throws `NotFoundError` also when it is of a namespace that the caller must not see. */
async function find(ctx: RouterContext, { invocations }: InvocationDeps): Promise<InvocationView> {
  const id = ctx.params['id'] ?? ''
  const namespaces = visibleToCaller(ctx)
  const found = await invocations.get(id)
  if (found === undefined || !isWithin(namespaces, found.namespace)) {
    throw new NotFoundError('invocation', id.slice(0, MAX_SHOWN))
  }
  return found
}

function deadFilter(ctx: RouterContext): Pick<InvocationFilter, 'namespaces' | 'name'> {
  return { namespaces: visibleNamespaces(ctx), ...optional('name', queryText(ctx, FUNCTION)) }
}

function notDead(id: string): HttpError {
  return new HttpError(409, 'NOT_DEAD', `invocation ${id} is no dead letter`)
}

function optional<K extends string, T>(key: K, value: T | undefined): { readonly [P in K]?: T } {
  return value === undefined ? {} : ({ [key]: value } as { readonly [P in K]: T })
}
