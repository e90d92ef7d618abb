import * as z from 'zod'
import { count, text, timestamp } from './shape.ts'

/** `GET /v1/plan`. */
export const PlanAnswer = z
  .object({
    functions: z.array(z.object({ key: text('openfaas-fn/resize'), steps: z.array(text('create resize-0: missing')) })),
    garbage: z.array(
      z.object({
        kind: text('container'),
        name: text('old-0'),
        owner: text('openfaas-fn/old'),
        verdict: text('collect')
      })
    )
  })
  .meta({ id: 'Plan' })

/** `GET` and `POST /v1/reconcile`. */
export const LoopAnswer = z
  .object({
    queueDepth: count(0),
    running: count(1),
    lag: z.array(z.object({ key: text('openfaas-fn/resize'), seconds: z.number().meta({ examples: [0.4] }) })),
    maxLagSeconds: z.number().meta({ examples: [0.4] }),
    lastFullResyncAt: timestamp().optional(),
    engine: z.object({
      reachable: z.boolean(),
      version: text('26.1.5').optional(),
      error: text('connect ENOENT /var/run/docker.sock').optional()
    }),
    watch: z.object({ connected: z.boolean() }),
    firewall: z.object({
      state: z.enum(['on', 'off', 'unavailable']),
      reason: text('iptables is not installed').optional()
    }),
    ready: z.boolean()
  })
  .meta({
    id: 'LoopState',
    examples: [
      {
        queueDepth: 0,
        running: 1,
        lag: [{ key: 'openfaas-fn/resize', seconds: 0.4 }],
        maxLagSeconds: 0.4,
        lastFullResyncAt: '2026-01-31T10:00:00.000Z',
        engine: { reachable: true, version: '26.1.5' },
        watch: { connected: true },
        firewall: { state: 'on' },
        ready: true
      }
    ]
  })

const AdoptionItem = z
  .object({
    function: text('openfaas-fn/resize'),
    uid: text('7b0e2a52-7d1c-4a43-9d0c-1f1b2f0f6a11'),
    generation: count(3, 'what it would have'),
    replicas: count(2),
    image: text('registry.example/team/resize:1.4.2'),
    runs: count(3, 'generation of what runs'),
    database: count(2, 'generation in the database, if it is there').optional(),
    containers: z.array(text('resize-0')),
    reason: text('the database has an older generation').optional()
  })
  .meta({ id: 'AdoptionItem' })

/** `GET /v1/adopt`. */
export const AdoptionAnswer = z
  .object({
    active: z.boolean(),
    since: timestamp().optional(),
    adopt: z.array(AdoptionItem),
    conflicts: z.array(AdoptionItem),
    delete: z.array(
      z.object({
        kind: text('network'),
        name: text('docker-faas-net-old'),
        owner: text('openfaas-fn/old'),
        verdict: text('older-than-database'),
        reason: text('the database does not know its owner')
      })
    ),
    forged: count(0)
  })
  .meta({ id: 'Adoption' })

/** `POST /v1/adopt`. */
export const AdoptionOutcomeAnswer = z
  .object({
    active: z.boolean(),
    adopted: z.array(text('openfaas-fn/resize')),
    deleted: z.array(text('network docker-faas-net-old'))
  })
  .meta({ id: 'AdoptionOutcome' })
