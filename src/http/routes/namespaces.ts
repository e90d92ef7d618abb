import type { RouterContext } from '@koa/router'
import { ValidationError } from '../../../api/errors.ts'
import { parseLabelSelector } from '../../../api/label-selector.ts'
import { mergePatch } from '../../../api/merge-patch.ts'
import {
  NamedNamespaceInput,
  NamespaceInput,
  type NamespaceObject,
  NamespacePatch,
  statusOf
} from '../../../api/namespace-object.ts'
import { initialReplicas } from '../../../api/openfaas.ts'
import { NO_USAGE } from '../../../api/quota.ts'
import type { NamespaceAnswer } from '../../../api/wire/namespace.ts'
import type { NamespacePutResult, NamespaceWriteOptions } from '../../store/namespace-store.ts'
import { readJson } from '../body.ts'
import { callerOf } from '../caller.ts'
import type { ApiDeps } from '../deps.ts'
import {
  changeNamespace,
  deleteNamespace,
  noteNamespace,
  requireNamespaceObject,
  requireNewName
} from '../namespace-access.ts'
import { DRY_RUN, IF_MATCH, LABEL_SELECTOR, queryFlag, queryParameter } from '../query.ts'
import { markChecked, type Route } from '../route.ts'
import { expectedVersion, parseInput, requireMergePatch } from '../validate.ts'

const NAMESPACES = '/v1/namespaces'
const NAMESPACE = '/v1/namespaces/:name'
const A_WRITE = { scope: 'admin', namespace: 'gateway', query: [DRY_RUN], head: [IF_MATCH], errors: [409] } as const
const SHOWN = { about: 'the namespace', schema: 'NamespaceAnswer' } as const
const WRITTEN = {
  about: 'the namespace, or what a dry run would do',
  schema: 'NamespaceAnswer',
  or: ['NamespaceDryRunAnswer']
} as const

/** `/v1/namespaces`: labels, annotations and quotas of namespaces, and what is used of them. */
export function namespaceRoutes(deps: ApiDeps): Route[] {
  return [
    {
      ...{ method: 'get', path: NAMESPACES, scope: 'read', namespace: 'visible' },
      summary: 'List namespaces, and what is used of their quotas',
      query: [LABEL_SELECTOR],
      answers: { 200: { about: 'namespaces', schema: 'NamespaceListAnswer' } },
      handler: ctx => listNamespaces(ctx, deps)
    },
    {
      ...{ method: 'post', path: NAMESPACES, ...A_WRITE },
      summary: 'Bring a namespace to labels and annotations, whether or not it is there',
      body: NamespaceInput,
      answers: { 200: WRITTEN, 201: { ...SHOWN, about: 'the new namespace' } },
      handler: ctx => applyNamespace(ctx, deps)
    },
    {
      ...{ method: 'get', path: NAMESPACE, scope: 'read', namespace: 'named' },
      summary: 'Show a namespace, and what is used of its quota',
      answers: { 200: SHOWN },
      handler: async ctx => answer(ctx, deps, await requireNamespaceObject(ctx, deps, nameOfPath(ctx)))
    },
    {
      ...{ method: 'put', path: NAMESPACE, ...A_WRITE },
      summary: 'Replace labels and annotations of a namespace',
      body: NamedNamespaceInput,
      answers: { 200: WRITTEN },
      handler: ctx => replaceNamespace(ctx, deps)
    },
    {
      ...{ method: 'patch', path: NAMESPACE, ...A_WRITE },
      summary: 'Change labels and annotations of a namespace by a merge patch (RFC 7396)',
      body: NamespacePatch,
      answers: { 200: WRITTEN },
      handler: ctx => patchNamespace(ctx, deps)
    },
    {
      ...{ method: 'delete', path: NAMESPACE, ...A_WRITE },
      summary: 'Delete a namespace that is empty',
      answers: {
        200: { about: 'what a dry run would do', schema: 'NamespaceDryRunAnswer' },
        204: { about: 'it is gone', type: '' }
      },
      handler: ctx => removeNamespace(ctx, deps)
    }
  ]
}

async function listNamespaces(ctx: RouterContext, deps: ApiDeps): Promise<void> {
  markChecked(ctx)
  const { namespaces } = callerOf(ctx)
  const selects = parseLabelSelector(queryParameter(ctx, LABEL_SELECTOR) ?? '')
  const [objects, usage] = await Promise.all([deps.namespaces.list(namespaces), deps.namespaces.usage(namespaces)])
  const items = objects
    .filter(({ labels }) => selects(labels))
    .map(object => toResource(deps, object, usage.get(object.name) ?? NO_USAGE))
  ctx.body = { apiVersion: 'v1', kind: 'NamespaceList', items }
}

