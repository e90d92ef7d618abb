import type { Router, RouterContext } from '@koa/router'
import { NotFoundError } from '../../../api/errors.ts'
import type { FunctionDraft, FunctionObject } from '../../../api/function.ts'
import { parseLabelSelector } from '../../../api/label-selector.ts'
import { DEFAULT_NAMESPACE } from '../../../api/meta.ts'
import type { WriteResult } from '../../store/store.ts'
import { readJson } from '../body.ts'
import type { ApiDeps } from '../deps.ts'
import { parseFunction, parseNamedFunction, patchFunction, toFunctionDraft } from '../function-input.ts'
import { etagOf, toFunctionList, toFunctionResource } from '../presenters.ts'
import {
  existingKey,
  expectedVersion,
  namespaceOf,
  queryFlag,
  queryInteger,
  queryNamespace,
  queryParameter,
  requireMergePatch
} from '../validate.ts'
import { changeExisting, deleteFunction, putFunction } from '../writes.ts'
import { answerWatch } from './watch.ts'

/** `/v1/functions`: what is wanted, read and written whole. */
export function addFunctionRoutes(router: Router, deps: ApiDeps): void {
  router.get('/v1/functions', ctx => listFunctions(ctx, deps))
  router.post('/v1/functions', ctx => applyFunction(ctx, deps))
  router.get('/v1/functions/:name', ctx => getFunction(ctx, deps))
  router.put('/v1/functions/:name', ctx => replaceFunction(ctx, deps))
  router.patch('/v1/functions/:name', ctx => patchExisting(ctx, deps))
  router.delete('/v1/functions/:name', ctx => removeFunction(ctx, deps))
}

/** The function that the path names. Throws `NotFoundError`. */
export async function requireFunction(ctx: RouterContext, deps: Pick<ApiDeps, 'functions'>): Promise<FunctionObject> {
  const key = keyOfPath(ctx)
  const object = await deps.functions.get(key)
  if (object === undefined) throw new NotFoundError('function', key)
  return object
}

/** Writes what `change` makes of the function that the path names, and answers. */
export async function writeExisting(
  ctx: RouterContext,
  deps: ApiDeps,
  change: (current: FunctionObject) => FunctionDraft,
  bodyVersion?: unknown
): Promise<void> {
  const key = keyOfPath(ctx)
  await write(ctx, deps, key, changeExisting(key, change), bodyVersion)
}

async function listFunctions(ctx: RouterContext, deps: ApiDeps): Promise<void> {
  const namespace = queryNamespace(ctx)
  const selects = parseLabelSelector(queryParameter(ctx, 'labelSelector') ?? '')
  const since = queryInteger(ctx, 'resourceVersion', 0, Number.MAX_SAFE_INTEGER)
  if (queryFlag(ctx, 'watch')) return await answerWatch(ctx, deps, { namespace, selects, since })
  // Read first: a change between the two is then seen twice by who watches from here, and never missed.
  const resourceVersion = deps.functions.resourceVersion()
  const objects = await deps.functions.list(namespace === undefined ? {} : { namespace })
  ctx.body = toFunctionList(
    objects.filter(object => selects(object.metadata.labels)),
    resourceVersion
  )
}

async function getFunction(ctx: RouterContext, deps: ApiDeps): Promise<void> {
  const object = await requireFunction(ctx, deps)
  ctx.set('ETag', etagOf(object))
  if (isKnown(ctx, etagOf(object))) ctx.status = 304
  else ctx.body = toFunctionResource(object)
}

/** Whether `If-None-Match` names the ETag. NOTE: not `ctx.fresh`, which heeds `Cache-Control: no-cache`, as fetch adds it. */
function isKnown(ctx: RouterContext, etag: string): boolean {
  const known = ctx.get('If-None-Match').split(',')
  return known.some(text => text.trim() === '*' || text.trim().replace(/^W\//, '') === etag)
}

async function applyFunction(ctx: RouterContext, deps: ApiDeps): Promise<void> {
  const body = parseFunction(await readJson(ctx, deps.readTimeoutMs))
  const namespace = namespaceOf(ctx, body.metadata.namespace, 'metadata.namespace')
  const key = existingKey(namespace, body.metadata.name)
  const change = (current: FunctionObject | undefined) => toFunctionDraft(body, namespace, current, deps.limits)
  await write(ctx, deps, key, change, body.metadata.resourceVersion)
}

async function replaceFunction(ctx: RouterContext, deps: ApiDeps): Promise<void> {
  const json = await readJson(ctx, deps.readTimeoutMs)
  const namespace = namespaceOf(ctx)
  const body = parseNamedFunction(json, namespace, nameOfPath(ctx))
  const change = (current: FunctionObject) => toFunctionDraft(body, namespace, current, deps.limits)
  await writeExisting(ctx, deps, change, body.metadata.resourceVersion)
}

async function patchExisting(ctx: RouterContext, deps: ApiDeps): Promise<void> {
  requireMergePatch(ctx)
  const patch = await readJson(ctx, deps.readTimeoutMs)
  const change = (current: FunctionObject) =>
    toFunctionDraft(patchFunction(current, patch), current.metadata.namespace, current, deps.limits)
  const metadata = patch['metadata'] as { resourceVersion?: unknown } | null | undefined
  await writeExisting(ctx, deps, change, metadata?.resourceVersion)
}

async function removeFunction(ctx: RouterContext, deps: ApiDeps): Promise<void> {
  const key = keyOfPath(ctx)
  const dryRun = queryFlag(ctx, 'dryRun')
  const ifMatch = expectedVersion(ctx)
  const marked = await deleteFunction(deps, key, { dryRun, ...(ifMatch === undefined ? {} : { ifMatch }) })
  // Asked for once more while it is under way: the answer is the same.
  const object = marked ?? (await requireFunction(ctx, deps))
  if (dryRun) {
    ctx.body = { object: toFunctionResource(object), outcome: 'deleted', plan: await deps.loop.preview(object) }
    return
  }
  ctx.status = 202
  ctx.set('ETag', etagOf(object))
  ctx.body = toFunctionResource(object)
}

async function write(
  ctx: RouterContext,
  deps: ApiDeps,
  key: string,
  change: (current: FunctionObject | undefined) => FunctionDraft,
  bodyVersion: unknown
): Promise<void> {
  const dryRun = queryFlag(ctx, 'dryRun')
  const ifMatch = expectedVersion(ctx, bodyVersion)
  const result = await putFunction(deps, key, change, { dryRun, ...(ifMatch === undefined ? {} : { ifMatch }) })
  if (dryRun) {
    const object = toFunctionResource(result.object)
    ctx.body = { object, outcome: result.outcome, plan: await deps.loop.preview(result.object) }
  } else {
    answerWrite(ctx, result)
  }
}

function answerWrite(ctx: RouterContext, { outcome, object }: WriteResult): void {
  const { namespace, name } = object.metadata
  ctx.status = outcome === 'created' ? 201 : 200
  if (outcome === 'created') {
    ctx.set('Location', `/v1/functions/${name}${namespace === DEFAULT_NAMESPACE ? '' : `?namespace=${namespace}`}`)
  }
  ctx.set('ETag', etagOf(object))
  ctx.body = toFunctionResource(object)
}

function nameOfPath(ctx: RouterContext): string {
  return ctx.params['name'] ?? ''
}

function keyOfPath(ctx: RouterContext): string {
  return existingKey(namespaceOf(ctx), nameOfPath(ctx))
}
