import type { RouterContext } from '@koa/router'
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
import { pinnedAt } from '../../../api/scaling.ts'
import { canonicalJson } from '../../../api/spec-hash.ts'
import { existingKey, namespaceOf, requireNamespace, writableKey } from '../access.ts'
import { readJson } from '../body.ts'
import type { ApiDeps } from '../deps.ts'
import { requireKnownNamespace } from '../namespace-access.ts'
import { admit, isNamespaceMissing, requireRead } from '../policy.ts'
import { FUNCTION_NAME, NAMESPACE, queryFlag, queryParameter, USAGE } from '../query.ts'
import type { Route } from '../route.ts'
import { parseInput, readInput } from '../validate.ts'
import { warnOfSettings } from '../warnings.ts'
import { changeExisting, deleteFunction, putFunction, toDraft } from '../writes.ts'

const FUNCTIONS = '/system/functions'
const ACCEPTED = { 202: { about: 'written down', type: '' } } as const

/** The functions of the OpenFaaS API: the same objects as on `/v1`, but for those whose deletion was asked for. */
export function systemFunctionRoutes(deps: ApiDeps): Route[] {
  return [
    {
      method: 'get',
      path: FUNCTIONS,
      scope: 'read',
      namespace: 'query',
      summary: 'List functions',
      query: [NAMESPACE, USAGE],
      answers: { 200: { about: 'functions', schema: 'OpenfaasFunctions' } },
      handler: ctx => listFunctions(ctx, deps)
    },
    {
      method: 'post',
      path: FUNCTIONS,
      scope: 'deploy',
      namespace: 'body',
      summary: 'Deploy a function',
      query: [NAMESPACE],
      body: Deployment,
      answers: ACCEPTED,
      errors: [409],
      handler: ctx => deploy(ctx, deps)
    },
    {
      method: 'put',
      path: FUNCTIONS,
      scope: 'deploy',
      namespace: 'body',
      summary: 'Update a function',
      query: [NAMESPACE],
      body: Deployment,
      answers: ACCEPTED,
      errors: [404],
      handler: ctx => update(ctx, deps)
    },
    {
      method: 'delete',
      path: FUNCTIONS,
      scope: 'deploy',
      namespace: 'body',
      summary: 'Delete a function',
      query: [NAMESPACE, FUNCTION_NAME],
      body: DeleteRequest,
      isBodyOptional: true,
      answers: ACCEPTED,
      errors: [404],
      handler: ctx => remove(ctx, deps)
    },
    ...oneFunctionRoutes(deps)
  ]
}

function oneFunctionRoutes(deps: ApiDeps): Route[] {
  return [
    {
      method: 'get',
      path: '/system/function/:name',
      scope: 'read',
      namespace: 'query',
      summary: 'Show a function',
      query: [NAMESPACE, USAGE],
      answers: { 200: { about: 'the function', schema: 'OpenfaasFunction' } },
      handler: ctx => describe(ctx, deps)
    },
    {
      method: 'get',
      path: '/system/function/:name/containers',
      scope: 'read',
      namespace: 'query',
      summary: 'List the containers of a function',
      query: [NAMESPACE],
      answers: { 200: { about: 'containers of any revision, running or not', schema: 'FunctionContainers' } },
      handler: async ctx => {
        ctx.body = await deps.loop.containers(await getLiving(ctx, deps))
      }
    },
    {
      method: 'post',
      path: '/system/scale-function/:name',
      scope: 'deploy',
      namespace: 'body',
      summary: 'Scale a function',
      query: [NAMESPACE],
      body: ScaleRequest,
      answers: ACCEPTED,
      handler: ctx => scale(ctx, deps)
    }
  ]
}

async function listFunctions(ctx: RouterContext, deps: ApiDeps): Promise<void> {
  const namespace = namespaceOf(ctx)
  requireNamespace(ctx, namespace)
  await requireKnownNamespace(deps, namespace)
  const objects = await deps.functions.list({ namespaces: new Set([namespace]) })
  ctx.body = await present(ctx, deps, objects.filter(isLiving))
}

async function describe(ctx: RouterContext, deps: ApiDeps): Promise<void> {
  const [status] = await present(ctx, deps, [await getLiving(ctx, deps)])
  ctx.body = status
}

