import type { Refused } from './auth/authenticator.ts'
import { HttpError } from './errors.ts'

/** Source: the older program, and what clients of OpenFaaS know. */
const CHALLENGE = { 'WWW-Authenticate': 'Basic realm="Restricted"' }

/** The answer to credentials that are not taken. */
export function refusalError({ refused, retryAfterMs }: Refused): HttpError {
  if (refused === 'credentials') {
    const needed =
      'this needs credentials that are good: user and password (Basic), or a token (Bearer) that has not expired'
    return new HttpError(401, 'UNAUTHORIZED', needed, CHALLENGE)
  }
  const headers = { 'Retry-After': String(Math.max(1, Math.ceil((retryAfterMs ?? 0) / 1000))) }
  const why =
    refused === 'busy' ? 'too many credentials are being looked at' : 'credentials were wrong too often; wait a while'
  return new HttpError(429, 'TOO_MANY_ATTEMPTS', why, headers)
}
