import type { RouterContext } from '@koa/router'
import { SecretNamed, SecretRequest, toSecretValue } from '../../../api/openfaas.ts'
import { existingKey, namespaceOf, requireNamespace, writableKey } from '../access.ts'
import { readJson } from '../body.ts'
import type { ApiDeps } from '../deps.ts'
import { requireKnownNamespace } from '../namespace-access.ts'
import { NAMESPACE, queryParameter, SECRET_NAME } from '../query.ts'
import type { Route } from '../route.ts'
import { MAX_SECRET_BODY_BYTES, requireSecret } from '../secret-access.ts'
import { parseInput } from '../validate.ts'

const SECRETS = '/system/secrets'

/** The secrets of the OpenFaaS API: the same as on `/v1`, deleted though they are used. */
export function systemSecretRoutes(deps: ApiDeps): Route[] {
  return [
    {
      method: 'get',
      path: SECRETS,
      scope: 'secrets',
      namespace: 'query',
      summary: 'List secrets by name',
      query: [NAMESPACE],
      answers: { 200: { about: 'names of secrets', schema: 'SecretNamesAnswer' } },
      handler: ctx => listSecrets(ctx, deps)
    },
    {
      method: 'get',
      path: `${SECRETS}/:name`,
      scope: 'secrets',
      namespace: 'query',
      summary: 'Tell whether a secret is there',
      query: [NAMESPACE],
      answers: { 200: { about: 'its name', schema: 'SecretNameAnswer' } },
      handler: ctx => describeSecret(ctx, deps)
    },
    {
      method: 'post',
      path: SECRETS,
      scope: 'secrets',
      namespace: 'body',
      summary: 'Create a secret',
      query: [NAMESPACE],
      body: SecretRequest,
      answers: { 201: { about: 'written down', type: '' } },
      errors: [409],
      handler: ctx => writeSecret(ctx, deps, 'create')
    },
    {
      method: 'put',
      path: SECRETS,
      scope: 'secrets',
      namespace: 'body',
      summary: 'Change the value of a secret',
      query: [NAMESPACE],
      body: SecretRequest,
      answers: { 200: { about: 'written down', type: '' } },
      errors: [404],
      handler: ctx => writeSecret(ctx, deps, 'update')
    },
    {
      method: 'delete',
      path: SECRETS,
      scope: 'secrets',
      namespace: 'body',
      summary: 'Delete a secret, also one that functions use',
      query: [NAMESPACE, SECRET_NAME],
      body: SecretNamed,
      isBodyOptional: true,
      answers: { 200: { about: 'it is gone', type: '' } },
      errors: [404],
      handler: ctx => deleteSecret(ctx, deps)
    }
  ]
}

async function listSecrets(ctx: RouterContext, deps: ApiDeps): Promise<void> {
  const namespace = namespaceOf(ctx)
  requireNamespace(ctx, namespace)
  await requireKnownNamespace(deps, namespace)
  const secrets = await deps.secrets.list({ namespaces: new Set([namespace]) })
  ctx.body = secrets.map(({ name }) => ({ name, namespace }))
}

async function describeSecret(ctx: RouterContext, deps: ApiDeps): Promise<void> {
  const key = existingKey(ctx, namespaceOf(ctx), ctx.params['name'] ?? '', 'secret')
  const { name, namespace } = await requireSecret(deps, key)
  ctx.body = { name, namespace }
}

async function writeSecret(ctx: RouterContext, deps: ApiDeps, mode: 'create' | 'update'): Promise<void> {
  const json = await readJson(ctx, deps.readTimeoutMs, undefined, MAX_SECRET_BODY_BYTES)
  const body = parseInput(SecretRequest, json)
  const value = toSecretValue(body)
  const toKey = mode === 'create' ? writableKey : existingKey
  const key = toKey(ctx, namespaceOf(ctx, body.namespace), body.name, 'secret')
  await deps.secrets.put(key, value, { mode, needsNamespace: true })
  ctx.status = mode === 'create' ? 201 : 200
  ctx.body = ''
}

async function deleteSecret(ctx: RouterContext, deps: ApiDeps): Promise<void> {
  const named = queryParameter(ctx, SECRET_NAME)
  const whenEmpty = named === undefined ? undefined : { name: named }
  const body = parseInput(SecretNamed, await readJson(ctx, deps.readTimeoutMs, whenEmpty))
  const key = existingKey(ctx, namespaceOf(ctx, body.namespace), body.name, 'secret')
  await requireSecret(deps, key)
  await deps.secrets.delete(key)
  ctx.status = 200
  ctx.body = ''
}
