import type { RouterContext } from '@koa/router'
import { NotFoundError } from '../../../api/errors.ts'
import { keyOf } from '../../../api/meta.ts'
import { requireReplicas } from '../../../api/openfaas.ts'
import { pinnedAt } from '../../../api/scaling.ts'
import { toTimestamp } from '../../clock.ts'
import { readJson } from '../body.ts'
import type { ApiDeps } from '../deps.ts'
import { RollbackBody, ScaleBody } from '../function-input.ts'
import { admit } from '../policy.ts'
import { toEventList, toFunctionStatusResource, toRevisionList } from '../presenters.ts'
import { DRY_RUN, IF_MATCH, LIMIT, NAMESPACE, queryLimit } from '../query.ts'
import type { Route } from '../route.ts'
import { parseInput } from '../validate.ts'
import { toDraft } from '../writes.ts'
import { requireFunction, writeExisting } from './functions.ts'

const PATH = '/v1/functions/:name'
const AN_ASPECT = { method: 'get', scope: 'read', namespace: 'query' } as const
const A_CHANGE = {
  method: 'post',
  scope: 'deploy',
  namespace: 'query',
  query: [NAMESPACE, DRY_RUN],
  head: [IF_MATCH],
  answers: {
    200: { about: 'the function, or what a dry run would do', schema: 'FunctionAnswer', or: ['DryRunAnswer'] }
  },
  errors: [409]
} as const

/** `/v1/functions/{name}/…`: one aspect of a function, or one change of it. */
export function functionActionRoutes(deps: ApiDeps): Route[] {
  return [
    {
      ...AN_ASPECT,
      path: `${PATH}/status`,
      summary: 'Show the status of a function',
      query: [NAMESPACE],
      answers: { 200: { about: 'the status', schema: 'FunctionStatusAnswer' } },
      handler: async ctx => {
        ctx.body = toFunctionStatusResource(await requireFunction(ctx, deps))
      }
    },
    {
      ...AN_ASPECT,
      path: `${PATH}/events`,
      summary: 'List what happened to a function, newest first',
      query: [NAMESPACE, LIMIT],
      answers: { 200: { about: 'events', schema: 'EventList' } },
      handler: ctx => listEvents(ctx, deps)
    },
    {
      ...AN_ASPECT,
      path: `${PATH}/revisions`,
      summary: 'List the revisions of a function, newest first',
      query: [NAMESPACE],
      answers: { 200: { about: 'revisions', schema: 'RevisionListAnswer' } },
      handler: ctx => listRevisions(ctx, deps)
    },
    {
      ...A_CHANGE,
      path: `${PATH}/restart`,
      summary: 'Replace every replica, one after the other',
      handler: ctx => restart(ctx, deps)
    },
    {
      ...A_CHANGE,
      path: `${PATH}/scale`,
      summary: 'Scale a function',
      body: ScaleBody,
      handler: ctx => scale(ctx, deps)
    },
    {
      ...A_CHANGE,
      path: `${PATH}/rollback`,
      summary: 'Go back to a revision',
      body: RollbackBody,
      isBodyOptional: true,
      handler: ctx => rollBack(ctx, deps)
    }
  ]
}

async function listEvents(ctx: RouterContext, deps: ApiDeps): Promise<void> {
  const limit = queryLimit(ctx)
  const { namespace, name, uid } = (await requireFunction(ctx, deps)).metadata
  const upTo = deps.events.resourceVersion()
  const events = await deps.events.list({ namespaces: new Set([namespace]), name, uid, limit, upTo })
  ctx.body = toEventList(events, upTo)
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
    const wanted = pinnedAt(current, replicas)
    return { ...draft, spec: { ...draft.spec, replicas: wanted.replicas }, scale: wanted.scale }
  })
}

async function rollBack(ctx: RouterContext, deps: ApiDeps): Promise<void> {
  const wanted = parseInput(RollbackBody, await readJson(ctx, deps.readTimeoutMs, {})).revision
  const key = keyOf((await requireFunction(ctx, deps)).metadata)
  const revisions = await deps.functions.revisions(key)
  const target = wanted === undefined ? revisions[1] : revisions.find(({ revision }) => revision === wanted)
  if (target === undefined) throw new NotFoundError(`revision ${wanted ?? 'before the current one'} of`, key)
  const { labels, annotations, spec } = target
  await writeExisting(ctx, deps, current => {
    // Rolling back must not scale.
    const draft = { ...toDraft(current), labels, annotations, spec: { ...spec, replicas: current.spec.replicas } }
    return admit(draft, { current }, deps, 'v1')
  })
}
