import { RateLimiterMemory, type RateLimiterRes } from 'rate-limiter-flexible'
import type { Clock } from '../../clock.ts'
import { LruSet } from './lru-set.ts'

export interface GuessLimits {
  /** `AUTH_RATE_LIMIT`: wrong credentials of one source in one window; 0: any number. */
  readonly limit: number
  /** `AUTH_RATE_WINDOW`. */
  readonly windowMs: number
}

export interface GuessesDeps extends GuessLimits {
  readonly clock: Clock
  /** A source came to its limit; told once a window. */
  readonly onSourceLimited: (source: string) => void
  /** The account came to its limit; told once until it is quiet for a window. */
  readonly onAccountSlowed: () => void
}

/** `password` guesses can hit; `token` ones cannot, and so must not shut a password out. */
export type GuessKind = 'password' | 'token'

export type GuessTurn =
  | { readonly allowed: true; readonly right: () => void; readonly wrong: () => void; readonly unseen: () => void }
  | { readonly allowed: false; readonly reason: 'source' | 'account'; readonly retryAfterMs: number }

/** Sources that are remembered, each kind; one that is forgotten begins anew. */
const MAX_SOURCES = 10_000
/** Sources together may be wrong so many times as often as one, until the account is slowed down. */
const ACCOUNT_FACTOR = 10
const BACKOFF_BASE_MS = 1000
const BACKOFF_CAP_MS = 60_000

/**
 * How often credentials may be wrong: per source address, and for the account from all addresses together, which is then
 * tried ever more slowly. Addresses from which the right password came before are not slowed down by what others do.
 */
export class Guesses {
  readonly #deps: GuessesDeps
  readonly #limiter: RateLimiterMemory
  readonly #sources: LruSet
  readonly #trusted = new LruSet(MAX_SOURCES)
  readonly #account = { failures: 0, failedAt: 0, until: 0 }

  constructor(deps: GuessesDeps) {
    this.#deps = deps
    this.#limiter = new RateLimiterMemory({ points: Math.max(1, deps.limit), duration: deps.windowMs / 1000 })
    this.#sources = new LruSet(2 * MAX_SOURCES, key => void this.#limiter.delete(key))
  }

  /**
   * Takes one of the guesses that the address may make. `right` gives it back, and `unseen`, for one that nobody looked at,
   * does no more than that.
   */
  async take(kind: GuessKind, address: string): Promise<GuessTurn> {
    if (this.#deps.limit === 0) return { allowed: true, right: nothing, wrong: nothing, unseen: nothing }
    const source = sourceOf(address)
    const key = `${kind} ${source}`
    const waitMs = kind === 'password' ? this.#accountWaitMs(source) : 0
    if (waitMs > 0) return { allowed: false, reason: 'account', retryAfterMs: waitMs }
    this.#sources.add(key)
    try {
      await this.#limiter.consume(key)
    } catch (rejection) {
      if (rejection instanceof Error) throw rejection
      const { msBeforeNext, consumedPoints } = rejection as RateLimiterRes
      if (consumedPoints === this.#deps.limit + 1) this.#deps.onSourceLimited(source)
      return { allowed: false, reason: 'source', retryAfterMs: msBeforeNext }
    }
    const unseen = () => void this.#limiter.reward(key)
    return {
      allowed: true,
      unseen,
      right: () => {
        unseen()
        if (kind === 'password') this.#trusted.add(source)
      },
      wrong: () => {
        if (kind === 'password') this.#failAccount()
      }
    }
  }

  #accountWaitMs(source: string): number {
    const waitMs = this.#account.until - this.#deps.clock.monotonic()
    return waitMs > 0 && !this.#trusted.has(source) ? waitMs : 0
  }

  #failAccount(): void {
    const { limit, windowMs, clock } = this.#deps
    const account = this.#account
    const now = clock.monotonic()
    // Quiet is counted from when it could be tried again: else whoever waits as told would begin anew.
    if (now - Math.max(account.failedAt, account.until) > windowMs) account.failures = 0
    account.failures++
    account.failedAt = now
    const beyond = account.failures - limit * ACCOUNT_FACTOR
    if (beyond <= 0) return
    if (beyond === 1) this.#deps.onAccountSlowed()
    account.until = now + Math.min(BACKOFF_BASE_MS * 2 ** (beyond - 1), BACKOFF_CAP_MS)
  }
}

function nothing(): void {
  // no limit, so nothing to count
}

/** Whoever has an IPv6 address has 2^64 of them. */
function sourceOf(address: string): string {
  if (!address.includes(':')) return address
  const [head = '', tail] = address.split('::')
  const groups = head === '' ? [] : head.split(':')
  const behind = tail === undefined || tail === '' ? [] : tail.split(':')
  const zeros =
    tail === undefined ? [] : Array.from({ length: Math.max(0, 8 - groups.length - behind.length) }, () => '0')
  return `${[...groups, ...zeros, ...behind].slice(0, 4).join(':')}::/64`
}
