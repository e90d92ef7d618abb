import * as z from 'zod'
import { ValidationError } from './errors.ts'
import { type FunctionDraft, FunctionInput, type FunctionObject, FunctionSpecInput, SecretName } from './function.ts'
import { DEFAULT_NAMESPACE, LEGACY_NAME, type StringMap } from './meta.ts'
import { MAX_SECRET_BYTES } from './secret.ts'
import type { FunctionUsage } from './usage.ts'
import { text, texts, timestamp } from './wire/shape.ts'

/** The operator's bounds on replicas. */
export interface ReplicaLimits {
  readonly maxReplicas: number
  readonly defaultReplicas: number
}

export const MIN_REPLICAS_LABEL = 'com.openfaas.scale.min'
/** Given back on every function, so never the user's own. */
const NAME_LABEL = 'faas_function'
/** What the name of a new function, and its namespace, must be. */
export const NAME_RULE = 'must be a DNS label: 1 to 63 of a-z, 0-9 and "-", starting and ending with a letter or digit'

const spec = FunctionSpecInput.shape
const metadata = FunctionInput.shape.metadata.shape

/** Name of a function that may be there since the older program; a new one must be a DNS label. */
export const ExistingName = z.string().regex(LEGACY_NAME, NAME_RULE)

/** Body of `POST` and `PUT /system/functions`. Unknown fields are ignored, null is absent, as Go's decoder has it. */
export const Deployment = z
  .preprocess(
    body => withoutNulls(body, { resources: true }),
    z.object({
      service: ExistingName,
      image: spec.image,
      namespace: ExistingName.optional(),
      envProcess: spec.envProcess,
      envVars: spec.env,
      constraints: spec.constraints,
      secrets: spec.secrets,
      labels: metadata.labels,
      annotations: metadata.annotations,
      limits: spec.limits,
      requests: spec.requests,
      readOnlyRootFilesystem: spec.readOnlyRootFilesystem,
      debug: spec.debug,
      network: spec.network
    })
  )
  .meta({
    examples: [
      {
        service: 'resize',
        namespace: 'openfaas-fn',
        image: 'registry.example/team/resize:1.4.2',
        envVars: { LOG_LEVEL: 'info' },
        secrets: ['api-key'],
        labels: { 'com.openfaas.scale.min': '1' },
        limits: { memory: '128Mi' }
      }
    ]
  })
export type Deployment = z.infer<typeof Deployment>

/** Body of `DELETE /system/functions`. */
export const DeleteRequest = z
  .preprocess(body => withoutNulls(body), z.object({ functionName: z.string(), namespace: ExistingName.optional() }))
  .meta({ examples: [{ functionName: 'resize', namespace: 'openfaas-fn' }] })

/** Body of `POST /system/scale-function/{name}`; the path's name wins over `serviceName`. */
export const ScaleRequest = z
  .preprocess(body => withoutNulls(body), z.object({ replicas: z.int().min(0), namespace: ExistingName.optional() }))
  .meta({ examples: [{ serviceName: 'resize', replicas: 3, namespace: 'openfaas-fn' }] })

const valueShape = {
  value: z.string().optional(),
  /** Base64; goes before `value`, as in OpenFaaS. */
  rawValue: z
    .string()
    .regex(/^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/, 'must be base64')
    .meta({ examples: ['cGFzc3dvcmQ='] })
    .optional()
}

/** What `toSecretValue` asks for, as JSON Schema has it. */
const ONE_VALUE = { anyOf: [{ required: ['value'] }, { required: ['rawValue'] }] }

/** Body of `PUT /v1/secrets/{name}`. */
export const SecretValue = z.strictObject(valueShape).meta({ ...ONE_VALUE, examples: [{ value: '<value>' }] })

/** Body of `POST` and `PUT /system/secrets`. */
export const SecretRequest = z
  .preprocess(
    body => withoutNulls(body),
    z.object({ name: SecretName, namespace: ExistingName.optional(), ...valueShape })
  )
  .meta({ ...ONE_VALUE, examples: [{ name: 'api-key', namespace: 'openfaas-fn', value: '<value>' }] })

