import * as z from 'zod'
import { count, listOf, text, texts, timestamp } from './shape.ts'

/** A profile of functions. */
export const ProfileAnswer = z
  .object({
    apiVersion: z.literal('v1'),
    kind: z.literal('Profile'),
    metadata: z.object({
      name: text('sandboxed'),
      uid: text('3f0a1a0c-5f0b-4f57-a9a4-6d2f0a6f2b77'),
      resourceVersion: count(97),
      labels: texts({ team: 'platform' }),
      annotations: texts({}),
      createdAt: timestamp(),
      updatedAt: timestamp('when it last changed')
    }),
    spec: z.object({
      runtime: text('runsc', 'a runtime of the engine').optional(),
      user: text('1000:1000', 'as whom the process runs').optional(),
      tmpfs: z.array(z.object({ path: text('/cache'), size: text('64Mi') })).optional(),
      dns: z
        .object({
          nameservers: z.array(text('10.0.0.53')),
          searches: z.array(text('svc.example.com')),
          options: z.array(text('ndots:2'))
        })
        .optional()
    })
  })
  .meta({ id: 'Profile' })

export const ProfileListAnswer = listOf('ProfileList', ProfileAnswer)
