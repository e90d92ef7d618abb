import type { RouterContext } from '@koa/router'
import * as z from 'zod'
import { readJson } from '../body.ts'
import { callerOf, setCaller } from '../caller.ts'
import type { ApiDeps } from '../deps.ts'
import { HttpError } from '../errors.ts'
import { refusalError } from '../refusal.ts'
import type { Route } from '../route.ts'
import { invalid, parseInput } from '../validate.ts'

type AuthDeps = Pick<ApiDeps, 'authenticator' | 'tokens' | 'readTimeoutMs'>

const MAX_LENGTH = 1024
/** As Go's decoder has it, unknown fields are ignored. */
const Login = z
  .object({ username: z.string().max(MAX_LENGTH), password: z.string().max(MAX_LENGTH) })
  .meta({ examples: [{ username: 'admin', password: '<password>' }] })

/** `/auth/login` and `/auth/logout`: sessions, as the older program has them. */
export function authRoutes(deps: AuthDeps): Route[] {
  return [
    {
      method: 'post',
      path: '/auth/login',
      scope: 'open',
      namespace: 'none',
      summary: 'Open a session',
      body: Login,
      answers: {
        200: {
          about: 'a token that is good for everything for AUTH_TOKEN_TTL',
          schema: 'SessionAnswer'
        }
      },
      errors: [401, 409, 429],
      handler: ctx => logIn(ctx, deps)
    },
    {
      method: 'post',
      path: '/auth/logout',
      scope: 'any',
      namespace: 'none',
      summary: 'End the session that the request is sent with',
      answers: { 204: { about: 'its token is good for nothing any more', type: '' } },
      errors: [400],
      handler: ctx => logOut(ctx, deps)
    }
  ]
}

async function logIn(ctx: RouterContext, deps: AuthDeps): Promise<void> {
  if (deps.authenticator.identify(undefined) !== undefined) {
    throw new HttpError(409, 'AUTH_OFF', 'authentication is off (AUTH_ENABLED=false): there is nothing to log in to')
  }
  const { username, password } = parseInput(Login, await readJson(ctx, deps.readTimeoutMs))
  const verdict = await deps.authenticator.verifyPassword(username, password, callerOf(ctx).address)
  if ('refused' in verdict) throw refusalError(verdict)
  // A token in the place of the password would lengthen its own life.
  if (verdict.kind !== 'admin') throw refusalError({ refused: 'credentials' })
  setCaller(ctx, { ...verdict, address: callerOf(ctx).address })
  const { token, expiresAt } = await deps.tokens.openSession(verdict.name)
  ctx.body = { token, expiresAt }
}

/** A password has no session to end: that is as good. A token that was made to last is not ended by a client's logout. */
async function logOut(ctx: RouterContext, deps: AuthDeps): Promise<void> {
  const { kind, tokenId } = callerOf(ctx)
  if (kind === 'token') throw invalid('', `this is no session: revoke it with DELETE /v1/tokens/${tokenId}`)
  if (kind === 'session' && tokenId !== undefined) await deps.tokens.revoke(tokenId)
  ctx.status = 204
}
