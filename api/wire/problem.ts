import * as z from 'zod'
import { text } from './shape.ts'

/** `application/problem+json`. Source: RFC 9457. */
export const ProblemAnswer = z
  .object({
    type: text('about:blank'),
    title: text('There is no such object'),
    status: z.int().meta({ examples: [404] }),
    detail: text('function openfaas-fn/resize not found'),
    instance: text('/v1/functions/resize'),
    code: text('NOT_FOUND', 'stable; clients may match on it'),
    errors: z
      .array(z.object({ field: text('spec.image'), message: text('is required: a string') }))
      .optional()
      .meta({ description: 'each field that is wrong' })
  })
  .meta({
    id: 'Problem',
    description: 'RFC 9457',
    examples: [
      {
        type: 'about:blank',
        title: 'There is no such object',
        status: 404,
        detail: 'function openfaas-fn/resize not found',
        instance: '/v1/functions/resize',
        code: 'NOT_FOUND'
      }
    ]
  })

/** `GET /healthz` for who asks for JSON. */
export const HealthAnswer = z
  .object({
    status: z.enum(['ok', 'error']),
    checks: z.object({
      database: z.enum(['ok', 'error']),
      docker: z.enum(['ok', 'error']),
      network: z.enum(['ok', 'error'])
    })
  })
  .meta({ id: 'Health' })
