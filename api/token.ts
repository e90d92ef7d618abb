import * as z from 'zod'
import { parseDuration } from './duration.ts'
import { LEGACY_NAME } from './meta.ts'
import { SCOPES, type Scope } from './scope.ts'

/** A token as the API gives it; its secret is shown once, to who created it. */
export interface TokenView {
  /** Public part of the token. */
  readonly id: string
  /** `session`: of `POST /auth/login`. */
  readonly kind: 'token' | 'session'
  readonly name: string
  readonly scopes: readonly Scope[]
  /** Absent: all. */
  readonly namespaces?: readonly string[]
  /** RFC 3339, as all times here. */
  readonly createdAt: string
  /** Name of the identity that created it. */
  readonly createdBy: string
  /** Absent: good until it is revoked. */
  readonly expiresAt?: string
  /** To the minute; absent: never. */
  readonly lastUsedAt?: string
}

const SECOND_MS = 1000
const LONGEST_MS = 10 * 8760 * 3_600_000

/** Most tokens that there may be. */
export const MAX_TOKENS = 1000

/** Body of `POST /v1/tokens`. */
export const TokenInput = z
  .strictObject({
    name: z
      .string()
      .regex(
        /^[a-zA-Z0-9]([-a-zA-Z0-9_.]{0,61}[a-zA-Z0-9])?$/,
        'must be 1 to 63 letters, digits, "-", "_" and ".", starting and ending with a letter or digit'
      ),
    scopes: z.array(z.enum(SCOPES)).min(1, 'must name a scope').max(SCOPES.length),
    namespaces: z
      .array(z.string().regex(LEGACY_NAME, 'must be the name of a namespace'))
      .min(1, 'must name a namespace; leave it out for all')
      .max(100, 'must have at most 100 entries')
      .optional(),
    expiresIn: z
      .string()
      .refine(
        text => isWithin(parseDuration(text)),
        'must be a duration from 1s to 87600h, such as 720h; leave it out for a token that does not expire'
      )
      .meta({ examples: ['720h', '1s'] })
      .optional()
  })
  .meta({ examples: [{ name: 'ci', scopes: ['read', 'deploy'], namespaces: ['openfaas-fn'], expiresIn: '720h' }] })
export type TokenInput = z.infer<typeof TokenInput>

function isWithin(ms: number | undefined): boolean {
  return ms !== undefined && ms >= SECOND_MS && ms <= LONGEST_MS
}
