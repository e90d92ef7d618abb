import { systemClock } from '../clock.ts'
import type { Config } from '../config/config.ts'
import { type Authenticator, createAuthenticator, type RefusalReason } from '../http/auth/authenticator.ts'
import { Guesses } from '../http/auth/guesses.ts'
import { createPasswordCheck } from '../http/auth/password.ts'
import { createTokenDesk, type TokenDesk } from '../http/auth/token-desk.ts'
import { TokenIndex } from '../http/auth/token-index.ts'
import type { Logger } from '../logging/logger.ts'
import type { Metrics } from '../metrics/metrics.ts'
import type { TokenStore } from '../store/tokens.ts'

export interface IdentityDeps {
  readonly config: Config
  /** Absent: authentication is off. */
  readonly password: string | undefined
  readonly tokens: TokenStore
  readonly metrics: Metrics
  readonly log: Logger
}

/** Who may do what. */
export interface IdentityParts {
  readonly authenticator: Authenticator
  readonly tokens: TokenDesk
  /** To be started before requests come. */
  readonly index: TokenIndex
}

/** Hashes the password, which takes a moment, and puts together what tells who sends a request. */
export async function assembleIdentity(deps: IdentityDeps): Promise<IdentityParts> {
  const { config, tokens, metrics, log } = deps
  const user = config.AUTH_USER
  const password =
    deps.password === undefined || deps.password === ''
      ? undefined
      : await createPasswordCheck({ user, password: deps.password, salt: config.INSTANCE_ID })
  const passwordMark = password?.mark
  const index = new TokenIndex({ tokens, clock: systemClock, passwordMark, log })
  const guesses = new Guesses({
    limit: config.AUTH_RATE_LIMIT,
    windowMs: config.AUTH_RATE_WINDOW,
    clock: systemClock,
    onSourceLimited: source => log.warn({ source }, 'Limited source of wrong credentials'),
    onAccountSlowed: () => log.warn({ user }, 'Slowed down guesses of password from many addresses')
  })
  const onRefused = (reason: RefusalReason, address: string) => {
    metrics.credentialsRefused(reason)
    // The others are told once by their limit, not by each request.
    if (reason === 'credentials') log.warn({ address }, 'Refused wrong credentials')
  }
  return {
    authenticator: createAuthenticator({
      enabled: config.AUTH_ENABLED,
      user,
      password,
      tokens: index,
      guesses,
      onRefused,
      onError: err => log.error({ err }, 'Failed to look at credentials')
    }),
    tokens: createTokenDesk({ tokens, index, clock: systemClock, sessionMs: config.AUTH_TOKEN_TTL, passwordMark }),
    index
  }
}
