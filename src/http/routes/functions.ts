import type { RouterContext } from '@koa/router'
import { NotFoundError } from '../../../api/errors.ts'
import type { FunctionDraft, FunctionObject } from '../../../api/function.ts'
import { parseLabelSelector } from '../../../api/label-selector.ts'
import { DEFAULT_NAMESPACE } from '../../../api/meta.ts'
import type { WriteResult } from '../../store/store.ts'
import { existingKey, namespaceOf, visibleNamespaces, writableKey } from '../access.ts'
import { readJson } from '../body.ts'
import type { ApiDeps } from '../deps.ts'
import {
  FunctionBody,
  FunctionPatch,
  NamedFunctionBody,
  patchedBody,
  readFunction,
  readNamedFunction,
  toFunctionDraft
} from '../function-input.ts'
import { admit, invalidBody, isNamespaceMissing, requireRead, wantedBy } from '../policy.ts'
import { etagOf, toFunctionList, toFunctionResource } from '../presenters.ts'
import {
  DRY_RUN,
  IF_MATCH,
  IF_NONE_MATCH,
  LABEL_SELECTOR,
  NAMESPACE,
  queryFlag,
  queryInteger,
  queryParameter,
  RESOURCE_VERSION,
  WATCH
} from '../query.ts'
import type { Route } from '../route.ts'
import { expectedVersion, isKnownVersion, requireMergePatch } from '../validate.ts'
import { warnOfSettings } from '../warnings.ts'
import { changeExisting, deleteFunction, putFunction } from '../writes.ts'
import { answerWatch } from './watch.ts'

const FUNCTIONS = '/v1/functions'
const FUNCTION = '/v1/functions/:name'
const WRITTEN = {
  200: { about: 'the function, or what a dry run would do', schema: 'FunctionAnswer', or: ['DryRunAnswer'] }
} as const
const CREATED = { 201: { about: 'the new function', schema: 'FunctionAnswer' } } as const

/** `/v1/functions`: what is wanted, read and written whole. */
export function functionRoutes(deps: ApiDeps): Route[] {
  return [
    {
      method: 'get',
      path: FUNCTIONS,
      scope: 'read',
      namespace: 'visible',
      summary: 'List or watch functions',
      query: [NAMESPACE, LABEL_SELECTOR, WATCH, RESOURCE_VERSION],
      answers: {
        200: {
          about: 'functions, or with watch a line for each change',
          schema: 'FunctionListAnswer',
          others: { 'application/x-ndjson': 'WatchLine' }
        }
      },
      errors: [410],
      handler: ctx => listFunctions(ctx, deps)
    },
    {
      method: 'post',
      path: FUNCTIONS,
      scope: 'deploy',
      namespace: 'body',
      summary: 'Bring a function to a spec, whether or not it is there',
      query: [NAMESPACE, DRY_RUN],
      body: FunctionBody,
      head: [IF_MATCH],
      answers: { ...WRITTEN, ...CREATED },
      errors: [409],
      handler: ctx => applyFunction(ctx, deps)
    },
    ...oneFunctionRoutes(deps)
  ]
}

function oneFunctionRoutes(deps: ApiDeps): Route[] {
  return [
    {
      method: 'get',
      path: FUNCTION,
      scope: 'read',
      namespace: 'query',
      summary: 'Show a function',
      query: [NAMESPACE],
      head: [IF_NONE_MATCH],
      answers: {
        200: { about: 'the function', schema: 'FunctionAnswer' },
        304: { about: 'If-None-Match names its version', type: '' }
      },
      handler: ctx => getFunction(ctx, deps)
    },
    {
      method: 'put',
      path: FUNCTION,
      scope: 'deploy',
      namespace: 'query',
      summary: 'Replace a function',
      query: [NAMESPACE, DRY_RUN],
      body: NamedFunctionBody,
      head: [IF_MATCH],
      answers: WRITTEN,
      errors: [409],
      handler: ctx => replaceFunction(ctx, deps)
    },
    {
      method: 'patch',
      path: FUNCTION,
      scope: 'deploy',
      namespace: 'query',
      summary: 'Change a function by a merge patch (RFC 7396)',
      query: [NAMESPACE, DRY_RUN],
      body: FunctionPatch,
      head: [IF_MATCH],
      answers: WRITTEN,
      errors: [409],
      handler: ctx => patchExisting(ctx, deps)
    },
    {
      method: 'delete',
      path: FUNCTION,
      scope: 'deploy',
      namespace: 'query',
      summary: 'Ask for the deletion of a function',
      query: [NAMESPACE, DRY_RUN],
      head: [IF_MATCH],
      answers: {
        200: { about: 'what a dry run would do', schema: 'DryRunAnswer' },
        202: { about: 'the function, which is going', schema: 'FunctionAnswer' }
      },
      errors: [409],
      handler: ctx => removeFunction(ctx, deps)
    }
  ]
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
  const namespaces = visibleNamespaces(ctx)
  const selects = parseLabelSelector(queryParameter(ctx, LABEL_SELECTOR) ?? '')
  const since = queryInteger(ctx, RESOURCE_VERSION, 0, Number.MAX_SAFE_INTEGER)
  if (queryFlag(ctx, WATCH)) return await answerWatch(ctx, deps, { namespaces, selects, since })
  // Read first: a change between the two is then seen twice by who watches from here, and never missed.
  const resourceVersion = deps.functions.resourceVersion()
  const objects = await deps.functions.list({ namespaces })
  ctx.body = toFunctionList(
    objects.filter(object => selects(object.metadata.labels)),
    resourceVersion
  )
}

