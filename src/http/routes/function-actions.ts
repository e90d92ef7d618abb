import type { Router, RouterContext } from '@koa/router'
import { NotFoundError } from '../../../api/errors.ts'
import { keyOf } from '../../../api/meta.ts'
import { requireReplicas } from '../../../api/openfaas.ts'
import { toTimestamp } from '../../clock.ts'
import { readJson } from '../body.ts'
import type { ApiDeps } from '../deps.ts'
import { RollbackBody, ScaleBody } from '../function-input.ts'
import { toEventList, toFunctionStatusResource, toRevisionList } from '../presenters.ts'
import { parseInput, queryInteger } from '../validate.ts'
import { toDraft } from '../writes.ts'
import { requireFunction, writeExisting } from './functions.ts'

const MAX_EVENTS = 1000
const DEFAULT_EVENTS = 100

/** `/v1/functions/{name}/…`: one aspect of a function, or one change of it. */
export function addFunctionActionRoutes(router: Router, deps: ApiDeps): void {
  router.get('/v1/functions/:name/status', async ctx => {
    ctx.body = toFunctionStatusResource(await requireFunction(ctx, deps))
  })
  router.get('/v1/functions/:name/events', ctx => listEvents(ctx, deps))
  router.get('/v1/functions/:name/revisions', ctx => listRevisions(ctx, deps))
  router.post('/v1/functions/:name/restart', ctx => restart(ctx, deps))
  router.post('/v1/functions/:name/scale', ctx => scale(ctx, deps))
  router.post('/v1/functions/:name/rollback', ctx => rollBack(ctx, deps))
}

/** How many events a request asks for. */
export function eventLimit(ctx: RouterContext): number {
  return queryInteger(ctx, 'limit', 1, MAX_EVENTS) ?? DEFAULT_EVENTS
}

async function listEvents(ctx: RouterContext, deps: ApiDeps): Promise<void> {
  const limit = eventLimit(ctx)
  const { namespace, name, uid } = (await requireFunction(ctx, deps)).metadata
  const events = await deps.events.list({ namespace, name, limit })
  ctx.body = toEventList(events.filter(event => event.uid === uid))
}

async function listRevisions(ctx: RouterContext, deps: ApiDeps): Promise<void> {
  const { metadata } = await requireFunction(ctx, deps)
  ctx.body = toRevisionList(await deps.functions.revisions(keyOf(metadata)))
}

async function restart(ctx: RouterContext, deps: ApiDeps): Promise<void> {
  const restartedAt = toTimestamp(deps.clock.now())
  await writeExisting(ctx, deps, current => {
    const draft = toDraft(current)
    return { ...draft, spec: { ...draft.spec, restartedAt } }
  })
}

async function scale(ctx: RouterContext, deps: ApiDeps): Promise<void> {
  const { replicas } = parseInput(ScaleBody, await readJson(ctx, deps.readTimeoutMs))
  requireReplicas('replicas', replicas, deps.limits)
  await writeExisting(ctx, deps, current => {
    const draft = toDraft(current)
    return { ...draft, spec: { ...draft.spec, replicas } }
  })
}

async function rollBack(ctx: RouterContext, deps: ApiDeps): Promise<void> {
  const wanted = parseInput(RollbackBody, await readJson(ctx, deps.readTimeoutMs, {})).revision
  const key = keyOf((await requireFunction(ctx, deps)).metadata)
  const revisions = await deps.functions.revisions(key)
  const target = wanted === undefined ? revisions[1] : revisions.find(({ revision }) => revision === wanted)
  if (target === undefined) throw new NotFoundError(`revision ${wanted ?? 'before the current one'} of`, key)
  const { labels, annotations, spec } = target
  await writeExisting(ctx, deps, current => ({
    ...toDraft(current),
    labels,
    annotations,
    // Rolling back must not scale.
    spec: { ...spec, replicas: current.spec.replicas }
  }))
}
