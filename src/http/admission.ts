import type { IncomingMessage } from 'node:http'
import { isWithin } from '../../api/scope.ts'
import type { Authenticator, Refused } from './auth/authenticator.ts'
import { hasScope, type Identity } from './caller.ts'
import type { Origins } from './client-address.ts'
import { type FunctionTarget, parseFunctionUrl } from './function-url.ts'
import { foreignOrigin, refusalOf } from './origin.ts'
import { refusalError } from './refusal.ts'

export interface AdmissionDeps {
  readonly authenticator: Pick<Authenticator, 'identify' | 'verify' | 'isOwn'>
  readonly addressOf: Origins['addressOf']
  /** Whether the call comes from a function that may call none; absent: all may. */
  readonly isBarred?: ((req: IncomingMessage) => boolean) | undefined
  /** `REQUIRE_AUTH_FOR_FUNCTIONS`. */
  readonly requireAuthForFunctions: boolean
  /** `CORS_ALLOWED_ORIGINS`: pages that may use the user's credentials to call functions. */
  readonly allowedOrigins: readonly string[]
}

/** Where a call may go, or the answer that it gets instead. */
export type Admission =
  | { readonly target: FunctionTarget; readonly tokenId?: string }
  | { readonly status: number; readonly headers: Readonly<Record<string, string>>; readonly text: string }

const NEEDS_CREDENTIALS =
  'calling a function needs credentials: the user and password of the gateway (Basic), or a token with the scope ' +
  'invoke (Bearer), unless the gateway runs with REQUIRE_AUTH_FOR_FUNCTIONS=false; faas-cli invoke sends none of its ' +
  'own, but what -H "Authorization: Bearer <token>" gives it\n'

const BARRED =
  'functions may not call functions, unless the gateway runs with FUNCTIONS_MAY_CALL=functions and their egress is not none\n'

/**
 * Whether the call may go to its function; takes the gateway's own credentials out of it. A promise, which does not reject, only
 * when a password must be looked at: that happens once for each. `opensTunnel`: it asks for another protocol, such as WebSocket,
 * which browsers open by GET, for any page, and with what they keep of credentials.
 */
export function admitCall(
  deps: AdmissionDeps,
  req: IncomingMessage,
  opensTunnel = false
): Admission | Promise<Admission> {
  if (deps.isBarred?.(req) === true) return { status: 403, headers: {}, text: BARRED }
  const { authorization } = req.headers
  if (!deps.requireAuthForFunctions) return admitAnybody(deps, req, authorization)
  const identity = deps.authenticator.identify(authorization)
  if (identity !== undefined) return admitIdentity(deps, req, identity, opensTunnel)
  return deps.authenticator
    .verify(authorization, deps.addressOf(req))
    .then(verdict => ('refused' in verdict ? refuse(verdict) : admitIdentity(deps, req, verdict, opensTunnel)))
}

function admitIdentity(deps: AdmissionDeps, req: IncomingMessage, identity: Identity, opensTunnel: boolean): Admission {
  const origin = foreignOrigin(opensTunnel ? undefined : req.method, req.headers, deps.allowedOrigins)
  if (origin !== undefined) return { status: 403, headers: {}, text: `${refusalOf(origin)}\n` }
  if (!hasScope(identity, 'invoke')) {
    return { status: 403, headers: {}, text: 'calling a function needs credentials with the scope invoke\n' }
  }
  // Where authentication is off, whoever calls is anybody, and the header is not ours.
  const own = identity.kind === 'anonymous' ? undefined : req.headers.authorization
  const admission = admit(deps.authenticator, req, own)
  if (!('target' in admission)) return admission
  const { namespace, name } = admission.target
  if (isWithin(identity.namespaces, namespace)) {
    return identity.tokenId === undefined ? admission : { target: admission.target, tokenId: identity.tokenId }
  }
  return { status: 404, headers: {}, text: `function ${name} not found in namespace ${namespace}\n` }
}

/** Nobody needs credentials, but those of the gateway must not reach a function, which takes a look. */
function admitAnybody(
  { authenticator, addressOf }: AdmissionDeps,
  req: IncomingMessage,
  authorization: string | undefined
): Admission | Promise<Admission> {
  if (authorization === undefined || authenticator.isOwn(authorization) !== undefined) return admit(authenticator, req)
  return authenticator.verify(authorization, addressOf(req)).then(verdict => {
    const isUnknown = 'refused' in verdict && verdict.refused !== 'credentials'
    return isUnknown ? refuse(verdict) : admit(authenticator, req)
  })
}

/** `own`: the header that is known to be the gateway's, and need not be looked at again. */
function admit(authenticator: AdmissionDeps['authenticator'], req: IncomingMessage, own?: string): Admission {
  if (req.headers.authorization !== undefined) removeOwnCredentials(req, authenticator, own)
  const target = parseFunctionUrl(req.url ?? '')
  if (target !== undefined) return { target }
  return { status: 400, headers: {}, text: 'the path must be /function/<name>[.<namespace>][/…] without ".." or NUL\n' }
}

function refuse(refused: Refused): Admission {
  const { status, headers, message } = refusalError(refused)
  return { status, headers, text: refused.refused === 'credentials' ? NEEDS_CREDENTIALS : `${message}\n` }
}

/** Takes each `Authorization` away that holds, or may hold, the gateway's own credentials; any other is the function's business. */
function removeOwnCredentials(
  req: IncomingMessage,
  { isOwn }: Pick<Authenticator, 'isOwn'>,
  own: string | undefined
): void {
  const raw = req.rawHeaders
  let first: string | undefined
  for (let at = 0; at < raw.length; ) {
    const value = raw[at + 1] ?? ''
    if (raw[at]?.toLowerCase() !== 'authorization') {
      at += 2
    } else if (value === own || isOwn(value) !== false) {
      raw.splice(at, 2)
    } else {
      first ??= value
      at += 2
    }
  }
  if (first === undefined) delete req.headers.authorization
  else req.headers.authorization = first
}
