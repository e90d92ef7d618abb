import * as z from 'zod'
import { CONDITION_TYPES, REASONS } from '../condition.ts'
import { ProblemAnswer } from './problem.ts'
import { count, text, texts, timestamp } from './shape.ts'

/**
 * Functions as `/v1` answers with them. Values that a client sent are not held against today's rules here: what an earlier
 * release accepted is given back as it was written.
 */

const NAME = text('resize')
const NAMESPACE = text('openfaas-fn')
const IMAGE = text('registry.example/team/resize:1.4.2')

const Reference = {
  name: NAME,
  namespace: NAMESPACE,
  uid: text('7b0e2a52-7d1c-4a43-9d0c-1f1b2f0f6a11', 'tells it from an earlier one of the same name'),
  generation: count(3, 'grows by one when spec, labels or annotations really change'),
  resourceVersion: count(118, 'grows with every write of any object; the ETag')
}

const Metadata = z
  .object({
    ...Reference,
    labels: texts({ team: 'images' }),
    annotations: texts({ 'com.openfaas.health.http.path': '/ready' }),
    createdAt: timestamp(),
    updatedAt: timestamp('when spec, labels or annotations last changed'),
    deletionRequestedAt: timestamp('present once deletion was asked for').optional()
  })
  .meta({ id: 'ObjectMeta' })

const Quantities = z
  .object({ memory: text('128Mi').optional(), cpu: text('500m').optional() })
  .meta({ id: 'Quantities' })

const Spec = z
  .object({
    image: IMAGE,
    replicas: count(2),
    envProcess: text('node index.js'),
    env: texts({ LOG_LEVEL: 'info' }),
    secrets: z.array(text('api-key')),
    limits: Quantities,
    requests: Quantities,
    readOnlyRootFilesystem: z.boolean(),
    debug: z.boolean(),
    network: text('team-net', 'kept for clients of the older program').optional(),
    constraints: z.array(text('node.labels.gpu == true')).meta({ examples: [[]] }),
    probes: z.object({ ready: z.object({ path: text('/ready') }).optional() }),
    restartedAt: timestamp().optional()
  })
  .meta({ id: 'FunctionSpec' })

const Condition = z
  .object({
    type: z.enum(CONDITION_TYPES),
    status: z.enum(['True', 'False', 'Unknown']),
    reason: z.enum(REASONS),
    message: text('2 of 2 replicas are ready'),
    lastTransitionTime: timestamp('when status last changed')
  })
  .meta({ id: 'Condition' })

const Restarts = z.array(
  z
    .object({
      ordinal: count(0),
      count: count(1, 'exits in a row, each soon after its start'),
      exitCode: z.int().meta({ examples: [1] }),
      oomKilled: z.boolean(),
      started: z.boolean(),
      unhealthy: z.literal(true).optional().meta({ description: 'it failed its liveness probe, and was replaced' }),
      container: text('4be0a3c5d1f2'),
      startedAt: timestamp().optional(),
      exitedAt: timestamp(),
      notBefore: timestamp('not replaced before'),
      lastOutput: text('Error: listen EADDRINUSE :::8080')
    })
    .meta({ id: 'RestartRecord' })
)

const Status = z
  .object({
    observedGeneration: count(3),
    replicas: count(2, 'containers that exist for it, of any revision'),
    readyReplicas: count(2),
    frozenReplicas: count(0),
    outdatedReplicas: count(0),
    specHash: text('9f86d081').optional(),
    conditions: z.array(Condition),
    debugPorts: z.array(
      z
        .object({
          ordinal: count(0),
          containerPort: count(9229),
          address: text('127.0.0.1'),
          hostPort: count(20_003)
        })
        .meta({ id: 'DebugPort' })
    ),
    image: z
      .object({
        reference: IMAGE,
        templateHash: text('9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08'),
        id: text('sha256:2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae'),
        digest: text('registry.example/team/resize@sha256:fcde2b2edba56bf4').optional()
      })
      .meta({ id: 'PinnedImage' })
      .optional(),
    restarts: Restarts,
    outdatedRestarts: Restarts,
    lastReconciledAt: timestamp().optional()
  })
  .meta({ id: 'FunctionStatus' })

export const FunctionAnswer = z
  .object({
    apiVersion: z.literal('v1'),
    kind: z.literal('Function'),
    metadata: Metadata,
    spec: Spec,
    scale: z
      .object({
        pinned: z.boolean().optional(),
        alerted: z.boolean().meta({ description: 'an alert that fires has set it' }).optional(),
        frozenSince: timestamp().optional()
      })
      .meta({ id: 'FunctionScale' })
      .optional(),
    status: Status
  })
  .meta({ id: 'Function' })

export const FunctionListAnswer = z
  .object({
    apiVersion: z.literal('v1'),
    kind: z.literal('FunctionList'),
    metadata: z.object({ resourceVersion: count(118, 'where a watch goes on from') }),
    items: z.array(FunctionAnswer)
  })
  .meta({ id: 'FunctionList' })

export const FunctionStatusAnswer = z
  .object({
    apiVersion: z.literal('v1'),
    kind: z.literal('FunctionStatus'),
    metadata: z.object(Reference).meta({ id: 'ObjectReference' }),
    status: Status
  })
  .meta({ id: 'FunctionStatusView' })

/** What `?dryRun=true` answers with, in place of the function. */
export const DryRunAnswer = z
  .object({
    object: FunctionAnswer,
    outcome: z.enum(['created', 'changed', 'unchanged', 'deleted']),
    plan: z.array(text('create resize-0: missing'))
  })
  .meta({ id: 'DryRun' })

/** One line of `?watch=true`; of an ERROR, `object` is a problem. */
export const WatchLine = z
  .object({
    type: z.enum(['ADDED', 'MODIFIED', 'DELETED', 'ERROR']),
    object: z.union([FunctionAnswer, ProblemAnswer])
  })
  .meta({ id: 'WatchLine' })

export const RevisionListAnswer = z
  .object({
    apiVersion: z.literal('v1'),
    kind: z.literal('RevisionList'),
    items: z.array(
      z
        .object({
          revision: count(3, 'the generation that brought it'),
          labels: texts({ team: 'images' }),
          annotations: texts({}),
          spec: Spec,
          createdAt: timestamp()
        })
        .meta({ id: 'Revision' })
    )
  })
  .meta({ id: 'RevisionList' })
