import * as z from 'zod'
import { type FunctionDraft, FunctionInput, type FunctionObject } from '../../api/function.ts'
import { mergePatch } from '../../api/merge-patch.ts'
import {
  ExistingName,
  initialReplicas,
  type ReplicaLimits,
  requireNewName,
  requireReplicas
} from '../../api/openfaas.ts'
import { isAutoscaled } from '../../api/scaling.ts'
import type { JsonObject } from './body.ts'
import { invalid, parseInput } from './validate.ts'

/** `FunctionInput`, but for a name and a namespace that may be there since the older program. */
export const FunctionBody = FunctionInput.extend({
  metadata: FunctionInput.shape.metadata.extend({ name: ExistingName, namespace: ExistingName.optional() })
})
export type FunctionBody = z.infer<typeof FunctionBody>

/** The same where the path names it. */
export const NamedFunctionBody = FunctionBody.extend({
  metadata: FunctionBody.shape.metadata.partial({ name: true }).optional()
})
/** A merge patch of it. */
export const FunctionPatch = z.object({
  metadata: z.record(z.string(), z.unknown()).nullish(),
  spec: z.record(z.string(), z.unknown()).nullish()
})

/** Body of `POST …/scale`. */
export const ScaleBody = z.strictObject({ replicas: z.int().min(0) })
/** Body of `POST …/rollback`. */
export const RollbackBody = z.strictObject({ revision: z.int().min(1).optional() })

/** The function that a client sent to `/v1`. Throws `ValidationError`. */
export function parseFunction(body: JsonObject): FunctionBody {
  return parseInput(FunctionBody, body)
}

/** The same for one that the path names already: the body may leave its name out, but not give another. */
export function parseNamedFunction(body: unknown, namespace: string, name: string): FunctionBody {
  const parsed = parseInput(FunctionBody, withName(body, name))
  if (parsed.metadata.name !== name) throw invalid('metadata.name', `must be the name in the path, ${name}`)
  if ((parsed.metadata.namespace ?? namespace) !== namespace) {
    throw invalid('metadata.namespace', `must be the namespace of the function, ${namespace}`)
  }
  return parsed
}

/** `current` with an RFC 7396 patch merged in, as if a client had sent the whole. Throws `ValidationError`. */
export function patchFunction(current: FunctionObject, patch: JsonObject): FunctionBody {
  const { name, namespace, labels, annotations } = current.metadata
  // A number that the patch does not name is not a person's wish.
  const { replicas: _asNow, ...spec } = current.spec
  const whole = { metadata: { name, namespace, labels, annotations }, spec }
  return parseNamedFunction(mergePatch(whole, patch), namespace, name)
}

/**
 * What to write down for it. Replicas left out stay as they are, and so does the time of the last restart: a manifest
 * that is applied again must neither scale nor restart. Those that are named hold, unless labels say how the function
 * scales. Throws `ValidationError`.
 */
export function toFunctionDraft(
  body: FunctionBody,
  namespace: string,
  current: FunctionObject | undefined,
  limits: ReplicaLimits
): FunctionDraft {
  const { name, labels, annotations } = body.metadata
  if (current === undefined) {
    requireNewName('metadata.name', name)
    requireNewName('metadata.namespace', namespace)
  }
  const wanted = body.spec.replicas
  if (wanted !== undefined && wanted !== current?.spec.replicas) requireReplicas('spec.replicas', wanted, limits)
  const replicas = wanted ?? current?.spec.replicas ?? initialReplicas(labels, limits, 'metadata.labels')
  const restartedAt = body.spec.restartedAt ?? current?.spec.restartedAt
  return {
    namespace,
    name,
    labels,
    annotations,
    spec: { ...body.spec, replicas, ...(restartedAt === undefined ? {} : { restartedAt }) },
    ...(wanted !== undefined && !isAutoscaled(labels) ? { scale: { pinned: true } } : {})
  }
}

function withName(body: unknown, name: string): unknown {
  if (typeof body !== 'object' || body === null) return body
  const { metadata } = body as { metadata?: unknown }
  if (metadata === undefined) return { ...body, metadata: { name } }
  return typeof metadata === 'object' && metadata !== null ? { ...body, metadata: { name, ...metadata } } : body
}
