import { hash } from 'node:crypto'
import { SCOPES } from '../../../api/scope.ts'
import { parseToken } from '../../../api/token-text.ts'
import { ANYBODY, type Identity } from '../caller.ts'
import { type Credentials, MAX_HEADER_LENGTH, parseCredentials } from './credentials.ts'
import type { Guesses, GuessKind } from './guesses.ts'
import { LruSet } from './lru-set.ts'
import type { PasswordCheck } from './password.ts'
import type { TokenIndex } from './token-index.ts'

/** Why credentials are not taken. `busy`: too many others are being looked at. */
export const REFUSALS = ['credentials', 'source', 'account', 'busy'] as const
export type RefusalReason = (typeof REFUSALS)[number]

export interface Refused {
  readonly refused: RefusalReason
  /** Absent for wrong credentials: they are no better later. */
  readonly retryAfterMs?: number
}

/** Who sends credentials, or why nobody knows. */
export type Verdict = Identity | Refused

export interface Authenticator {
  /** Who sends this `Authorization` header, as far as that is known without waiting: a token, or a password that was right before. */
  readonly identify: (header: string | undefined) => Identity | undefined
  /** The same for a header that `identify` does not know: looks at the password, and counts guesses of the address. Does not reject. */
  readonly verify: (header: string | undefined, address: string) => Promise<Verdict>
  /** Whether this is the administrator's password; counted like a header. */
  readonly verifyPassword: (user: string, password: string, address: string) => Promise<Verdict>
  /** Whether the header holds credentials of the gateway, which no function may see; undefined when only `verify` can tell. */
  readonly isOwn: (header: string) => boolean | undefined
  /** See `TokenIndex.whileGood`; a password is good for as long as the process lives. */
  readonly whileGood: (identity: Identity, end: () => void) => () => void
}

export interface AuthenticatorDeps {
  /** `AUTH_ENABLED`: without it everybody may do everything. */
  readonly enabled: boolean
  /** `AUTH_USER`. */
  readonly user: string
  /** Absent: no password is right. */
  readonly password: PasswordCheck | undefined
  readonly tokens: Pick<TokenIndex, 'identify' | 'whileGood'>
  readonly guesses: Guesses
  readonly onRefused: (reason: RefusalReason, address: string) => void
  /** A look failed, which says nothing of the credentials. */
  readonly onError: (err: unknown) => void
}

/** Headers with the right password: clients write one and the same in few ways. */
const MAX_RIGHT = 100
const MAX_WRONG = 1000
const BUSY_MS = 1000

/**
 * Tells who sends a request. Tokens are looked up in memory. A password costs a look by Argon2 once for each header that
 * holds it; then the header's digest is known. Digests of wrong ones are kept as well, so that a client that goes on with
 * one costs no more. Neither outlives the process, as the password does not change within it.
 */
export function createAuthenticator(deps: AuthenticatorDeps): Authenticator {
  const { enabled, user, password, tokens, guesses } = deps
  const admin: Identity = { kind: 'admin', name: user, scopes: new Set(SCOPES), namespaces: 'all' }
  const right = new LruSet(MAX_RIGHT)
  const wrong = new LruSet(MAX_WRONG)
  const looks = new Map<string, Promise<Verdict>>()

  const known = (header: string): Identity | undefined => {
    if (header.length > MAX_HEADER_LENGTH) return undefined
    if (right.has(digestOf(header))) return admin
    const text = tokenIn(parseCredentials(header))
    return text === undefined ? undefined : tokens.identify(text)
  }

  const refuse = (reason: RefusalReason, address: string, retryAfterMs?: number): Refused => {
    deps.onRefused(reason, address)
    return retryAfterMs === undefined ? { refused: reason } : { refused: reason, retryAfterMs }
  }

  const look = async (credentials: Credentials, digest: string, address: string): Promise<Verdict> => {
    const kind: GuessKind = tokenIn(credentials) === undefined ? 'password' : 'token'
    const turn = await guesses.take(kind, address)
    if (!turn.allowed) return refuse(turn.reason, address, turn.retryAfterMs)
    const isRight =
      credentials.kind === 'basic' && kind === 'password' && !wrong.has(digest)
        ? await (password?.verify(credentials.user, credentials.password) ?? false)
        : false
    if (isRight === undefined) {
      turn.unseen()
      return refuse('busy', address, BUSY_MS)
    }
    if (isRight) {
      turn.right()
      right.add(digest)
      return admin
    }
    turn.wrong()
    wrong.add(digest)
    return refuse('credentials', address)
  }

  /** One look for all that ask at the same time, from one address, for one header. */
  const lookOnce = (credentials: Credentials, digest: string, address: string): Promise<Verdict> => {
    const key = `${digest} ${address}`
    const running = looks.get(key)
    if (running !== undefined) return running
    const started = look(credentials, digest, address)
      .catch((err: unknown) => {
        deps.onError(err)
        return refuse('busy', address, BUSY_MS)
      })
      .finally(() => looks.delete(key))
    looks.set(key, started)
    return started
  }

  const verify = async (header: string | undefined, address: string): Promise<Verdict> => {
    const identity = enabled ? header && known(header) : ANYBODY
    if (identity) return identity
    const credentials = header === undefined ? undefined : parseCredentials(header)
    if (header === undefined || credentials === undefined) return { refused: 'credentials' }
    return await lookOnce(credentials, digestOf(header), address)
  }

  return {
    identify: header => (!enabled ? ANYBODY : header === undefined ? undefined : known(header)),
    verify,
    verifyPassword: (name, given, address) => verify(toBasic(name, given), address),
    isOwn: header => {
      if (known(header) !== undefined) return true
      const credentials = parseCredentials(header)
      const mayBe = credentials?.kind === 'basic' && credentials.user === user && password !== undefined
      return mayBe && !wrong.has(digestOf(header)) ? undefined : false
    },
    whileGood: ({ tokenId }, end) => (tokenId === undefined ? () => undefined : tokens.whileGood(tokenId, end))
  }
}

/** The token in the credentials; it may stand in the place of a password, for clients that know nothing but Basic. */
function tokenIn(credentials: Credentials | undefined): string | undefined {
  if (credentials?.kind === 'bearer') return credentials.token
  return credentials !== undefined && parseToken(credentials.password) !== undefined ? credentials.password : undefined
}

function toBasic(user: string, password: string): string {
  return `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`
}

function digestOf(header: string): string {
  return hash('sha256', header, 'base64')
}
