import * as z from 'zod'
import type { AuditEntry } from '../../../api/audit.ts'
import type { ApiDeps } from '../deps.ts'
import { LIMIT, NAMESPACE, queryInteger, queryLimit, queryNamespace, queryParameter } from '../query.ts'
import type { QueryParameter, Route } from '../route.ts'
import { invalid, shorten } from '../validate.ts'

const text = (name: string, about: string): QueryParameter => ({ name, about, schema: z.string() })
const time = (name: string, about: string): QueryParameter => ({
  name,
  about,
  schema: z.iso.datetime({ offset: true })
})
const SINCE = time('since', 'rows from then on, RFC 3339')
const UNTIL = time('until', 'rows from before then, RFC 3339')
const ACTOR = text('actor', 'rows of this user or token, by name')
const KIND = text('kind', 'rows about objects of this kind, such as function or secret')
const NAME = text('name', 'rows about objects of this name')
const BEFORE: QueryParameter = { name: 'before', about: 'rows older than this one, by id', schema: z.int().min(1) }

type AuditDeps = Pick<ApiDeps, 'audit'>

/** `/v1/audit`: who changed what. */
export function auditRoutes({ audit }: AuditDeps): Route[] {
  return [
    {
      method: 'get',
      path: '/v1/audit',
      scope: 'admin',
      namespace: 'gateway',
      summary: 'List rows of the audit log, the newest first',
      query: [SINCE, UNTIL, ACTOR, KIND, NAMESPACE, NAME, BEFORE, LIMIT],
      answers: {
        200: {
          about: 'rows; continue is what to give as before for the next page, if there is one',
          schema: 'AuditListAnswer'
        }
      },
      handler: async ctx => {
        const limit = queryLimit(ctx)
        const wanted = {
          since: queryTime(ctx, SINCE),
          until: queryTime(ctx, UNTIL),
          actor: queryParameter(ctx, ACTOR),
          kind: queryParameter(ctx, KIND),
          namespace: queryNamespace(ctx),
          name: queryParameter(ctx, NAME),
          before: queryInteger(ctx, BEFORE, 1, Number.MAX_SAFE_INTEGER)
        }
        const given = Object.fromEntries(Object.entries(wanted).filter(([, value]) => value !== undefined))
        const rows = await audit.list({ ...given, limit: limit + 1 })
        ctx.body = toAuditList(rows.slice(0, limit), rows.length > limit)
      }
    }
  ]
}

function toAuditList(items: readonly AuditEntry[], hasMore: boolean) {
  const last = items.at(-1)?.id
  return { apiVersion: 'v1', kind: 'AuditList', items, ...(hasMore && last !== undefined ? { continue: last } : {}) }
}

/** A time of the query, as the log writes it. */
function queryTime(ctx: Parameters<Route['handler']>[0], parameter: QueryParameter): string | undefined {
  const given = queryParameter(ctx, parameter)
  if (given === undefined) return undefined
  const ms = /^\d{4}-\d\d-\d\dT\d\d:\d\d/.test(given) ? Date.parse(given) : Number.NaN
  if (Number.isNaN(ms))
    throw invalid(parameter.name, `must be a time such as 2026-01-31T10:00:00Z, got ${shorten(given)}`)
  return new Date(ms).toISOString()
}
