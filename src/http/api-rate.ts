import type { Middleware } from 'koa'
import { RateLimiterMemory, RateLimiterRes } from 'rate-limiter-flexible'
import { type Caller, callerOf } from './caller.ts'
import { HttpError } from './errors.ts'

export interface ApiRateOptions {
  /** `API_RATE_LIMIT`: requests of one identity in one window; 0: any number. */
  readonly limit: number
  /** `API_RATE_WINDOW`. */
  readonly windowMs: number
  readonly onLimited: () => void
}

/**
 * Refuses what one identity asks of the API beyond the limit, so that a client that runs wild leaves room for the others. What
 * needs no credentials is not counted, and neither are calls of functions.
 */
export function limitRate({ limit, windowMs, onLimited }: ApiRateOptions): Middleware {
  if (limit === 0) return (_ctx, next) => next()
  const limiter = new RateLimiterMemory({ points: limit, duration: windowMs / 1000 })
  return async (ctx, next) => {
    const key = keyOf(callerOf(ctx))
    if (key !== undefined) {
      try {
        await limiter.consume(key)
      } catch (err) {
        if (!(err instanceof RateLimiterRes)) throw err
        onLimited()
        throw tooMany(limit, windowMs, err.msBeforeNext)
      }
    }
    await next()
  }
}

/** A token and a user count for themselves, wherever they come from; without authentication an address does. */
function keyOf({ kind, name, tokenId, scopes, address }: Caller): string | undefined {
  if (kind !== 'anonymous') return `${kind} ${tokenId ?? name}`
  return scopes.size === 0 ? undefined : `address ${address}`
}

function tooMany(limit: number, windowMs: number, waitMs: number): HttpError {
  const seconds = Math.max(1, Math.ceil(waitMs / 1000))
  const why = `these credentials have sent ${limit} requests within ${windowMs / 1000} s: come again in ${seconds} s`
  return new HttpError(429, 'TOO_MANY_REQUESTS', why, { 'Retry-After': String(seconds) })
}
