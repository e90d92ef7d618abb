import type { RouterContext } from '@koa/router'
import * as z from 'zod'
import { SecretInUseError } from '../../../api/errors.ts'
import type { keyOf } from '../../../api/meta.ts'
import { SecretValue, toSecretValue } from '../../../api/openfaas.ts'
import { existingKey, namespaceOf, visibleNamespaces, writableKey } from '../access.ts'
import { readJson } from '../body.ts'
import type { ApiDeps } from '../deps.ts'
import { toSecretList, toSecretResource } from '../presenters.ts'
import { FORCE, IF_MATCH, NAMESPACE, queryFlag } from '../query.ts'
import type { Route } from '../route.ts'
import { MAX_SECRET_BODY_BYTES, requireSecret, secretUsers } from '../secret-access.ts'
import { expectedVersion, parseInput } from '../validate.ts'

const SECRETS = '/v1/secrets'
const SECRET = '/v1/secrets/:name'
const KEYS = '/v1/secret-keys'

const Rotation = z.strictObject({ removeOld: z.boolean().default(false) }).meta({ examples: [{ removeOld: false }] })

/** `/v1/secrets`: what is known of secrets. Values are written and never given out. */
export function secretRoutes(deps: ApiDeps): Route[] {
  return [
    {
      method: 'get',
      path: SECRETS,
      scope: 'secrets',
      namespace: 'visible',
      summary: 'List secrets without their values, and who uses them',
      query: [NAMESPACE],
      answers: { 200: { about: 'secrets', schema: 'SecretListAnswer' } },
      handler: ctx => listSecrets(ctx, deps)
    },
    {
      method: 'get',
      path: SECRET,
      scope: 'secrets',
      namespace: 'query',
      summary: 'Show a secret without its value, and who uses it',
      query: [NAMESPACE],
      answers: { 200: { about: 'the secret', schema: 'SecretAnswer' } },
      handler: ctx => describeSecret(ctx, deps)
    },
    {
      method: 'put',
      path: SECRET,
      scope: 'secrets',
      namespace: 'query',
      summary: 'Write the value of a secret, whether or not it is there',
      query: [NAMESPACE],
      body: SecretValue,
      head: [IF_MATCH],
      answers: {
        200: { about: 'the secret', schema: 'SecretAnswer' },
        201: { about: 'the new secret', schema: 'SecretAnswer' }
      },
      errors: [409],
      handler: ctx => putSecret(ctx, deps)
    },
    {
      method: 'delete',
      path: SECRET,
      scope: 'secrets',
      namespace: 'query',
      summary: 'Delete a secret that no function uses, or any by force',
      query: [NAMESPACE, FORCE],
      head: [IF_MATCH],
      answers: { 204: { about: 'it is gone', type: '' } },
      errors: [409],
      handler: ctx => deleteSecret(ctx, deps)
    },
    ...secretKeyRoutes(deps)
  ]
}

function secretKeyRoutes(deps: ApiDeps): Route[] {
  return [
    {
      method: 'get',
      path: KEYS,
      scope: 'admin',
      namespace: 'gateway',
      summary: 'List the keys that secrets are encrypted with, by their ids',
      answers: { 200: { about: 'ids of keys', schema: 'SecretKeysAnswer' } },
      handler: async ctx => {
        ctx.body = await deps.secretKeys.state()
      }
    },
    {
      method: 'post',
      path: `${KEYS}/rotate`,
      scope: 'admin',
      namespace: 'gateway',
      summary: 'Encrypt every secret with a new key',
      body: Rotation,
      isBodyOptional: true,
      answers: { 200: { about: 'what was done', schema: 'SecretKeyRotationAnswer' } },
      handler: async ctx => {
        const { removeOld } = parseInput(Rotation, await readJson(ctx, deps.readTimeoutMs, {}))
        ctx.body = await deps.secretKeys.rotate({ removeOld })
      }
    }
  ]
}

async function listSecrets(ctx: RouterContext, deps: ApiDeps): Promise<void> {
  const namespaces = visibleNamespaces(ctx)
  const [secrets, functions] = await Promise.all([
    deps.secrets.list({ namespaces }),
    deps.functions.list({ namespaces })
  ])
  ctx.body = toSecretList(secrets.map(secret => toSecretResource(secret, secretUsers(functions, secret))))
}

async function describeSecret(ctx: RouterContext, deps: ApiDeps): Promise<void> {
  await answerSecret(ctx, deps, await requireSecret(deps, keyOfPath(ctx)))
}

async function putSecret(ctx: RouterContext, deps: ApiDeps): Promise<void> {
  const body = await readJson(ctx, deps.readTimeoutMs, undefined, MAX_SECRET_BODY_BYTES)
  const value = toSecretValue(parseInput(SecretValue, body))
  const key = writableKey(ctx, namespaceOf(ctx), nameOfPath(ctx), 'secret')
  const ifMatch = expectedVersion(ctx)
  const options = { needsNamespace: true, ...(ifMatch === undefined ? {} : { ifMatch }) }
  const { outcome, object } = await deps.secrets.put(key, value, options)
  ctx.status = outcome === 'created' ? 201 : 200
  await answerSecret(ctx, deps, object)
}

async function deleteSecret(ctx: RouterContext, deps: ApiDeps): Promise<void> {
  const key = keyOfPath(ctx)
  const isForced = queryFlag(ctx, FORCE)
  const ifMatch = expectedVersion(ctx)
  const secret = await requireSecret(deps, key)
  const users = await usersOfSecret(deps, secret)
  if (users.length > 0 && !isForced) throw new SecretInUseError(key, users)
  await deps.secrets.delete(key, ifMatch === undefined ? {} : { ifMatch })
  ctx.status = 204
}

async function answerSecret(
  ctx: RouterContext,
  deps: ApiDeps,
  secret: Awaited<ReturnType<typeof requireSecret>>
): Promise<void> {
  ctx.set('ETag', `"${secret.resourceVersion}"`)
  ctx.body = toSecretResource(secret, await usersOfSecret(deps, secret))
}

async function usersOfSecret({ functions }: ApiDeps, secret: Parameters<typeof keyOf>[0]): Promise<string[]> {
  return secretUsers(await functions.list({ namespaces: new Set([secret.namespace]) }), secret)
}

function nameOfPath(ctx: RouterContext): string {
  return ctx.params['name'] ?? ''
}

function keyOfPath(ctx: RouterContext): string {
  return existingKey(ctx, namespaceOf(ctx), nameOfPath(ctx), 'secret')
}
