import cors from '@koa/cors'
import type { Context, Middleware } from 'koa'
import { HttpError } from './errors.ts'
import { foreignOrigin, isAllowedOrigin, isOfFunctionPage, refusalOf } from './origin.ts'

const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE']
/** What pages may read beside the body. */
const READABLE_HEADERS = ['ETag', 'Location', 'Retry-After', 'Allow', 'X-Call-Id']
const PREFLIGHT_MAX_AGE_S = 600

/** Tells browsers which pages may read the API, and answers their preflights: those of `allowed`, and no others. */
export function allowOrigins(allowed: readonly string[]): Middleware {
  const verdictOf = (ctx: Context) => isAllowedOrigin(ctx.get('Origin'), allowed)
  return cors({
    origin: (ctx: Context) => {
      const verdict = ctx.get('Origin') === '' ? undefined : verdictOf(ctx)
      if (verdict === undefined) return ''
      return verdict === 'any' ? '*' : ctx.get('Origin')
    },
    credentials: ctx => verdictOf(ctx) === 'named',
    allowMethods: METHODS,
    exposeHeaders: READABLE_HEADERS,
    maxAge: PREFLIGHT_MAX_AGE_S,
    keepHeadersOnError: false
  })
}

const OF_FUNCTION =
  'pages of this address are those of functions, and may not use the API with the password that the browser keeps: send a token (Bearer)'

/** Refuses what pages of other sites, or of functions, would have a browser do: it sends the user's credentials along unasked. */
export function refuseForeignOrigins(allowed: readonly string[]): Middleware {
  return async (ctx, next) => {
    const origin = foreignOrigin(ctx.method, ctx.req.headers, allowed)
    if (origin !== undefined) throw new HttpError(403, 'FOREIGN_ORIGIN', refusalOf(origin))
    if (isOfFunctionPage(ctx.req.headers)) throw new HttpError(403, 'FUNCTION_PAGE', OF_FUNCTION)
    await next()
  }
}
