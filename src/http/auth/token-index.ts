import { timingSafeEqual } from 'node:crypto'
import type { Namespaces, Scope } from '../../../api/scope.ts'
import { parseToken } from '../../../api/token-text.ts'
import type { Clock } from '../../clock.ts'
import type { TokenChange, TokenRecord, TokenStore } from '../../store/tokens.ts'
import type { Identity } from '../caller.ts'
import { sha256 } from './credentials.ts'

export interface TokenIndexDeps {
  readonly tokens: TokenStore
  readonly clock: Clock
  /** Of the present password: sessions that were opened with another one are over. Absent: all are. */
  readonly passwordMark: string | undefined
  readonly log: { readonly warn: (fields: object, message: string) => void }
}

interface Entry {
  readonly record: TokenRecord
  readonly digest: Buffer
  readonly identity: Identity
  /** By both clocks, so that setting the host's clock back does not bring a token to life. */
  readonly expiresAt: number
  readonly expiresAtMonotonic: number
  readonly enders: Set<() => void>
  /** Whether its end was told. */
  isEnded: boolean
  usedAt: number | undefined
  /** The use that is written down. */
  notedAt: number
}

/** How often uses are written down and streams of expired tokens end. */
const SWEEP_MS = 1000
const USES_EVERY = 60
const NO_DIGEST = Buffer.alloc(32)

/**
 * Every token that is good, in memory, as the invocation path must not wait for the database: filled once, then fed by
 * commits, so that a token is good as soon as it is created, and dead as soon as it is revoked.
 */
export class TokenIndex {
  readonly #deps: TokenIndexDeps
  readonly #entries = new Map<string, Entry>()
  readonly #listeners = new Set<(id: string) => void>()
  #unfollow: () => void = () => undefined
  #timer: NodeJS.Timeout | undefined
  #sweeps = 0

  constructor(deps: TokenIndexDeps) {
    this.#deps = deps
  }

  /** Reads all tokens, and ends sessions whose time or password is over. */
  async start(): Promise<void> {
    const { tokens, passwordMark } = this.#deps
    this.#unfollow = tokens.onChange(change => this.#follow(change))
    for (const record of await tokens.list()) {
      const isOver = record.kind === 'session' && (record.passwordMark !== passwordMark || this.#isPast(record))
      if (isOver) this.#forget(record.id)
      else this.#add(record)
    }
    this.#timer = setInterval(() => this.#sweep(), SWEEP_MS).unref()
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer)
    this.#unfollow()
    await this.#writeUses()
  }

  /** Whose token it is; undefined when it is unknown, revoked or expired. Takes the same time for each of these. */
  identify(text: string): Identity | undefined {
    const parsed = parseToken(text)
    if (parsed === undefined) return undefined
    const entry = this.#entries.get(parsed.id)
    const isRight = timingSafeEqual(sha256(parsed.secret), entry?.digest ?? NO_DIGEST)
    if (entry === undefined || !isRight || this.#isExpired(entry)) return undefined
    entry.usedAt = this.#deps.clock.now()
    return entry.identity
  }

  /** Calls `end` when the token is no longer good; gives a function that forgets it. */
  whileGood(id: string, end: () => void): () => void {
    const entry = this.#entries.get(id)
    if (entry === undefined) end()
    entry?.enders.add(end)
    return () => void entry?.enders.delete(end)
  }

  /** When the token was last used, also when that is not written down yet: milliseconds since the epoch. */
  usedAt(id: string): number | undefined {
    return this.#entries.get(id)?.usedAt
  }

  /** The token was used elsewhere by somebody who had asked here. */
  noteUse(id: string): void {
    const entry = this.#entries.get(id)
    if (entry !== undefined) entry.usedAt = this.#deps.clock.now()
  }

  /** How many milliseconds the token is good yet, by the clock that says less; undefined when it has no end, 0 when it is not good. */
  goodForMs(id: string): number | undefined {
    const entry = this.#entries.get(id)
    if (entry === undefined) return 0
    if (entry.expiresAt === Number.POSITIVE_INFINITY) return undefined
    const { clock } = this.#deps
    return Math.max(0, Math.min(entry.expiresAt - clock.now(), entry.expiresAtMonotonic - clock.monotonic()))
  }

  /** Calls `listener` when a token is no longer good, in the same tick if it was revoked. */
  onEnd(listener: (id: string) => void): void {
    this.#listeners.add(listener)
  }

  #follow(change: TokenChange): void {
    if (change.type === 'CREATED') this.#add(change.record)
    else this.#end(change.id)
  }

  #add(record: TokenRecord): void {
    const { clock } = this.#deps
    const expiresAt = record.expiresAt === undefined ? Number.POSITIVE_INFINITY : Date.parse(record.expiresAt)
    this.#entries.set(record.id, {
      record,
      digest: Buffer.from(record.digest, 'hex'),
      identity: toIdentity(record),
      expiresAt,
      expiresAtMonotonic: clock.monotonic() + expiresAt - clock.now(),
      enders: new Set(),
      isEnded: false,
      usedAt: record.lastUsedAt === undefined ? undefined : Date.parse(record.lastUsedAt),
      notedAt: Date.parse(record.lastUsedAt ?? '1970-01-01T00:00:00Z')
    })
  }

  #end(id: string): void {
    const entry = this.#entries.get(id)
    this.#entries.delete(id)
    if (entry !== undefined) this.#tellEnd(id, entry)
  }

  #tellEnd(id: string, entry: Entry): void {
    for (const end of entry.enders) end()
    entry.enders.clear()
    if (entry.isEnded) return
    entry.isEnded = true
    for (const listener of this.#listeners) listener(id)
  }

  #sweep(): void {
    for (const [id, entry] of this.#entries) {
      if (!this.#isExpired(entry)) continue
      this.#tellEnd(id, entry)
      if (entry.record.kind === 'session') this.#forget(id)
    }
    if (++this.#sweeps % USES_EVERY === 0) void this.#writeUses()
  }

  #forget(id: string): void {
    this.#entries.delete(id)
    this.#deps.tokens
      .remove(id)
      .catch((err: unknown) => this.#deps.log.warn({ err }, 'Failed to remove expired session'))
  }

  async #writeUses(): Promise<void> {
    const uses = new Map<string, number>()
    for (const [id, entry] of this.#entries) {
      const usedAt = toMinute(entry.usedAt ?? 0)
      if (usedAt <= entry.notedAt) continue
      uses.set(id, usedAt)
      entry.notedAt = usedAt
    }
    if (uses.size === 0) return
    try {
      await this.#deps.tokens.touch(uses)
    } catch (err) {
      this.#deps.log.warn({ err }, 'Failed to note use of tokens')
    }
  }

  #isPast({ expiresAt }: TokenRecord): boolean {
    return expiresAt !== undefined && Date.parse(expiresAt) <= this.#deps.clock.now()
  }

  #isExpired({ expiresAt, expiresAtMonotonic }: Entry): boolean {
    const { clock } = this.#deps
    return (
      expiresAt !== Number.POSITIVE_INFINITY && (clock.now() >= expiresAt || clock.monotonic() >= expiresAtMonotonic)
    )
  }
}

function toMinute(ms: number): number {
  return ms - (ms % 60_000)
}

function toIdentity({ kind, id, name, scopes, namespaces }: TokenRecord): Identity {
  const bound: Namespaces = namespaces === undefined ? 'all' : new Set(namespaces)
  return { kind, name, tokenId: id, scopes: new Set<Scope>(scopes), namespaces: bound }
}