/** Body of `DELETE /system/secrets`. */
export const SecretNamed = z
  .preprocess(body => withoutNulls(body), z.object({ name: SecretName, namespace: ExistingName.optional() }))
  .meta({ examples: [{ name: 'api-key', namespace: 'openfaas-fn' }] })

/** The value that a body holds. Throws `ValidationError`, without the value, when it holds none or too much. */
export function toSecretValue({ value, rawValue }: z.infer<typeof SecretValue>): Buffer {
  const isRaw = rawValue !== undefined && rawValue !== ''
  if (!isRaw && value === undefined) throw new ValidationError([{ field: 'value', message: 'is required: a string' }])
  const bytes = isRaw ? Buffer.from(rawValue, 'base64') : Buffer.from(value ?? '')
  if (bytes.length <= MAX_SECRET_BYTES) return bytes
  const message = `must be at most ${MAX_SECRET_BYTES} bytes, and has ${bytes.length}`
  throw new ValidationError([{ field: isRaw ? 'rawValue' : 'value', message }])
}

/** A function as `GET /system/functions` gives it; env, limits and requests are left out when unset. */
export interface FunctionStatusWire {
  readonly name: string
  readonly namespace: string
  readonly image: string
  readonly envProcess?: string
  readonly envVars?: StringMap
  readonly constraints?: readonly string[]
  readonly secrets?: readonly string[]
  readonly labels: StringMap
  readonly annotations?: StringMap
  readonly limits?: Resources
  readonly requests?: Resources
  readonly readOnlyRootFilesystem?: true
  readonly debug?: true
  readonly network?: string
  readonly replicas: number
  readonly availableReplicas: number
  readonly invocationCount: number
  /** Of all replicas together; left out unless it is asked for and can be read. */
  readonly usage?: UsageWire
  /** RFC 3339. */
  readonly createdAt: string
}

/** What is 0 is left out. */
interface UsageWire {
  /** Thousandths of a core. */
  readonly cpu?: number
  readonly totalMemoryBytes?: number
}

interface Resources {
  readonly memory?: string | undefined
  readonly cpu?: string | undefined
}

/**
 * What to write down for a deployment that breaks no rule (`functionViolations`). What its wire has no word for (probes,
 * restartedAt) stays as it is in `current`, and so do the replicas.
 */
export function fromDeployment(
  wire: Deployment,
  current: FunctionObject | undefined,
  limits: ReplicaLimits
): FunctionDraft {
  const labels = Object.fromEntries(Object.entries(wire.labels).filter(([key]) => key !== NAME_LABEL))
  return {
    namespace: wire.namespace ?? DEFAULT_NAMESPACE,
    name: wire.service,
    labels,
    annotations: wire.annotations,
    spec: {
      image: wire.image,
      replicas: current?.spec.replicas ?? initialReplicas(labels, limits),
      envProcess: wire.envProcess,
      env: wire.envVars,
      secrets: wire.secrets,
      limits: wire.limits,
      requests: wire.requests,
      readOnlyRootFilesystem: wire.readOnlyRootFilesystem,
      debug: wire.debug,
      constraints: wire.constraints,
      probes: current?.spec.probes ?? {},
      // An empty one is how Go's encoder says none.
      ...((wire.network ?? '') === '' ? {} : { network: wire.network }),
      ...(current?.spec.restartedAt === undefined ? {} : { restartedAt: current.spec.restartedAt })
    }
  }
}

/** The OpenFaaS view of a function. */
export function toFunctionStatus(
  object: FunctionObject,
  invocationCount: number,
  usage?: FunctionUsage
): FunctionStatusWire {
  const { metadata: meta, spec: wanted, status } = object
  return {
    name: meta.name,
    namespace: meta.namespace,
    image: wanted.image,
    ...ifAny('envProcess', wanted.envProcess),
    ...ifAny('envVars', wanted.env),
    ...ifAny('constraints', wanted.constraints),
    ...ifAny('secrets', wanted.secrets),
    labels: { ...meta.labels, [NAME_LABEL]: meta.name },
    ...ifAny('annotations', meta.annotations),
    ...ifAny('limits', wanted.limits),
    ...ifAny('requests', wanted.requests),
    ...(wanted.readOnlyRootFilesystem ? { readOnlyRootFilesystem: true } : {}),
    ...(wanted.debug ? { debug: true } : {}),
    ...ifAny('network', wanted.network ?? ''),
    replicas: wanted.replicas,
    availableReplicas: status.readyReplicas,
    invocationCount,
    ...(usage === undefined ? {} : ifAny('usage', toUsageWire(usage))),
    createdAt: meta.createdAt
  }
}

