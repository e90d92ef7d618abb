import type { IncomingMessage, ServerResponse } from 'node:http'
import Koa, { type Context, type Middleware } from 'koa'
import { limitRate } from './api-rate.ts'
import { auditChanges, identifyRequests } from './audit.ts'
import { NOBODY, setCaller } from './caller.ts'
import { allowOrigins, refuseForeignOrigins } from './cors.ts'
import type { ApiDeps, HttpMetrics } from './deps.ts'
import { answerErrors, HttpError } from './errors.ts'

import { refusalError } from './refusal.ts'
import { createRouter, noteRoute, type Route } from './route.ts'
import { adoptionRoutes } from './routes/adoption.ts'
import { alertRoute } from './routes/alert.ts'
import { auditRoutes } from './routes/audit.ts'
import { authRoutes } from './routes/auth.ts'
import { docsRoutes } from './routes/docs.ts'
import { eventRoutes } from './routes/events.ts'
import { functionActionRoutes } from './routes/function-actions.ts'
import { functionRoutes } from './routes/functions.ts'
import { healthRoutes } from './routes/health.ts'
import { invocationRoutes } from './routes/invocations.ts'
import { logRoutes } from './routes/logs.ts'
import { namespaceRoutes } from './routes/namespaces.ts'
import { openapiRoute } from './routes/openapi.ts'
import { profileRoutes } from './routes/profiles.ts'
import { reconcileRoutes } from './routes/reconcile.ts'
import { scheduleRoutes } from './routes/schedules.ts'
import { secretRoutes } from './routes/secrets.ts'
import { systemRoutes } from './routes/system.ts'
import { systemFunctionRoutes } from './routes/system-functions.ts'
import { systemNamespaceRoutes } from './routes/system-namespaces.ts'
import { systemSecretRoutes } from './routes/system-secrets.ts'
import { tokenRoutes } from './routes/tokens.ts'
import { usageRoutes } from './routes/usage.ts'

/** How soon a stream ends that began just when the right to it was lost. */
const STREAM_CHECK_MS = 500
const METHODS_EVERYWHERE = ['OPTIONS']
/** Errors that say no more than that the client has left. */
const CLIENT_GONE = ['ECONNRESET', 'EPIPE', 'ECANCELED', 'ERR_STREAM_PREMATURE_CLOSE', 'ERR_STREAM_DESTROYED']

/** The control plane as one request handler. It writes what is wanted and never talks to Docker. */
export function createApi(deps: ApiDeps): (req: IncomingMessage, res: ServerResponse) => void {
  const routes = apiRoutes(deps)
  const router = createRouter(routes)
  const app = new Koa()
  app.use(measure(deps.metrics, deps.clock))
  app.use(setCommonHeaders)
  app.use(identifyRequests(deps))
  app.use(allowOrigins(deps.allowedOrigins))
  app.use(answerErrors(deps.log))
  app.use(noteRoute(router, routes))
  app.use(auditChanges(deps))
  app.use(refuseForeignOrigins(deps.allowedOrigins))
  app.use(authenticate(deps, new Set(routes.filter(({ scope }) => scope === 'open').map(({ path }) => path))))
  app.use(limitRate({ ...deps.rate, onLimited: deps.metrics.rateLimited }))
  app.use(router.routes())
  app.use(refuseUnrouted)
  app.on('error', (err: NodeJS.ErrnoException) => {
    if (!CLIENT_GONE.includes(err.code ?? '')) deps.log.error({ err }, 'Failed to send answer')
  })
  const handle = app.callback()
  return (req, res) => void handle(req, res)
}

/** Every operation of the API. */
export function apiRoutes(deps: ApiDeps): Route[] {
  const routes = [
    ...healthRoutes(deps),
    ...functionRoutes(deps),
    ...functionActionRoutes(deps),
    ...eventRoutes(deps),
    ...reconcileRoutes(deps),
    ...scheduleRoutes(deps),
    ...usageRoutes(deps),
    ...adoptionRoutes(deps),
    ...namespaceRoutes(deps),
    ...secretRoutes(deps),
    ...profileRoutes(deps),
    ...systemSecretRoutes(deps),
    ...invocationRoutes(deps),
    ...auditRoutes(deps),
    ...systemFunctionRoutes(deps),
    ...systemNamespaceRoutes(deps),
    ...systemRoutes(deps),
    alertRoute(deps),
    ...logRoutes(deps),
    ...authRoutes(deps),
    ...tokenRoutes(deps),
    ...docsRoutes(deps)
  ]
  return [...routes, openapiRoute(routes, deps.info)]
}

function measure(metrics: HttpMetrics, clock: ApiDeps['clock']): Middleware {
  return async (ctx, next) => {
    const startedAt = clock.monotonic()
    ctx.res.once('close', () => {
      const seconds = (clock.monotonic() - startedAt) / 1000
      metrics.observeRequest({ method: ctx.method, path: routeOf(ctx), code: ctx.status, seconds })
    })
    await next()
  }
}

function routeOf(ctx: Context): string {
  const route: unknown = ctx['_matchedRoute']
  return typeof route === 'string' ? route : 'unmatched'
}

const setCommonHeaders: Middleware = async (ctx, next) => {
  ctx.set('X-Content-Type-Options', 'nosniff')
  ctx.set('Cache-Control', 'no-store')
  await next()
}

/** Notes who asks, and refuses whoever that is not known of; paths that no route has are not open. */
function authenticate({ authenticator, addressOf }: ApiDeps, openPaths: ReadonlySet<string>): Middleware {
  return async (ctx, next) => {
    const address = addressOf(ctx.req)
    const { authorization } = ctx.req.headers
    const verdict = openPaths.has(ctx.path)
      ? NOBODY
      : (authenticator.identify(authorization) ?? (await authenticator.verify(authorization, address)))
    if ('refused' in verdict) throw refusalError(verdict)
    setCaller(ctx, { ...verdict, address })
    ctx.res.once(
      'close',
      authenticator.whileGood(verdict, () => endStream(ctx.res))
    )
    await next()
  }
}

/** Of what goes on for long, such as a watch, whoever lost the right to it is told nothing more; what is short is answered. */
function endStream(res: ServerResponse): void {
  if (res.headersSent) res.destroy()
  else if (!res.destroyed) setTimeout(() => res.writableFinished || endStream(res), STREAM_CHECK_MS).unref()
}

/** Runs when no route took the request: 405 when one has its path, else 404. */
const refuseUnrouted: Middleware = ctx => {
  const layers = (ctx['matched'] ?? []) as { methods: string[] }[]
  const methods = [...new Set([...layers.flatMap(layer => layer.methods), ...METHODS_EVERYWHERE])].sort()
  if (layers.length === 0) throw new HttpError(404, 'ROUTE_NOT_FOUND', `there is no route ${ctx.path.slice(0, 256)}`)
  const allow = { Allow: methods.join(', ') }
  if (ctx.method !== 'OPTIONS') {
    throw new HttpError(405, 'METHOD_NOT_ALLOWED', `${ctx.method} is not allowed here, but ${allow.Allow} are`, allow)
  }
  ctx.set(allow)
  ctx.status = 204
}
