import type { RouterContext } from '@koa/router'
import { AlreadyExistsError } from '../../../api/errors.ts'
import { NamedNamespaceRequest, NamespaceRequest } from '../../../api/openfaas-namespace.ts'
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
import { markChecked, type Route } from '../route.ts'
import { invalid, parseInput } from '../validate.ts'

const LIST = '/system/namespaces'
/** OpenFaaS's clients say the one, its documentation the other. */
const PATHS = ['/system/namespace', LIST] as const
const A_WRITE = { scope: 'admin', namespace: 'gateway' } as const

/** The namespaces of the OpenFaaS API: the same as on `/v1`. */
export function systemNamespaceRoutes(deps: ApiDeps): Route[] {
  return [
    {
      ...{ method: 'get', path: LIST, scope: 'read', namespace: 'visible' },
      summary: 'List namespaces by name',
      answers: { 200: { about: 'names', schema: 'NamespaceNames' } },
      handler: ctx => listNamespaces(ctx, deps)
    },
    ...PATHS.flatMap(path => namespaceRoutesAt(path, deps))
  ]
}

function namespaceRoutesAt(path: string, deps: ApiDeps): Route[] {
  return [
    {
      ...{ method: 'post', path, ...A_WRITE },
      summary: 'Create a namespace',
      body: NamespaceRequest,
      errors: [409],
      answers: { 201: { about: 'written down', type: '' } },
      handler: ctx => create(ctx, deps)
    },
    {
      ...{ method: 'get', path: `${path}/:name`, scope: 'read', namespace: 'named' },
      summary: 'Show a namespace',
      answers: { 200: { about: 'the namespace', schema: 'OpenfaasNamespace' } },
      handler: async ctx => {
        const { name, labels, annotations } = await requireNamespaceObject(ctx, deps, nameOfPath(ctx))
        ctx.body = { name, labels, annotations }
      }
    },
    {
      ...{ method: 'put', path: `${path}/:name`, ...A_WRITE },
      summary: 'Replace labels and annotations of a namespace',
      body: NamedNamespaceRequest,
      answers: { 200: { about: 'written down', type: '' } },
      handler: ctx => update(ctx, deps)
    },
    {
      ...{ method: 'delete', path: `${path}/:name`, ...A_WRITE },
      summary: 'Delete a namespace that is empty',
      body: NamedNamespaceRequest,
      isBodyOptional: true,
      errors: [409],
      answers: { 200: { about: 'it is gone', type: '' } },
      handler: ctx => remove(ctx, deps)
    }
  ]
}

async function listNamespaces(ctx: RouterContext, deps: ApiDeps): Promise<void> {
  markChecked(ctx)
  ctx.body = (await deps.namespaces.list(callerOf(ctx).namespaces)).map(({ name }) => name)
}

async function create(ctx: RouterContext, deps: ApiDeps): Promise<void> {
  const { name, ...draft } = parseInput(NamespaceRequest, await readJson(ctx, deps.readTimeoutMs))
  noteNamespace(ctx, name)
  await deps.namespaces.put(name, current => {
    if (current !== undefined) throw new AlreadyExistsError('namespace', name)
    requireNewName(current, name, 'name')
    return draft
  })
  accept(ctx, 201)
}

async function update(ctx: RouterContext, deps: ApiDeps): Promise<void> {
  const name = nameOfPath(ctx)
  const { name: given, ...draft } = parseInput(NamedNamespaceRequest, await readJson(ctx, deps.readTimeoutMs))
  requireSameName(given, name)
  await changeNamespace(ctx, deps, name, () => draft)
  accept(ctx, 200)
}

/** The body, which `faas-cli` sends, says nothing that the path does not. */
async function remove(ctx: RouterContext, deps: ApiDeps): Promise<void> {
  const name = nameOfPath(ctx)
  requireSameName(parseInput(NamedNamespaceRequest, await readJson(ctx, deps.readTimeoutMs, {})).name, name)
  await deleteNamespace(ctx, deps, name)
  accept(ctx, 200)
}

function requireSameName(given: string | undefined, name: string): void {
  if (given !== undefined && given !== name) throw invalid('name', `must be the name in the path, ${name.slice(0, 64)}`)
}

function accept(ctx: RouterContext, status: 200 | 201): void {
  ctx.status = status
  ctx.body = ''
}

function nameOfPath(ctx: RouterContext): string {
  return ctx.params['name'] ?? ''
}
