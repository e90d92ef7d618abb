import { hash } from 'node:crypto'
import { parseToken } from '../../api/token-text.ts'
import type { Clock } from '../clock.ts'
import type { Authenticator, Verdict } from '../http/auth/authenticator.ts'
import { MAX_HEADER_LENGTH, parseCredentials } from '../http/auth/credentials.ts'
import { LruSet } from '../http/auth/lru-set.ts'
import { ANYBODY, type Identity } from '../http/caller.ts'
import type { WireIdentity, WireVerdict } from './protocol.ts'

export interface RelayedAuthenticatorDeps {
  /** `AUTH_ENABLED`. */
  readonly enabled: boolean
  /** `AUTH_USER`. */
  readonly user: string
  readonly hasPassword: boolean
  /** Asks the controller, which counts guesses of the address; the answer comes by `answered`. */
  readonly ask: (id: number, header: string, address: string) => void
  /** A token was used. */
  readonly onUsed: (tokenId: string) => void
  readonly clock: Clock
}

interface Known {
  readonly identity: Identity
  /** By both clocks, so that setting the host's clock back does not bring a token to life. */
  readonly until: number
  readonly untilMonotonic: number
}

/** Headers that are known to be good, and that are known not to be ours. */
const MAX_KNOWN = 10_000
const MAX_FOREIGN = 1_000

/**
 * The worker's end of telling who calls: what the controller has found good is known here until the controller says that it is not, or
 * its time is over. Everything else the controller looks at each time. Headers are kept by their digests.
 */
export class RelayedAuthenticator implements Pick<Authenticator, 'identify' | 'verify' | 'isOwn'> {
  readonly #deps: RelayedAuthenticatorDeps
  readonly #known = new Map<string, Known>()
  readonly #foreign = new LruSet(MAX_FOREIGN)
  /** Questions that are not answered yet; one for all who ask the same at the same time. */
  readonly #asked = new Map<number, { readonly question: string; readonly settle: (verdict: WireVerdict) => void }>()
  readonly #running = new Map<string, Promise<Verdict>>()
  #nextId = 0

  constructor(deps: RelayedAuthenticatorDeps) {
    this.#deps = deps
  }

  readonly identify = (header: string | undefined): Identity | undefined => {
    if (!this.#deps.enabled) return ANYBODY
    return header === undefined || header.length > MAX_HEADER_LENGTH ? undefined : this.#find(digestOf(header))
  }

  readonly verify = (header: string | undefined, address: string): Promise<Verdict> => {
    if (!this.#deps.enabled) return Promise.resolve(ANYBODY)
    if (header === undefined || parseCredentials(header) === undefined) {
      return Promise.resolve({ refused: 'credentials' })
    }
    const digest = digestOf(header)
    const question = `${digest} ${address}`
    const running = this.#running.get(question)
    if (running !== undefined) return running
    const { promise, resolve } = Promise.withResolvers<Verdict>()
    const id = this.#nextId++
    this.#running.set(question, promise)
    this.#asked.set(id, { question, settle: verdict => resolve(this.#learn(digest, verdict)) })
    this.#deps.ask(id, header, address)
    return promise
  }

  readonly isOwn = (header: string): boolean | undefined => {
    if (header.length > MAX_HEADER_LENGTH) return false
    const digest = digestOf(header)
    if (this.#known.has(digest)) return true
    const credentials = parseCredentials(header)
    if (credentials === undefined || this.#foreign.has(digest)) return false
    const secret = credentials.kind === 'bearer' ? credentials.token : credentials.password
    if (parseToken(secret) !== undefined) return undefined
    const { user, hasPassword } = this.#deps
    return credentials.kind === 'basic' && credentials.user === user && hasPassword ? undefined : false
  }

  /** The controller has answered. */
  answered(id: number, verdict: WireVerdict): void {
    const asked = this.#asked.get(id)
    if (asked === undefined) return
    this.#asked.delete(id)
    this.#running.delete(asked.question)
    asked.settle(verdict)
  }

  /** These tokens are no longer good. */
  ended(tokenIds: readonly string[]): void {
    const ended = new Set<string | undefined>(tokenIds)
    for (const [digest, { identity }] of this.#known) {
      if (identity.tokenId !== undefined && ended.has(identity.tokenId)) this.#known.delete(digest)
    }
  }

  #find(digest: string): Identity | undefined {
    const known = this.#known.get(digest)
    if (known === undefined) return undefined
    const { clock, onUsed } = this.#deps
    const isOver = clock.now() >= known.until || clock.monotonic() >= known.untilMonotonic
    if (known.until !== Number.POSITIVE_INFINITY && isOver) {
      this.#known.delete(digest)
      return undefined
    }
    if (known.identity.tokenId !== undefined) onUsed(known.identity.tokenId)
    return known.identity
  }

  #learn(digest: string, { identity, goodForMs, refused = 'credentials', retryAfterMs }: WireVerdict): Verdict {
    if (identity === undefined) {
      if (refused === 'credentials') this.#foreign.add(digest)
      return retryAfterMs === undefined ? { refused } : { refused, retryAfterMs }
    }
    const { clock } = this.#deps
    const forMs = goodForMs ?? Number.POSITIVE_INFINITY
    const known = {
      identity: fromWire(identity),
      until: clock.now() + forMs,
      untilMonotonic: clock.monotonic() + forMs
    }
    this.#known.set(digest, known)
    const [oldest] = this.#known.keys()
    if (this.#known.size > MAX_KNOWN && oldest !== undefined) this.#known.delete(oldest)
    return known.identity
  }
}

function digestOf(header: string): string {
  return hash('sha256', header, 'base64')
}

function fromWire({ scopes, namespaces, ...rest }: WireIdentity): Identity {
  return { ...rest, scopes: new Set(scopes), namespaces: namespaces === 'all' ? 'all' : new Set(namespaces) }
}
