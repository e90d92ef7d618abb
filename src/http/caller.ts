import type { Context } from 'koa'
import type { Namespaces, Scope } from '../../api/scope.ts'

/** Whom credentials belong to, and what they are good for. */
export interface Identity {
  /** `anonymous`: authentication is off, or the route is open. `session`: a token of `POST /auth/login`. */
  readonly kind: 'admin' | 'session' | 'token' | 'anonymous'
  /** The user, or the name of the token. */
  readonly name: string
  /** Public part of the token; absent for a password. */
  readonly tokenId?: string
  readonly scopes: ReadonlySet<Scope>
  readonly namespaces: Namespaces
}

/** Who sent a request, and from where. */
export interface Caller extends Identity {
  /** IP address; that of the client as a proxy of `TRUST_PROXY` gives it. */
  readonly address: string
}

/** Who asks for what is open: good for nothing else. */
export const NOBODY: Identity = { kind: 'anonymous', name: '', scopes: new Set(), namespaces: new Set() }
/** Everybody, where authentication is off. */
export const ANYBODY: Identity = { kind: 'anonymous', name: '', scopes: new Set(['admin']), namespaces: 'all' }

/** Whether the identity is good for the scope. */
export function hasScope({ scopes }: Identity, scope: Scope): boolean {
  return scopes.has(scope) || scopes.has('admin')
}

/** The token that it came with; undefined for a password or a session. */
export function tokenIdOf({ kind, tokenId }: Identity): string | undefined {
  return kind === 'token' ? tokenId : undefined
}

/** Who sent the request. Throws before authentication, which is a mistake in the order of middleware. */
export function callerOf(ctx: Context): Caller {
  const caller: unknown = ctx.state['caller']
  if (caller === undefined) throw new Error('nobody has looked who sent the request')
  return caller as Caller
}

export function setCaller(ctx: Context, caller: Caller): void {
  ctx.state['caller'] = caller
}
