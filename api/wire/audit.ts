import * as z from 'zod'
import { AUDIT_OUTCOMES } from '../audit.ts'
import { count, text, timestamp } from './shape.ts'

const DIGEST = '2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae'

const AuditAnswer = z
  .object({
    id: count(42),
    at: timestamp(),
    kind: text('function'),
    namespace: text('openfaas-fn'),
    name: text('resize'),
    outcome: z.enum(AUDIT_OUTCOMES),
    before: text(DIGEST, 'SHA-256 of what was written down before').optional(),
    after: text(DIGEST).optional(),
    detail: text('scaled to 2').optional(),
    actorKind: text('admin'),
    actor: text('admin'),
    tokenId: text('5f0c1d2e3a4b5c6d').optional(),
    address: text('192.0.2.7'),
    userAgent: text('faas-cli/0.17'),
    verb: text('POST /v1/functions/:name/scale'),
    status: count(200),
    code: text('INVALID').optional(),
    requestId: text('d6a1e3f0-2f36-4a56-8f0f-0d2f6c6b7c55'),
    count: count(1, 'how many of the same this row stands for'),
    mac: text(DIGEST, 'over the row and the mac of the one before it')
  })
  .meta({ id: 'AuditEntry' })

/** `GET /v1/audit`. */
export const AuditListAnswer = z
  .object({
    apiVersion: z.literal('v1'),
    kind: z.literal('AuditList'),
    items: z.array(AuditAnswer),
    continue: count(41, 'what to give as before for the next page').optional()
  })
  .meta({ id: 'AuditList' })
