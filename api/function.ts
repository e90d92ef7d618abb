import * as z from 'zod'
import type { Condition } from './condition.ts'
import { parseImageReference } from './image-reference.ts'
import { isReservedLabel } from './labels.ts'
import { Annotations, Labels, Name, type ObjectMeta, type StringMap } from './meta.ts'
import { parseCpu, parseMemory } from './quantity.ts'

const Memory = z
  .string()
  .refine(text => parseMemory(text) !== undefined, 'must be a memory quantity such as "128Mi", "1Gi" or "256m"')
  .meta({ examples: ['128Mi', '1Gi'] })
const Cpu = z
  .string()
  .refine(text => parseCpu(text) !== undefined, 'must be a CPU quantity such as "500m", "0.5" or "2"')
  .meta({ examples: ['500m', '0.5'] })
const Resources = z.strictObject({ memory: Memory.optional(), cpu: Cpu.optional() })

const EnvName = z
  .string()
  .max(256, 'must be at most 256 characters')
  .regex(/^[-._a-zA-Z][-._a-zA-Z0-9]*$/, 'must be letters, digits, "-", "_" and ".", not starting with a digit')
const EnvValue = z.string().refine(value => !value.includes('\0'), 'must not contain a NUL character')

/** Bytes of all environment names and values of one function together. */
export const MAX_ENV_BYTES = 256 * 1024

const Env = z
  .record(EnvName, EnvValue)
  .refine(
    env =>
      Object.entries(env).reduce((sum, [k, v]) => sum + Buffer.byteLength(k) + Buffer.byteLength(v), 0) <=
      MAX_ENV_BYTES,
    `must be at most ${MAX_ENV_BYTES} bytes together`
  )

/** Name of a secret: it is a file name in the container. */
export const SecretName = z
  .string()
  .max(253, 'must be at most 253 characters')
  .regex(
    /^[a-zA-Z0-9]([-a-zA-Z0-9_.]*[a-zA-Z0-9])?$/,
    'must be letters, digits, "-", "_" and ".", starting and ending with a letter or digit'
  )

const ProbePath = z
  .string()
  .max(1024, 'must be at most 1024 characters')
  .regex(/^\/[\x21-\x7e]*$/, 'must be a path that starts with "/", such as "/ready"')

/** More replicas than any one host runs; the operator's own bound is `MAX_REPLICAS`. */
const REPLICAS_CEILING = 10_000

const specShape = {
  /** Image reference, with or without registry, tag and digest. */
  image: z
    .string()
    .refine(
      text => parseImageReference(text) !== undefined,
      'must be an image reference such as "alpine:3.20" or "registry.example/team/fn@sha256:…"'
    )
    .meta({ examples: ['registry.example/team/resize:1.4.2', 'alpine:3.20'] }),
  /** How many are wanted. Left out: as many as now; for a new function, `DEFAULT_REPLICAS`. */
  replicas: z.int().min(0).max(REPLICAS_CEILING).optional(),
  /** The process that the watchdog runs; reaches the container as `fprocess`. */
  envProcess: EnvValue.max(4096, 'must be at most 4096 characters').default(''),
  env: Env.default({}),
  secrets: z
    .array(SecretName)
    .max(64, 'must have at most 64 entries')
    .refine(names => new Set(names).size === names.length, 'must not name a secret twice')
    .default([]),
  limits: Resources.default({}),
  requests: Resources.default({}),
  readOnlyRootFilesystem: z.boolean().default(false),
  /** Binds the debug ports 40000 (Delve), 5678 (debugpy) and 9229 (Node inspector) on `DEBUG_BIND_ADDRESS`. */
  debug: z.boolean().default(false),
  /** Kept and given back for clients of the older program; Docker FaaS chooses the network. */
  network: z.string().max(255, 'must be at most 255 characters').optional(),
  /** Kept and given back for OpenFaaS clients; one host has nothing to choose from. */
  constraints: z.array(z.string().max(1024)).max(64).default([]),
  probes: z.strictObject({ ready: z.strictObject({ path: ProbePath }).optional() }).default({}),
  /** RFC 3339; a new value replaces every replica, one after the other. Set by `POST …/restart`. */
  restartedAt: z.iso.datetime().optional()
}

/** What a client may send as spec; unknown fields are errors. */
export const FunctionSpecInput = z.strictObject(specShape)
export type FunctionSpecInput = z.infer<typeof FunctionSpecInput>

/** What is wanted, with every default filled in. */
export type FunctionSpec = FunctionSpecInput & { readonly replicas: number }

const SPEC_DEFAULTS = FunctionSpecInput.parse({ image: 'scratch' })

/**
 * A spec that was written down, with the fields that its release did not know at their defaults. One that today's rules
 * would refuse (an older program had fewer) is given as it was written.
 */
export function toSpec(stored: Partial<FunctionSpec>): FunctionSpec {
  const parsed = FunctionSpecInput.safeParse(stored)
  const spec = parsed.success ? parsed.data : { ...SPEC_DEFAULTS, ...stored }
  return { ...spec, replicas: spec.replicas ?? 1 }
}

/** Labels that a client may set. */
export const UserLabels = Labels.superRefine((labels, ctx) => {
  for (const key of Object.keys(labels)) {
    if (isReservedLabel(key)) {
      ctx.addIssue({ code: 'custom', path: [key], message: 'is reserved: Docker FaaS knows its own objects by it' })
    }
  }
})

