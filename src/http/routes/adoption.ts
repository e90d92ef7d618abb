import type { RouterContext } from '@koa/router'
import * as z from 'zod'
import { DEFAULT_NAMESPACE, LEGACY_NAME } from '../../../api/meta.ts'
import { readJson } from '../body.ts'
import type { ApiDeps } from '../deps.ts'
import type { Route } from '../route.ts'
import { parseInput } from '../validate.ts'

type AdoptionDeps = Pick<ApiDeps, 'adoption' | 'readTimeoutMs'>

const NAME = LEGACY_NAME.source.slice(1, -1)
const FunctionName = z
  .string()
  .regex(new RegExp(`^(?:${NAME}/)?${NAME}$`), 'must be the name of a function, or namespace/name')
  .transform(text => (text.includes('/') ? text : `${DEFAULT_NAMESPACE}/${text}`))

const Choice = z
  .strictObject({
    action: z.enum(['adopt', 'delete']),
    functions: z.array(FunctionName).min(1, 'must name a function; leave it out for all').max(10_000).optional()
  })
  .meta({ examples: [{ action: 'adopt', functions: ['openfaas-fn/resize'] }] })

/** `/v1/adopt`: what to do about a database that is older than what runs. */
export function adoptionRoutes(deps: AdoptionDeps): Route[] {
  return [
    {
      method: 'get',
      path: '/v1/adopt',
      scope: 'read',
      namespace: 'gateway',
      summary: 'List what runs and the database does not know',
      answers: { 200: { about: 'what waits for a decision', schema: 'AdoptionAnswer' } },
      handler: async ctx => {
        ctx.body = await deps.adoption.list()
      }
    },
    {
      method: 'post',
      path: '/v1/adopt',
      scope: 'admin',
      namespace: 'gateway',
      summary: 'Decide about what runs and the database does not know',
      body: Choice,
      answers: { 200: { about: 'what was decided', schema: 'AdoptionOutcomeAnswer' } },
      errors: [404, 409],
      handler: ctx => confirm(ctx, deps)
    }
  ]
}

async function confirm(ctx: RouterContext, deps: AdoptionDeps): Promise<void> {
  const { action, functions } = parseInput(Choice, await readJson(ctx, deps.readTimeoutMs))
  ctx.body = await deps.adoption.confirm({ action, ...(functions === undefined ? {} : { functions }) })
}