function toUsageWire({ cpuMillicores, memoryBytes }: FunctionUsage): UsageWire {
  return {
    ...(cpuMillicores === 0 ? {} : { cpu: cpuMillicores }),
    ...(memoryBytes === 0 ? {} : { totalMemoryBytes: memoryBytes })
  }
}

/** One container of a function, as the older program's `GET /system/function/{name}/containers` gives it. */
export const FunctionContainer = z
  .object({
    id: text('4be0a3c5d1f2'),
    name: text('resize-0'),
    ipAddress: text('10.100.0.3', 'empty while it does not run'),
    status: text('running'),
    ports: texts({ '9229/tcp': '127.0.0.1:20003' }).describe('ports of the host that lead to its debuggers'),
    createdAt: timestamp()
  })
  .meta({ id: 'FunctionContainer' })
export type FunctionContainer = z.infer<typeof FunctionContainer>

/** Replicas of a new function that names no number: its label `com.openfaas.scale.min`, else the default. */
export function initialReplicas(labels: StringMap, limits: ReplicaLimits): number {
  return minReplicasOf(labels) ?? Math.min(limits.defaultReplicas, limits.maxReplicas)
}

/** What the label `com.openfaas.scale.min` says; one that is no positive integer counts as none, as in faas-netes. */
export function minReplicasOf(labels: StringMap): number | undefined {
  const text = labels[MIN_REPLICAS_LABEL] ?? ''
  return /^[1-9]\d{0,8}$/.test(text) ? Number(text) : undefined
}

/** Says that a number of replicas is above `MAX_REPLICAS`; nothing when it is not. */
export function tooManyReplicas(replicas: number, { maxReplicas }: ReplicaLimits): string[] {
  return replicas <= maxReplicas ? [] : [`must be at most ${maxReplicas} (MAX_REPLICAS), got ${replicas}`]
}

/** Throws `ValidationError`, naming `field`, when a number of replicas is above `MAX_REPLICAS`. */
export function requireReplicas(field: string, replicas: number, limits: ReplicaLimits): void {
  const faults = tooManyReplicas(replicas, limits)
  if (faults.length > 0) throw new ValidationError(faults.map(message => ({ field, message })))
}

function ifAny<K extends string, T extends string | object>(key: K, value: T): { readonly [P in K]?: T } {
  const empty = typeof value === 'string' ? value === '' : Object.keys(value).length === 0
  return empty ? {} : ({ [key]: value } as { readonly [P in K]: T })
}

/** The fields of a body that are there: null and an empty namespace are absent, as Go's decoder has it. */
export function withoutNulls(body: unknown, options: { resources?: boolean } = {}): unknown {
  if (!isRecord(body)) return body
  const present = Object.entries(body)
    // An empty namespace is how Go's encoder says none.
    .filter(([key, value]) => value !== null && !(key === 'namespace' && value === ''))
    .map(([key, value]) => [key, options.resources && isResources(key) ? quantities(value) : value])
  return Object.fromEntries(present)
}

function isResources(key: string): boolean {
  return key === 'limits' || key === 'requests'
}

function quantities(value: unknown): unknown {
  if (!isRecord(value)) return value
  const known = Object.entries(value).filter(([key]) => key === 'memory' || key === 'cpu')
  // OpenFaaS on Kubernetes gives back "0" for the one of the two that nobody set.
  return Object.fromEntries(known.filter(([, quantity]) => quantity !== null && quantity !== '' && quantity !== '0'))
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
