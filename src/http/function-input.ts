import * as z from 'zod'
import type { FieldError } from '../../api/errors.ts'
import { type FunctionDraft, FunctionInput, type FunctionObject } from '../../api/function.ts'
import { mergePatch } from '../../api/merge-patch.ts'
import { patchOf } from '../../api/meta.ts'
import { ExistingName, initialReplicas, type ReplicaLimits } from '../../api/openfaas.ts'
import { isAutoscaled } from '../../api/scaling.ts'
import type { JsonObject } from './body.ts'
import { isRecord, type Reading, readInput } from './validate.ts'

const SPEC = {
  image: 'registry.example/team/resize:1.4.2',
  replicas: 2,
  env: { LOG_LEVEL: 'info' },
  secrets: ['api-key'],
  limits: { memory: '128Mi', cpu: '500m' }
}

/** `FunctionInput`, but for a name and a namespace that may be there since the older program. */
export const FunctionBody = FunctionInput.extend({
  metadata: FunctionInput.shape.metadata.extend({ name: ExistingName, namespace: ExistingName.optional() })
}).meta({ examples: [{ metadata: { name: 'resize', labels: { team: 'images' } }, spec: SPEC }] })
export type FunctionBody = z.infer<typeof FunctionBody>

const spec = FunctionInput.shape.spec.shape
const metadata = FunctionInput.shape.metadata.shape

/** The same where the path names it. */
export const NamedFunctionBody = FunctionBody.extend({
  metadata: FunctionBody.shape.metadata.partial({ name: true }).optional()
}).meta({ examples: [{ spec: SPEC }] })
/** A merge patch of it: null removes a field, or an entry of one. */
export const FunctionPatch = z
  .strictObject({
    ...FunctionInput.omit({ metadata: true, spec: true }).shape,
    metadata: FunctionInput.shape.metadata
      .extend({ labels: patchOf(metadata.labels.unwrap()), annotations: patchOf(metadata.annotations.unwrap()) })
      .partial()
      .nullish(),
    spec: z
      .strictObject({
        ...nullish(spec),
        env: patchOf(spec.env.unwrap()),
        limits: nullishResources(),
        requests: nullishResources(),
        image: spec.image.optional()
      })
      .optional()
  })
  .meta({ examples: [{ spec: { env: { LOG_LEVEL: 'debug', OLD_SETTING: null } } }] })

/** Body of `POST …/scale`. */
export const ScaleBody = z.strictObject({ replicas: z.int().min(0) }).meta({ examples: [{ replicas: 3 }] })
/** Body of `POST …/rollback`. */
export const RollbackBody = z
  .strictObject({ revision: z.int().min(1).optional() })
  .meta({ examples: [{ revision: 2 }] })

/** The function that a client sent to `/v1`. */
export function readFunction(body: JsonObject): Reading<FunctionBody> {
  return readInput(FunctionBody, body)
}

/** The same for one that the path names already: the body may leave its name out, but not give another. */
export function readNamedFunction(body: unknown, namespace: string, name: string): Reading<FunctionBody> {
  const reading = readInput(FunctionBody, withName(body, name))
  const errors = [...('errors' in reading ? reading.errors : []), ...mismatches(body, namespace, name)]
  return errors.length > 0 ? { errors } : reading
}

/** What a client would have sent as the whole: `current` with an RFC 7396 patch merged in. */
export function patchedBody(current: FunctionObject, patch: JsonObject): unknown {
  const { name, namespace, labels, annotations } = current.metadata
  // A number that the patch does not name is not a person's wish.
  const { replicas: _asNow, ...spec } = current.spec
  return mergePatch({ metadata: { name, namespace, labels, annotations }, spec }, patch)
}

/**
 * What to write down for it, if it breaks no rule (`functionViolations`). Replicas left out stay as they are, and so does the
 * time of the last restart: a manifest that is applied again must neither scale nor restart. Those that are named hold, unless
 * labels say how the function scales.
 */
export function toFunctionDraft(
  body: FunctionBody,
  namespace: string,
  current: FunctionObject | undefined,
  limits: ReplicaLimits
): FunctionDraft {
  const { name, labels, annotations } = body.metadata
  const replicas = body.spec.replicas ?? current?.spec.replicas ?? initialReplicas(labels, limits)
  const restartedAt = body.spec.restartedAt ?? current?.spec.restartedAt
  return {
    namespace,
    name,
    labels,
    annotations,
    spec: { ...body.spec, replicas, ...(restartedAt === undefined ? {} : { restartedAt }) },
    ...(body.spec.replicas !== undefined && !isAutoscaled(labels) ? { scale: { pinned: true } } : {})
  }
}

function nullish(shape: z.core.$ZodLooseShape) {
  return Object.fromEntries(Object.entries(shape).map(([name, field]) => [name, (field as z.ZodType).nullish()]))
}

function nullishResources() {
  return z.strictObject(nullish(spec.limits.unwrap().shape)).nullish()
}

function mismatches(body: unknown, namespace: string, name: string): FieldError[] {
  const metadata = isRecord(body) && isRecord(body['metadata']) ? body['metadata'] : {}
  const isOther = (field: string, wanted: string) => typeof metadata[field] === 'string' && metadata[field] !== wanted
  return [
    ...(isOther('name', name) ? [{ field: 'metadata.name', message: `must be the name in the path, ${name}` }] : []),
    ...(isOther('namespace', namespace)
      ? [{ field: 'metadata.namespace', message: `must be the namespace of the function, ${namespace}` }]
      : [])
  ]
}

function withName(body: unknown, name: string): unknown {
  if (typeof body !== 'object' || body === null) return body
  const { metadata } = body as { metadata?: unknown }
  if (metadata === undefined) return { ...body, metadata: { name } }
  return typeof metadata === 'object' && metadata !== null ? { ...body, metadata: { name, ...metadata } } : body
}
