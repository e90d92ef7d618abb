import * as z from 'zod'
import { DEAD_REASONS, INVOCATION_PHASES } from '../invocation.ts'
import { count, text, timestamp } from './shape.ts'

/** An asynchronous call, without its headers and bodies. */
export const InvocationAnswer = z
  .object({
    id: text('0198f3c0-7e1a-7c3e-8a7b-5d2c9a1e4f60'),
    callId: text('0198f3c0-7e1a-7c3e-8a7b-5d2c9a1e4f60', 'X-Call-Id'),
    namespace: text('openfaas-fn'),
    name: text('resize'),
    method: text('POST'),
    path: text('/', 'without its query'),
    phase: z.enum(INVOCATION_PHASES),
    reason: z.enum(DEAD_REASONS).optional(),
    attempts: count(0),
    bodyBytes: count(512),
    acceptedAt: timestamp(),
    dueAt: timestamp('when the next attempt is due, of one that waits').optional(),
    finishedAt: timestamp().optional(),
    status: z
      .int()
      .optional()
      .meta({ examples: [200], description: 'of the last answer' }),
    durationSeconds: z
      .number()
      .optional()
      .meta({ examples: [0.21] }),
    callback: z
      .object({
        origin: text('https://example.com'),
        state: z.enum(['waiting', 'delivered', 'failed']),
        attempts: count(0),
        error: text('connect ECONNREFUSED').optional()
      })
      .optional()
  })
  .meta({
    id: 'Invocation',
    examples: [
      {
        id: '0198f3c0-7e1a-7c3e-8a7b-5d2c9a1e4f60',
        callId: '0198f3c0-7e1a-7c3e-8a7b-5d2c9a1e4f60',
        namespace: 'openfaas-fn',
        name: 'resize',
        method: 'POST',
        path: '/',
        phase: 'queued',
        attempts: 0,
        bodyBytes: 512,
        acceptedAt: '2026-01-31T10:00:00.000Z'
      }
    ]
  })

export const InvocationListAnswer = z
  .object({
    apiVersion: z.literal('v1'),
    kind: z.literal('InvocationList'),
    items: z.array(InvocationAnswer),
    continue: count(4711, 'what to give as before for the next page').optional()
  })
  .meta({ id: 'InvocationList' })

export const RequeuedAnswer = z.object({ requeued: count(2) })
export const PurgedAnswer = z.object({ purged: count(2) })
