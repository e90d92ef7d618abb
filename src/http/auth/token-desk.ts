import { randomBytes } from 'node:crypto'
import { parseDuration } from '../../../api/duration.ts'
import { SCOPES } from '../../../api/scope.ts'
import type { TokenInput, TokenView } from '../../../api/token.ts'
import { formatToken } from '../../../api/token-text.ts'
import { type Clock, toTimestamp } from '../../clock.ts'
import type { TokenCreateOptions, TokenRecord, TokenStore } from '../../store/tokens.ts'
import { sha256 } from './credentials.ts'
import type { TokenIndex } from './token-index.ts'

/** A token as it is given out, once. */
export interface NewToken extends TokenView {
  readonly token: string
}

/** Creates and revokes tokens. */
export interface TokenDesk {
  /** Throws what `TokenStore.create` does. */
  readonly create: (input: TokenInput, createdBy: string, options?: TokenCreateOptions) => Promise<NewToken>
  /** A token for `AUTH_TOKEN_TTL` that is good for everything. */
  readonly openSession: (user: string) => Promise<NewToken>
  readonly list: () => Promise<TokenView[]>
  /** The token of that id, or of that name. */
  readonly get: (idOrName: string) => Promise<TokenView | undefined>
  /** Whether there was one; it is dead when this resolves. */
  readonly revoke: (idOrName: string) => Promise<boolean>
}

export interface TokenDeskDeps {
  readonly tokens: TokenStore
  readonly index: Pick<TokenIndex, 'usedAt'>
  readonly clock: Clock
  readonly sessionMs: number
  readonly passwordMark: string | undefined
}

const ID_BYTES = 8
const SECRET_BYTES = 32

export function createTokenDesk(deps: TokenDeskDeps): TokenDesk {
  const issue = async (
    draft: Omit<TokenRecord, 'id' | 'digest' | 'createdAt'>,
    options?: TokenCreateOptions
  ): Promise<NewToken> => {
    const id = randomBytes(ID_BYTES).toString('hex')
    const secret = randomBytes(SECRET_BYTES)
    const digest = sha256(secret.toString('base64url')).toString('hex')
    const record: TokenRecord = { ...draft, id, digest, createdAt: toTimestamp(deps.clock.now()) }
    await deps.tokens.create(record, options)
    return { ...toView(record, undefined), token: formatToken(id, secret) }
  }
  const after = (ms: number) => toTimestamp(deps.clock.now() + ms)
  const list = async () => (await deps.tokens.list()).map(record => toView(record, deps.index.usedAt(record.id)))
  const get = async (idOrName: string) => {
    const views = await list()
    return (
      views.find(({ id }) => id === idOrName) ?? views.find(({ kind, name }) => kind === 'token' && name === idOrName)
    )
  }
  return {
    create: ({ name, scopes, namespaces, expiresIn }, createdBy, options) => {
      const draft = {
        ...({ kind: 'token', name, createdBy } as const),
        scopes: SCOPES.filter(scope => scopes.includes(scope)),
        ...(namespaces === undefined ? {} : { namespaces: [...new Set(namespaces)].sort() }),
        ...(expiresIn === undefined ? {} : { expiresAt: after(parseDuration(expiresIn) ?? 0) })
      }
      return issue(draft, options)
    },
    openSession: user =>
      issue({
        ...{ kind: 'session', name: user, createdBy: user, scopes: ['admin'], expiresAt: after(deps.sessionMs) },
        ...(deps.passwordMark === undefined ? {} : { passwordMark: deps.passwordMark })
      }),
    list,
    get,
    revoke: async idOrName => {
      const token = await get(idOrName)
      return token !== undefined && (await deps.tokens.remove(token.id))
    }
  }
}

function toView(record: TokenRecord, usedAt: number | undefined): TokenView {
  const { digest: _digest, passwordMark: _mark, ...view } = record
  return usedAt === undefined ? view : { ...view, lastUsedAt: toTimestamp(usedAt - (usedAt % 60_000)) }
}