/** What a client may send as a function on `/v1`. What only the server writes is accepted and ignored, as Kubernetes does. */
export const FunctionInput = z.strictObject({
  apiVersion: z.literal('v1').optional(),
  kind: z.literal('Function').optional(),
  metadata: z.strictObject({
    name: Name,
    namespace: Name.optional(),
    labels: UserLabels.default({}),
    annotations: Annotations.default({}),
    uid: z.unknown().optional(),
    generation: z.unknown().optional(),
    resourceVersion: z.unknown().optional(),
    createdAt: z.unknown().optional(),
    updatedAt: z.unknown().optional(),
    deletionRequestedAt: z.unknown().optional()
  }),
  spec: FunctionSpecInput,
  status: z.unknown().optional()
})
export type FunctionInput = z.infer<typeof FunctionInput>

/** A host port that leads to a debugger in a replica. */
export interface DebugPort {
  readonly ordinal: number
  readonly containerPort: number
  readonly address: string
  readonly hostPort: number
}

/** The image that a revision is pinned to, however its tag moves. */
export interface PinnedImage {
  /** As the spec names it. */
  readonly reference: string
  /** Hash of the parts of the spec it was resolved for; another one resolves anew. */
  readonly templateHash: string
  /** Id of the image in the engine (`sha256:…`, of its config). */
  readonly id: string
  /** `repository@sha256:…` when it came from a registry. */
  readonly digest?: string
}

/** What is known of the exits of one ordinal's containers, for back-off; kept until a replica ran well for a while. */
export interface RestartRecord {
  readonly ordinal: number
  /** Exits in a row, each soon after its start. */
  readonly count: number
  readonly exitCode: number
  readonly oomKilled: boolean
  /** Whether its process ran at all. */
  readonly started: boolean
  /** It did not exit: it did not say in time that it lives, and was replaced. `lastOutput` says what it said instead. */
  readonly unhealthy?: true
  /** Id prefix of the container that exited, so that one exit counts once. */
  readonly container: string
  /** RFC 3339; when the run that ended had begun, which tells it from another one of the same container. */
  readonly startedAt?: string
  /** RFC 3339. */
  readonly exitedAt: string
  /** RFC 3339; not replaced before. */
  readonly notBefore: string
  /** The last lines it wrote, or why it could not be started; at most 1 KiB. */
  readonly lastOutput: string
}

/** What was last seen; written by the function controller only. */
export interface FunctionStatus {
  /** The generation that the pass planned for; 0 before the first. */
  readonly observedGeneration: number
  /** Containers that exist for it, of any revision. */
  readonly replicas: number
  /** Of these, the ones that answer. */
  readonly readyReplicas: number
  /** Containers that are frozen until a call comes; they are not ready. */
  readonly frozenReplicas: number
  /** Of all, the ones with another spec hash than wanted. */
  readonly outdatedReplicas: number
  /** 8 hex; the hash that replicas are compared with, or were before secrets went missing. Absent until the image is resolved. */
  readonly specHash?: string
  readonly conditions: readonly Condition[]
  readonly debugPorts: readonly DebugPort[]
  readonly image?: PinnedImage
  readonly restarts: readonly RestartRecord[]
  /** The same for replicas of an earlier revision, which serve until their successors do. */
  readonly outdatedRestarts: readonly RestartRecord[]
  /** RFC 3339; the pass that last found something to write here. */
  readonly lastReconciledAt?: string
}

/** Status of a function that no pass has looked at yet. */
export const INITIAL_STATUS: FunctionStatus = {
  observedGeneration: 0,
  replicas: 0,
  readyReplicas: 0,
  frozenReplicas: 0,
  outdatedReplicas: 0,
  conditions: [],
  debugPorts: [],
  restarts: [],
  outdatedRestarts: []
}

/** What was decided about the size of a function beside `spec.replicas`, since its last deployment. */
export interface FunctionScale {
  /** A person set the number of replicas: the autoscaler leaves it. */
  readonly pinned?: boolean
  /** An alert that fires has scaled it up, and is not over: the autoscaler leaves it. */
  readonly alerted?: boolean
  /** RFC 3339; since when its replicas are to be frozen. Absent: they are to run. */
  readonly frozenSince?: string
}

/** A function as stored and as given out on `/v1`. */
export interface FunctionObject {
  readonly metadata: ObjectMeta
  readonly spec: FunctionSpec
  /** Absent when nothing was decided. */
  readonly scale?: FunctionScale
  readonly status: FunctionStatus
}

/** What is written down when a function is put: everything but what the store decides. */
export interface FunctionDraft {
  readonly namespace: string
  readonly name: string
  readonly labels: StringMap
  readonly annotations: StringMap
  readonly spec: FunctionSpec
  /** Left out: whatever was decided before is over, as a deployment has it. */
  readonly scale?: FunctionScale
}

/** One state of a function's spec that it can be rolled back to. */
export interface Revision {
  /** The generation that brought it; unique per uid. */
  readonly revision: number
  readonly labels: StringMap
  readonly annotations: StringMap
  readonly spec: FunctionSpec
  /** RFC 3339. */
  readonly createdAt: string
}
