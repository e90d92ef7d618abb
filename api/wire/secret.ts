import * as z from 'zod'
import { count, listOf, text, timestamp } from './shape.ts'

/** What is known of a secret; its value is never given out. */
export const SecretAnswer = z
  .object({
    apiVersion: z.literal('v1'),
    kind: z.literal('Secret'),
    metadata: z.object({
      name: text('api-key'),
      namespace: text('openfaas-fn'),
      uid: text('3f0a1a0c-5f0b-4f57-a9a4-6d2f0a6f2b77'),
      resourceVersion: count(97),
      createdAt: timestamp(),
      updatedAt: timestamp('when the value last changed')
    }),
    version: count(2, 'grows by one when the value really changes'),
    sizeBytes: count(32),
    usedBy: z.array(text('resize', 'a function'))
  })
  .meta({ id: 'Secret' })

export const SecretListAnswer = listOf('SecretList', SecretAnswer)

/** `GET /v1/secret-keys`. */
export const SecretKeysAnswer = z
  .object({
    current: text('b1946ac9').optional(),
    keys: z.array(z.object({ id: text('b1946ac9'), inUse: z.boolean() })),
    missing: z.array(text('591785b7', 'id of a key that secrets are under and that is not there')),
    problem: text('the file of the key cannot be read').optional()
  })
  .meta({ id: 'SecretKeys', examples: [{ current: 'b1946ac9', keys: [{ id: 'b1946ac9', inUse: true }], missing: [] }] })

/** `POST /v1/secret-keys/rotate`. */
export const SecretKeyRotationAnswer = z
  .object({
    keyId: text('c5f0a6d1'),
    resealed: count(4),
    unreadable: z.array(text('openfaas-fn/api-key')),
    unusedKeyIds: z.array(text('b1946ac9')),
    removedKeyIds: z.array(text('b1946ac9'))
  })
  .meta({
    id: 'SecretKeyRotation',
    examples: [{ keyId: 'c5f0a6d1', resealed: 4, unreadable: [], unusedKeyIds: ['b1946ac9'], removedKeyIds: [] }]
  })
