import * as z from 'zod'
import { UserLabels } from './function.ts'
import { Annotations, LEGACY_NAME, Name, patchOf, type StringMap } from './meta.ts'
import { type Quota, quotaFaults, quotaOf, type Usage } from './quota.ts'

/** Annotations, of which those of the quota can be read. */
export const NamespaceAnnotations = Annotations.superRefine((annotations, ctx) => {
  for (const { message } of quotaFaults(annotations)) ctx.addIssue({ code: 'custom', message })
})

const metadata = z.strictObject({
  name: z.string().regex(LEGACY_NAME, 'must be the name of a namespace'),
  labels: UserLabels.default({}),
  annotations: NamespaceAnnotations.default({}),
  resourceVersion: z.unknown().optional(),
  createdAt: z.unknown().optional()
})

/** What a client may send as a namespace on `/v1`. What only the server writes is accepted and ignored. */
export const NamespaceInput = z.strictObject({
  apiVersion: z.literal('v1').optional(),
  kind: z.literal('Namespace').optional(),
  metadata,
  status: z.unknown().optional()
})

/** The same where the path names it. */
export const NamedNamespaceInput = NamespaceInput.extend({
  metadata: metadata.extend({ name: metadata.shape.name.optional() }).optional()
})

/** A merge patch of it. */
export const NamespacePatch = z.strictObject({
  apiVersion: z.literal('v1').optional(),
  kind: z.literal('Namespace').optional(),
  metadata: metadata
    .extend({ labels: patchOf(UserLabels), annotations: patchOf(NamespaceAnnotations) })
    .partial()
    .optional(),
  status: z.unknown().optional()
})

/** What a client says of a namespace. */
export interface NamespaceDraft {
  readonly labels: StringMap
  readonly annotations: StringMap
}

/** A namespace as written down. */
export interface NamespaceObject extends NamespaceDraft {
  readonly name: string
  /** Grows with every write of any object; the ETag. */
  readonly resourceVersion: number
  /** RFC 3339. */
  readonly createdAt: string
}

/** What is wrong with the name of a new namespace; undefined: nothing. One that is there since the older program keeps its own. */
export function namespaceNameFault(name: string): string | undefined {
  return Name.safeParse(name).error?.issues[0]?.message
}

/** The namespace's quota, and what is used of it. */
export function statusOf({ annotations }: NamespaceDraft, used: Usage): { quota: Quota; used: Usage } {
  return { quota: quotaOf(annotations), used }
}
