import * as z from 'zod'
import { count, listOf, text, texts, timestamp } from './shape.ts'

/** A namespace, with its quota and what is used of it. */
export const NamespaceAnswer = z
  .object({
    apiVersion: z.literal('v1'),
    kind: z.literal('Namespace'),
    metadata: z.object({
      name: text('team-a'),
      labels: texts({ owner: 'anna' }),
      annotations: texts({ 'com.docker-faas.quota.replicas': '20' }),
      resourceVersion: count(97),
      createdAt: timestamp()
    }),
    status: z.object({
      quota: z
        .object({
          functions: count(20).optional(),
          replicas: count(20).optional(),
          memoryBytes: count(8_589_934_592).optional()
        })
        .meta({ description: 'what is left out is not bounded' }),
      used: z.object({
        functions: count(3, 'those that are being deleted among them'),
        replicas: count(7, 'that are wanted'),
        memoryBytes: count(939_524_096, 'limits of all replicas that are wanted'),
        withoutMemoryLimit: count(0, 'functions whose memory nothing limits')
      }),
      defaults: z
        .object({
          replicas: count(1),
          memoryBytes: count(134_217_728, 'of each replica; left out: nothing limits it').optional()
        })
        .meta({ description: 'what functions count for that do not say it' })
    })
  })
  .meta({ id: 'Namespace' })
export type NamespaceAnswer = z.infer<typeof NamespaceAnswer>

/** What `?dryRun=true` answers with, in place of the namespace. */
export const NamespaceDryRunAnswer = z
  .object({ object: NamespaceAnswer, outcome: z.enum(['created', 'changed', 'unchanged', 'deleted']) })
  .meta({ id: 'NamespaceDryRun' })

export const NamespaceListAnswer = listOf('NamespaceList', NamespaceAnswer)
