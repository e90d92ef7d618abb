import type { EntityManager } from '@mikro-orm/sqlite'
import { type AuditSubject, digestOf } from '../../api/audit.ts'
import { TokenExistsError, TooManyTokensError } from '../../api/errors.ts'
import type { Scope } from '../../api/scope.ts'
import { canonicalJson } from '../../api/spec-hash.ts'
import { MAX_TOKENS, type TokenView } from '../../api/token.ts'
import { toTimestamp } from '../clock.ts'
import { TokenEntity, type TokenRow } from './entities.ts'
import { requireNamespace } from './namespace-rows.ts'
import { type Database, PLAIN } from './orm.ts'

/** A token as written down. */
export interface TokenRecord extends TokenView {
  /** SHA-256 of the secret, 64 hex. */
  readonly digest: string
  /** Of a session: tells the password that it was opened with from another one. */
  readonly passwordMark?: string
}

export type TokenChange =
  | { readonly type: 'CREATED'; readonly record: TokenRecord }
  | { readonly type: 'REMOVED'; readonly id: string }

export interface TokenCreateOptions {
  readonly needsNamespaces?: boolean
}

/** Tokens and sessions as written down: nothing in it opens a door. */
export interface TokenStore {
  list: () => Promise<TokenRecord[]>
  /**
   * Throws `TokenExistsError` for the name of another token, `TooManyTokensError` beyond `MAX_TOKENS`; the oldest session makes room.
   * `needsNamespaces`: throws `ValidationError` when one that it is bound to is not there.
   */
  create: (record: TokenRecord, options?: TokenCreateOptions) => Promise<void>
  /** Whether there was one. */
  remove: (id: string) => Promise<boolean>
  /** Writes down when tokens were last used: milliseconds since the epoch by id. */
  touch: (uses: ReadonlyMap<string, number>) => Promise<void>
  /** Calls `listener` in the tick in which a commit is known; gives a function that ends it. */
  onChange: (listener: (change: TokenChange) => void) => () => void
}

/** Tokens in SQLite. See `TokenStore` for what each method promises. */
export class Tokens implements TokenStore {
  readonly #database: Database
  readonly #listeners = new Set<(change: TokenChange) => void>()
  constructor(deps: { readonly database: Database }) {
    this.#database = deps.database
  }

  async list(): Promise<TokenRecord[]> {
    const rows = await this.#database.read(em =>
      em.find(TokenEntity, {}, { ...PLAIN, orderBy: { createdAt: 'asc', id: 'asc' } })
    )
    return rows.map(toRecord)
  }

  async create(record: TokenRecord, { needsNamespaces = false }: TokenCreateOptions = {}): Promise<void> {
    const bound = needsNamespaces ? (record.namespaces ?? []) : []
    await this.#database.write(
      async em => {
        for (const namespace of bound) await requireNamespace(em, namespace)
        const dropped = await makeRoom(em, record)
        await em.insert(TokenEntity, fromRecord(record))
        return dropped
      },
      {
        committed: dropped => {
          for (const id of dropped) this.#tell({ type: 'REMOVED', id })
          this.#tell({ type: 'CREATED', record })
        },
        audited: () => subjectOf('created', record)
      }
    )
  }

  async remove(id: string): Promise<boolean> {
    const removed = await this.#database.write(
      async em => {
        const row = await em.findOne(TokenEntity, { id }, PLAIN)
        await em.nativeDelete(TokenEntity, { id })
        return row === null ? undefined : toRecord(row)
      },
      {
        committed: () => this.#tell({ type: 'REMOVED', id }),
        audited: record => record && subjectOf('deleted', record)
      }
    )
    return removed !== undefined
  }

  async touch(uses: ReadonlyMap<string, number>): Promise<void> {
    await this.#database.write(async em => {
      for (const [id, ms] of uses) await em.nativeUpdate(TokenEntity, { id }, { lastUsedAt: toTimestamp(ms) })
    })
  }

  onChange(listener: (change: TokenChange) => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  #tell(change: TokenChange): void {
    for (const listener of this.#listeners) listener(change)
  }
}

/** Ids of the sessions that went so that the record can come. */
async function makeRoom(em: EntityManager, { kind, name }: TokenRecord): Promise<string[]> {
  if (kind === 'token' && (await em.count(TokenEntity, { kind, name })) > 0) throw new TokenExistsError(name)
  const surplus = (await em.count(TokenEntity, { kind })) + 1 - MAX_TOKENS
  if (surplus <= 0) return []
  if (kind === 'token') throw new TooManyTokensError(MAX_TOKENS)
  const oldest = await em.find(TokenEntity, { kind }, { ...PLAIN, orderBy: { createdAt: 'asc' }, limit: surplus })
  const ids = oldest.map(({ id }) => id)
  await em.nativeDelete(TokenEntity, { id: { $in: ids } })
  return ids
}

/** What the audit log says: everything of the token but what is secret, and its use. */
function subjectOf(
  outcome: 'created' | 'deleted',
  { digest, passwordMark, lastUsedAt, ...view }: TokenRecord
): AuditSubject {
  const { kind, name, id, scopes, namespaces = ['all namespaces'] } = view
  const hash = digestOf(canonicalJson(view))
  return {
    ...{ kind, namespace: '', name, outcome },
    ...(outcome === 'created' ? { after: hash } : { before: hash }),
    detail: `${id}: ${scopes.join(', ')} in ${namespaces.join(', ')}`
  }
}

function toRecord(row: TokenRow): TokenRecord {
  const { id, name, digest, namespaces, passwordMark, createdAt, createdBy, expiresAt, lastUsedAt } = row
  return {
    ...{ id, name, digest, createdAt, createdBy },
    kind: row.kind as TokenRecord['kind'],
    scopes: JSON.parse(row.scopes) as Scope[],
    ...(typeof namespaces === 'string' && { namespaces: JSON.parse(namespaces) as string[] }),
    ...(typeof passwordMark === 'string' && { passwordMark }),
    ...(typeof expiresAt === 'string' && { expiresAt }),
    ...(typeof lastUsedAt === 'string' && { lastUsedAt })
  }
}

function fromRecord(record: TokenRecord): TokenRow {
  const { id, kind, name, digest, scopes, namespaces, createdAt, createdBy } = record
  return {
    ...{ id, kind, name, digest, createdAt, createdBy },
    scopes: JSON.stringify(scopes),
    namespaces: namespaces === undefined ? null : JSON.stringify(namespaces),
    passwordMark: record.passwordMark ?? null,
    expiresAt: record.expiresAt ?? null,
    lastUsedAt: record.lastUsedAt ?? null
  } as TokenRow
}