async function getFunction(ctx: RouterContext, deps: ApiDeps): Promise<void> {
  const object = await requireFunction(ctx, deps)
  ctx.set('ETag', etagOf(object))
  if (isKnownVersion(ctx, etagOf(object))) ctx.status = 304
  else ctx.body = toFunctionResource(object)
}

async function applyFunction(ctx: RouterContext, deps: ApiDeps): Promise<void> {
  const json = await readJson(ctx, deps.readTimeoutMs)
  const body = await requireRead(ctx, deps, readFunction(json), { wire: 'v1', body: json })
  const namespace = namespaceOf(ctx, body.metadata.namespace, 'metadata.namespace')
  const key = writableKey(ctx, namespace, body.metadata.name)
  const isMissing = await isNamespaceMissing(deps, namespace)
  const change = (current: FunctionObject | undefined) => {
    const draft = toFunctionDraft(body, namespace, current, deps.limits)
    const asked = { current, replicas: body.spec.replicas, isNamespaceMissing: isMissing }
    return admit(draft, asked, deps, 'v1')
  }
  await write(ctx, deps, key, change, body.metadata.resourceVersion)
}

async function replaceFunction(ctx: RouterContext, deps: ApiDeps): Promise<void> {
  const json = await readJson(ctx, deps.readTimeoutMs)
  const namespace = namespaceOf(ctx)
  const name = nameOfPath(ctx)
  const reading = readNamedFunction(json, namespace, name)
  const body = await requireRead(ctx, deps, reading, { wire: 'v1', body: json, name })
  const change = (current: FunctionObject) => admitBody(deps, body, namespace, current)
  await writeExisting(ctx, deps, change, body.metadata.resourceVersion)
}

async function patchExisting(ctx: RouterContext, deps: ApiDeps): Promise<void> {
  requireMergePatch(ctx)
  const patch = await readJson(ctx, deps.readTimeoutMs)
  const change = (current: FunctionObject) => {
    const { namespace, name } = current.metadata
    const body = patchedBody(current, patch)
    const reading = readNamedFunction(body, namespace, name)
    if ('data' in reading) return admitBody(deps, reading.data, namespace, current)
    throw invalidBody(reading.errors, { ...wantedBy({ wire: 'v1', body, name }), namespace, current }, deps, 'v1')
  }
  const metadata = patch['metadata'] as { resourceVersion?: unknown } | null | undefined
  await writeExisting(ctx, deps, change, metadata?.resourceVersion)
}

function admitBody(deps: ApiDeps, body: FunctionBody, namespace: string, current: FunctionObject): FunctionDraft {
  const draft = toFunctionDraft(body, namespace, current, deps.limits)
  return admit(draft, { current, replicas: body.spec.replicas }, deps, 'v1')
}

async function removeFunction(ctx: RouterContext, deps: ApiDeps): Promise<void> {
  const key = keyOfPath(ctx)
  const dryRun = queryFlag(ctx, DRY_RUN)
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
  const dryRun = queryFlag(ctx, DRY_RUN)
  const ifMatch = expectedVersion(ctx, bodyVersion)
  const result = await putFunction(deps, key, change, { dryRun, ...(ifMatch === undefined ? {} : { ifMatch }) })
  warnOfSettings(ctx, result.object.metadata)
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
  return existingKey(ctx, namespaceOf(ctx), nameOfPath(ctx))
}
