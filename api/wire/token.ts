import * as z from 'zod'
import { SCOPES } from '../scope.ts'
import { listOf, text, timestamp } from './shape.ts'

const shape = {
  id: text('5f0c1d2e3a4b5c6d', 'public part of the token'),
  kind: z.enum(['token', 'session']),
  name: text('ci'),
  scopes: z.array(z.enum(SCOPES)),
  namespaces: z.array(text('openfaas-fn')).optional().meta({ description: 'absent: all' }),
  createdAt: timestamp(),
  createdBy: text('admin'),
  expiresAt: timestamp('absent: good until it is revoked').optional(),
  lastUsedAt: timestamp('to the minute; absent: never').optional()
}

export const TokenAnswer = z.object(shape).meta({ id: 'Token' })
export const TokenListAnswer = listOf('TokenList', TokenAnswer)

/** A token as it is given out, once. */
export const NewTokenAnswer = z
  .object({ ...shape, token: text('dfaas_5f0c1d2e3a4b5c6d_<secret>') })
  .meta({ id: 'NewToken' })

/** `POST /auth/login`. */
export const SessionAnswer = z
  .object({ token: text('dfaas_5f0c1d2e3a4b5c6d_<secret>'), expiresAt: timestamp() })
  .meta({ id: 'Session' })
