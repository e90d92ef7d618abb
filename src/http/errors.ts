import type { Context, Middleware } from 'koa'
import { FaasError, type FieldError, PolicyError, ValidationError } from '../../api/errors.ts'
import { redactText } from '../logging/redact.ts'
import type { HttpLog } from './deps.ts'

/** An answer of HTTP itself rather than of an object: body too large, no such route, method not allowed. */
export class HttpError extends FaasError {
  override name = 'HttpError'
  readonly code: string
  readonly status: number
  override readonly retryable = false
  readonly headers: Readonly<Record<string, string>>
  constructor(status: number, code: string, message: string, headers: Readonly<Record<string, string>> = {}) {
    super(message)
    this.status = status
    this.code = code
    this.headers = headers
  }
}

/** `application/problem+json`. Source: RFC 9457. */
export interface Problem {
  readonly type: string
  readonly title: string
  readonly status: number
  readonly detail: string
  readonly instance: string
  /** Stable; clients may match on it. */
  readonly code: string
  readonly errors?: readonly FieldError[]
}

const TITLES: Readonly<Record<string, string>> = {
  INVALID: 'The request is not valid',
  UNAUTHORIZED: 'Credentials are needed',
  FORBIDDEN: 'The credentials are not good for this',
  FOREIGN_ORIGIN: 'The page is not allowed to do that',
  FUNCTION_PAGE: 'The page may not do that',
  NOT_FOUND: 'There is no such object',
  ROUTE_NOT_FOUND: 'There is no such route',
  METHOD_NOT_ALLOWED: 'The method is not allowed here',
  ALREADY_EXISTS: 'The object exists already',
  TOO_MANY_TOKENS: 'There are too many tokens',
  TOO_MANY_ATTEMPTS: 'Credentials were wrong too often',
  AUTH_OFF: 'Authentication is off',
  FORBIDDEN_BY_POLICY: 'The operator does not allow it',
  TOO_MANY_FUNCTIONS: 'The namespace has no room for another function',
  QUOTA_EXCEEDED: 'The namespace has no room for it',
  NAMESPACE_NOT_EMPTY: 'Something is in the namespace',
  DEFAULT_NAMESPACE: 'The default namespace stays',
  TOO_MANY_REQUESTS: 'Too many requests in a short time',
  NOT_DEAD: 'The call is no dead letter',
  TOO_MANY_LOG_READERS: 'Too many read logs',
  TOO_MANY_WATCHERS: 'Too many watch',
  QUEUE_FULL: 'Too many asynchronous calls wait',
  CONFLICT: 'The object changed since it was read',
  NOTHING_TO_ADOPT: 'Nothing waits for a decision',
  SECRET_IN_USE: 'Functions use the secret',
  PROFILE_IN_USE: 'Functions use the profile',
  SECRET_KEY_UNAVAILABLE: 'There is no key for secrets',
  SECRET_UNREADABLE: 'A secret cannot be decrypted',
  GONE: 'The history is no longer kept',
  BODY_TOO_LARGE: 'The body is too large',
  BODY_TIMEOUT: 'The body took too long',
  BODY_INCOMPLETE: 'The body ended early',
  MALFORMED: 'The request is not valid HTTP',
  HEAD_TIMEOUT: 'The request took too long',
  HEADERS_TOO_LARGE: 'The head of the request is too large',
  HTTP_VERSION: 'The version of HTTP is not supported',
  TRANSFER_CODING: 'The transfer coding is not supported',
  UNSUPPORTED_PATCH: 'The kind of patch is not supported',
  UNSUPPORTED_ENCODING: 'The encoding of the body is not supported',
  ENGINE_ERROR: 'The container engine did not do it',
  STORE_UNAVAILABLE: 'The database is not available',
  CONTROLLER_AWAY: 'The controller does not answer',
  STORAGE_FULL: 'The disk of the database is full',
  INTERNAL: 'Internal error'
}

/** What a client may know of an error: nothing at all of one that was not thrown on purpose. */
export function toProblem(err: unknown, instance: string): Problem {
  if (!(err instanceof FaasError)) {
    const detail = 'the request failed for a reason that is in the log of the gateway'
    return { type: 'about:blank', title: 'Internal error', status: 500, detail, instance, code: 'INTERNAL' }
  }
  return {
    type: 'about:blank',
    title: TITLES[err.code] ?? err.code,
    status: err.status,
    detail: redactText(err.message),
    instance,
    code: err.code,
    ...(err instanceof ValidationError || err instanceof PolicyError ? { errors: err.errors.map(redactField) } : {})
  }
}

/** Turns whatever a handler throws into an answer: a problem on `/v1`, plain text elsewhere, as OpenFaaS clients show it. */
export function answerErrors(log: HttpLog): Middleware {
  return async (ctx, next) => {
    try {
      await next()
    } catch (err) {
      answerError(ctx, err, log)
    }
  }
}

function answerError(ctx: Context, err: unknown, log: HttpLog): void {
  const problem = toProblem(err, ctx.path)
  if (problem.status >= 500) {
    const request = { method: ctx.method, path: ctx.path, status: problem.status, requestId: ctx.state['requestId'] }
    // Of those, what HTTP itself answers is that too many ask for something: no failure, and anybody's to bring about.
    if (err instanceof HttpError) log.warn({ code: err.code, ...request }, 'Refused request')
    else log.error({ err, ...request }, 'Failed request')
  }
  ctx.status = problem.status
  if (err instanceof HttpError) ctx.set({ ...err.headers })
  if (ctx.path === '/v1' || ctx.path.startsWith('/v1/')) {
    ctx.body = JSON.stringify(problem)
    ctx.type = 'application/problem+json'
  } else {
    ctx.body = `${problem.detail}\n`
    ctx.type = 'text/plain; charset=utf-8'
  }
}

function redactField({ field, message }: FieldError): FieldError {
  return { field, message: redactText(message) }
}
