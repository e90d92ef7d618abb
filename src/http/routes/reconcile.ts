import type { Router } from '@koa/router'
import type { ApiDeps } from '../deps.ts'
import { toEventList } from '../presenters.ts'
import { queryNamespace } from '../validate.ts'
import { eventLimit } from './function-actions.ts'

/** `/v1/events`, `/v1/plan`, `/v1/reconcile`: what the loop did, would do and is doing. */
export function addReconcileRoutes(router: Router, deps: ApiDeps): void {
  router.get('/v1/events', async ctx => {
    const namespace = queryNamespace(ctx)
    const limit = eventLimit(ctx)
    ctx.body = toEventList(await deps.events.list({ limit, ...(namespace === undefined ? {} : { namespace }) }))
  })
  router.get('/v1/plan', async ctx => {
    ctx.body = await deps.loop.previewAll()
  })
  router.get('/v1/reconcile', ctx => {
    ctx.body = deps.loop.state()
  })
  router.post('/v1/reconcile', ctx => {
    deps.loop.resync()
    ctx.status = 202
    ctx.body = deps.loop.state()
  })
}