async function applyNamespace(ctx: RouterContext, deps: ApiDeps): Promise<void> {
  const { metadata } = parseInput(NamespaceInput, await readJson(ctx, deps.readTimeoutMs))
  const { name, labels, annotations } = metadata
  noteNamespace(ctx, name)
  const change = (current: NamespaceObject | undefined) => {
    requireNewName(current, name, 'metadata.name')
    return { labels, annotations }
  }
  await answerWrite(ctx, deps, await deps.namespaces.put(name, change, optionsOf(ctx, metadata.resourceVersion)))
}

async function replaceNamespace(ctx: RouterContext, deps: ApiDeps): Promise<void> {
  const name = nameOfPath(ctx)
  const { metadata } = parseInput(NamedNamespaceInput, await readJson(ctx, deps.readTimeoutMs))
  requireSameName(metadata?.name, name)
  const { labels = {}, annotations = {} } = metadata ?? {}
  const options = optionsOf(ctx, metadata?.resourceVersion)
  await answerWrite(ctx, deps, await changeNamespace(ctx, deps, name, () => ({ labels, annotations }), options))
}

async function patchNamespace(ctx: RouterContext, deps: ApiDeps): Promise<void> {
  requireMergePatch(ctx)
  const name = nameOfPath(ctx)
  const patch = parseInput(NamespacePatch, await readJson(ctx, deps.readTimeoutMs))
  const change = ({ labels, annotations }: NamespaceObject) => {
    const merged = mergePatch({ metadata: { name, labels, annotations } }, patch)
    const { metadata } = parseInput(NamespaceInput, merged)
    requireSameName(metadata.name, name)
    return { labels: metadata.labels, annotations: metadata.annotations }
  }
  const options = optionsOf(ctx, patch.metadata?.['resourceVersion'])
  await answerWrite(ctx, deps, await changeNamespace(ctx, deps, name, change, options))
}

async function removeNamespace(ctx: RouterContext, deps: ApiDeps): Promise<void> {
  const object = await deleteNamespace(ctx, deps, nameOfPath(ctx), optionsOf(ctx))
  if (queryFlag(ctx, DRY_RUN)) ctx.body = { object: toResource(deps, object, NO_USAGE), outcome: 'deleted' }
  else ctx.status = 204
}

function requireSameName(given: string | undefined, name: string): void {
  if (given === undefined || given === name) return
  throw new ValidationError([{ field: 'metadata.name', message: `must be the name in the path, ${name.slice(0, 64)}` }])
}

async function answerWrite(ctx: RouterContext, deps: ApiDeps, { outcome, object }: NamespacePutResult): Promise<void> {
  if (queryFlag(ctx, DRY_RUN)) {
    ctx.body = { object: await resourceOf(deps, object), outcome }
    return
  }
  ctx.status = outcome === 'created' ? 201 : 200
  if (outcome === 'created') ctx.set('Location', `${NAMESPACES}/${object.name}`)
  await answer(ctx, deps, object)
}

async function answer(ctx: RouterContext, deps: ApiDeps, object: NamespaceObject): Promise<void> {
  ctx.set('ETag', `"${object.resourceVersion}"`)
  ctx.body = await resourceOf(deps, object)
}

async function resourceOf(deps: ApiDeps, object: NamespaceObject): Promise<NamespaceAnswer> {
  const usage = await deps.namespaces.usage(new Set([object.name]))
  return toResource(deps, object, usage.get(object.name) ?? NO_USAGE)
}

function toResource(deps: ApiDeps, object: NamespaceObject, used: typeof NO_USAGE): NamespaceAnswer {
  const { memoryDefaultBytes, limits } = deps
  const memory = memoryDefaultBytes === undefined ? {} : { memoryBytes: memoryDefaultBytes }
  const defaults = { replicas: initialReplicas({}, limits), ...memory }
  return { apiVersion: 'v1', kind: 'Namespace', metadata: object, status: { ...statusOf(object, used), defaults } }
}

function optionsOf(ctx: RouterContext, fromBody?: unknown): NamespaceWriteOptions {
  const dryRun = queryFlag(ctx, DRY_RUN)
  const version = expectedVersion(ctx, fromBody)
  return version === undefined ? { dryRun } : { dryRun, ifMatch: version }
}

function nameOfPath(ctx: RouterContext): string {
  return ctx.params['name'] ?? ''
}