/** The function of the path. Throws `NotFoundError`, also when its deletion was asked for. */
async function getLiving(ctx: RouterContext, deps: ApiDeps): Promise<FunctionObject> {
  const key = keyOfPath(ctx)
  const object = await deps.functions.get(key)
  if (object === undefined || !isLiving(object)) throw new NotFoundError('function', key)
  return object
}

async function deploy(ctx: RouterContext, deps: ApiDeps): Promise<void> {
  const { wire, key, knownSecrets } = await readDeployment(ctx, deps, writableKey)
  const isMissing = await isNamespaceMissing(deps, wire.namespace)
  const { object } = await putFunction(deps, key, current => {
    const asked = { current, knownSecrets, isNamespaceMissing: isMissing }
    const draft = admit(fromDeployment(wire, current, deps.limits), asked, deps, 'system')
    if (current !== undefined && !isSame(draft, current)) throw new AlreadyExistsError('function', key)
    return draft
  })
  warnOfSettings(ctx, object.metadata)
  accept(ctx)
}

async function update(ctx: RouterContext, deps: ApiDeps): Promise<void> {
  const { wire, key, knownSecrets } = await readDeployment(ctx, deps, existingKey)
  const change = changeExisting(key, current =>
    admit(fromDeployment(wire, current, deps.limits), { current, knownSecrets }, deps, 'system')
  )
  const { object } = await putFunction(deps, key, change)
  warnOfSettings(ctx, object.metadata)
  accept(ctx)
}

async function remove(ctx: RouterContext, deps: ApiDeps): Promise<void> {
  const named = queryParameter(ctx, FUNCTION_NAME)
  const whenEmpty = named === undefined ? undefined : { functionName: named }
  const body = parseInput(DeleteRequest, await readJson(ctx, deps.readTimeoutMs, whenEmpty))
  const key = existingKey(ctx, namespaceOf(ctx, body.namespace), body.functionName)
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
    const { replicas, scale: decided } = pinnedAt(current, body.replicas)
    return { ...draft, spec: { ...draft.spec, replicas }, scale: decided }
  })
  await putFunction(deps, key, change)
  accept(ctx)
}

async function readDeployment(
  ctx: RouterContext,
  deps: ApiDeps,
  toKey: typeof existingKey
): Promise<{
  wire: Deployment & { namespace: string }
  key: string
  knownSecrets: ReadonlySet<string> | undefined
}> {
  const body = await readJson(ctx, deps.readTimeoutMs)
  const parsed = await requireRead(ctx, deps, readInput(Deployment, body), { wire: 'system', body })
  const namespace = namespaceOf(ctx, parsed.namespace)
  const key = toKey(ctx, namespace, parsed.service)
  // As OpenFaaS has it. On `/v1` a function may be there before its secrets.
  const found = parsed.secrets.length === 0 ? [] : await deps.secrets.list({ namespaces: new Set([namespace]) })
  const knownSecrets = parsed.secrets.length === 0 ? undefined : new Set(found.map(({ name }) => name))
  return { wire: { ...parsed, namespace }, key, knownSecrets }
}

/** The body is empty, as that of OpenFaaS: the work goes on after the answer. */
function accept(ctx: RouterContext): void {
  ctx.status = 202
  ctx.body = ''
}

async function present(ctx: RouterContext, deps: ApiDeps, objects: readonly FunctionObject[]) {
  const keys = objects.map(({ metadata }) => keyOf(metadata))
  const usages = queryFlag(ctx, USAGE) ? await deps.usage.of(keys) : undefined
  return objects.map(object => {
    const key = keyOf(object.metadata)
    return toFunctionStatus(object, deps.invocationCount(key), usages?.get(key))
  })
}

function isLiving(object: FunctionObject): boolean {
  return object.metadata.deletionRequestedAt === undefined
}

function isSame(draft: FunctionDraft, current: FunctionObject): boolean {
  const { scale: _pinned, ...written } = toDraft(current)
  return canonicalJson(draft) === canonicalJson(written)
}

function keyOfPath(ctx: RouterContext, namespaceInBody?: string): string {
  return existingKey(ctx, namespaceOf(ctx, namespaceInBody), ctx.params['name'] ?? '')
}
