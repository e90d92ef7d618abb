import type { Router, RouterContext } from '@koa/router'
import { AlreadyExistsError, NotFoundError } from '../../../api/errors.ts'
import type { FunctionDraft, FunctionObject } from '../../../api/function.ts'
import { keyOf } from '../../../api/meta.ts'
import {
  DeleteRequest,
  Deployment,
  fromDeployment,
  requireReplicas,
  ScaleRequest,
  toFunctionStatus
} from '../../../api/openfaas.ts'
import { canonicalJson } from '../../../api/spec-hash.ts'
import { readJson } from '../body.ts'
import type { ApiDeps } from '../deps.ts'
import { existingKey, namespaceOf, parseInput, queryParameter } from '../validate.ts'
import { changeExisting, deleteFunction, putFunction, toDraft } from '../writes.ts'

/** The functions of the OpenFaaS API: the same objects as on `/v1`, but for those whose deletion was asked for. */
export function addSystemFunctionRoutes(router: Router, deps: ApiDeps): void {
  router.get('/system/functions', ctx => listFunctions(ctx, deps))
  router.post('/system/functions', ctx => deploy(ctx, deps))
  router.put('/system/functions', ctx => update(ctx, deps))
  router.delete('/system/functions', ctx => remove(ctx, deps))
  router.get('/system/function/:name', ctx => describe(ctx, deps))
  router.post('/system/scale-function/:name', ctx => scale(ctx, deps))
}

async function listFunctions(ctx: RouterContext, deps: ApiDeps): Promise<void> {
  const objects = await deps.functions.list({ namespace: namespaceOf(ctx) })
  ctx.body = objects.filter(isLiving).map(object => present(object, deps))
}

async function describe(ctx: RouterContext, deps: ApiDeps): Promise<void> {
  const key = keyOfPath(ctx)
  const object = await deps.functions.get(key)
  if (object === undefined || !isLiving(object)) throw new NotFoundError('function', key)
  ctx.body = present(object, deps)
}

async function deploy(ctx: RouterContext, deps: ApiDeps): Promise<void> {
  const { wire, key } = await readDeployment(ctx, deps)
  await putFunction(deps, key, current => {
    const draft = fromDeployment(wire, current, deps.limits)
    if (current !== undefined && !isSame(draft, current)) throw new AlreadyExistsError('function', key)
    return draft
  })
  accept(ctx)
}

async function update(ctx: RouterContext, deps: ApiDeps): Promise<void> {
  const { wire, key } = await readDeployment(ctx, deps)
  const change = changeExisting(key, current => fromDeployment(wire, current, deps.limits))
  await putFunction(deps, key, change)
  accept(ctx)
}

async function remove(ctx: RouterContext, deps: ApiDeps): Promise<void> {
  const named = queryParameter(ctx, 'functionName')
  const whenEmpty = named === undefined ? undefined : { functionName: named }
  const body = parseInput(DeleteRequest, await readJson(ctx, deps.readTimeoutMs, whenEmpty))
  const key = existingKey(namespaceOf(ctx, body.namespace), body.functionName)
  const marked = await deleteFunction(deps, key)
  if (marked === undefined) throw new NotFoundError('function', key)
  accept(ctx)
}

async function scale(ctx: RouterContext, deps: ApiDeps): Promise<void> {
  const body = parseInput(ScaleRequest, await readJson(ctx, deps.readTimeoutMs))
  requireReplicas('replicas', body.replicas, deps.limits)
  const key = keyOfPath(ctx, body.namespace)
  const change = changeExisting(key, current => {
    const draft = toDraft(current)
    return { ...draft, spec: { ...draft.spec, replicas: body.replicas } }
  })
  await putFunction(deps, key, change)
  accept(ctx)
}

async function readDeployment(ctx: RouterContext, deps: ApiDeps): Promise<{ wire: Deployment; key: string }> {
  const parsed = parseInput(Deployment, await readJson(ctx, deps.readTimeoutMs))
  const namespace = namespaceOf(ctx, parsed.namespace)
  return { wire: { ...parsed, namespace }, key: existingKey(namespace, parsed.service) }
}

/** The body is empty, as that of OpenFaaS: the work goes on after the answer. */
function accept(ctx: RouterContext): void {
  ctx.status = 202
  ctx.body = ''
}

function present(object: FunctionObject, deps: ApiDeps) {
  return toFunctionStatus(object, deps.invocationCount(keyOf(object.metadata)))
}

function isLiving(object: FunctionObject): boolean {
  return object.metadata.deletionRequestedAt === undefined
}

function isSame(draft: FunctionDraft, current: FunctionObject): boolean {
  return canonicalJson(draft) === canonicalJson(toDraft(current))
}

function keyOfPath(ctx: RouterContext, namespaceInBody?: string): string {
  return existingKey(namespaceOf(ctx, namespaceInBody), ctx.params['name'] ?? '')
}
