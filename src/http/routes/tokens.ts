import type { RouterContext } from '@koa/router'
import { NotFoundError, unknownNamespaceMessage, ValidationError } from '../../../api/errors.ts'
import { TokenInput } from '../../../api/token.ts'
import { readJson } from '../body.ts'
import { callerOf } from '../caller.ts'
import type { ApiDeps } from '../deps.ts'
import type { Route } from '../route.ts'
import { parseInput } from '../validate.ts'

type TokenDeps = Pick<ApiDeps, 'tokens' | 'namespaces' | 'readTimeoutMs'>

const TOKEN = '/v1/tokens/:name'

/** `/v1/tokens`: credentials for programs. `:name` is an id, or the name of one that is no session. */
export function tokenRoutes(deps: TokenDeps): Route[] {
  return [
    {
      method: 'get',
      path: '/v1/tokens',
      scope: 'admin',
      namespace: 'gateway',
      summary: 'List tokens and sessions, without their secrets',
      answers: { 200: { about: 'tokens', schema: 'TokenListAnswer' } },
      handler: async ctx => {
        ctx.body = { apiVersion: 'v1', kind: 'TokenList', items: await deps.tokens.list() }
      }
    },
    {
      method: 'post',
      path: '/v1/tokens',
      scope: 'admin',
      namespace: 'gateway',
      summary: 'Create a token, which is shown this once',
      body: TokenInput,
      answers: { 201: { about: 'the token', schema: 'NewTokenAnswer' } },
      errors: [409],
      handler: ctx => create(ctx, deps)
    },
    {
      method: 'get',
      path: TOKEN,
      scope: 'admin',
      namespace: 'gateway',
      summary: 'Show a token without its secret',
      answers: { 200: { about: 'the token', schema: 'TokenAnswer' } },
      handler: async ctx => {
        const token = await deps.tokens.get(ctx.params['name'] ?? '')
        if (token === undefined) throw notFound(ctx)
        ctx.body = token
      }
    },
    {
      method: 'delete',
      path: TOKEN,
      scope: 'admin',
      namespace: 'gateway',
      summary: 'Revoke a token at once',
      answers: { 204: { about: 'it is good for nothing any more', type: '' } },
      handler: async ctx => {
        if (!(await deps.tokens.revoke(ctx.params['name'] ?? ''))) throw notFound(ctx)
        ctx.status = 204
      }
    }
  ]
}

async function create(ctx: RouterContext, deps: TokenDeps): Promise<void> {
  const input = parseInput(TokenInput, await readJson(ctx, deps.readTimeoutMs))
  await requireNamespaces(deps, input.namespaces ?? [])
  // One may go meanwhile.
  ctx.body = await deps.tokens.create(input, callerOf(ctx).name, { needsNamespaces: true })
  ctx.status = 201
}

/** Throws `ValidationError` with each that is not there: a token that is good for nothing is a mistake. */
async function requireNamespaces({ namespaces }: TokenDeps, names: readonly string[]): Promise<void> {
  const known = new Set((await namespaces.list()).map(({ name }) => name))
  const errors = names.flatMap((name, index) =>
    known.has(name) ? [] : [{ field: `namespaces.${index}`, message: unknownNamespaceMessage(name) }]
  )
  if (errors.length > 0) throw new ValidationError(errors)
}

function notFound(ctx: RouterContext): NotFoundError {
  return new NotFoundError('token', (ctx.params['name'] ?? '').slice(0, 64))
}
