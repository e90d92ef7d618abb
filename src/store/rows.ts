import {
  type FunctionDraft,
  type FunctionObject,
  type FunctionScale,
  type FunctionSpec,
  type FunctionStatus,
  INITIAL_STATUS,
  type Revision,
  toSpec
} from '../../api/function.ts'
import type { StringMap } from '../../api/meta.ts'
import { canonicalJson } from '../../api/spec-hash.ts'
import type { FunctionRow, RevisionRow } from './entities.ts'

/** The columns of a function that are no identity and no JSON key: everything but `id`. */
export type FunctionColumns = Omit<FunctionRow, 'id'>

export function toObject(row: FunctionColumns): FunctionObject {
  return {
    metadata: {
      name: row.name,
      namespace: row.namespace,
      uid: row.uid,
      generation: row.generation,
      resourceVersion: row.resourceVersion,
      labels: JSON.parse(row.labels) as StringMap,
      annotations: JSON.parse(row.annotations) as StringMap,
      createdAt: row.createdAt,
      updatedAt: row.updatedAt,
      ...(typeof row.deletionRequestedAt === 'string' && { deletionRequestedAt: row.deletionRequestedAt })
    },
    spec: toSpec(JSON.parse(row.spec) as Partial<FunctionSpec>),
    ...(typeof row.scale === 'string' && { scale: JSON.parse(row.scale) as FunctionScale }),
    status: { ...INITIAL_STATUS, ...(JSON.parse(row.status) as Partial<FunctionStatus>) }
  }
}

export function fromObject({ metadata, spec, scale, status }: FunctionObject): FunctionColumns {
  return {
    namespace: metadata.namespace,
    name: metadata.name,
    uid: metadata.uid,
    generation: metadata.generation,
    resourceVersion: metadata.resourceVersion,
    spec: canonicalJson(spec),
    labels: canonicalJson(metadata.labels),
    annotations: canonicalJson(metadata.annotations),
    status: canonicalJson(status),
    createdAt: metadata.createdAt,
    updatedAt: metadata.updatedAt,
    deletionRequestedAt: metadata.deletionRequestedAt ?? null,
    scale: scale === undefined || Object.keys(scale).length === 0 ? null : canonicalJson(scale)
  }
}

export function toRevision(row: RevisionRow): Revision {
  return {
    revision: row.revision,
    labels: JSON.parse(row.labels) as StringMap,
    annotations: JSON.parse(row.annotations) as StringMap,
    spec: toSpec(JSON.parse(row.spec) as Partial<FunctionSpec>),
    createdAt: row.createdAt
  }
}

/** What `generation` counts, as text that is equal when nothing really changed. */
export function deploymentOf({ spec, labels, annotations }: Pick<FunctionDraft, 'spec' | 'labels' | 'annotations'>) {
  return canonicalJson({ spec, labels, annotations })
}

/** What a revision holds: a deployment, however many replicas it has. */
export function templateOf(draft: Pick<FunctionDraft, 'spec' | 'labels' | 'annotations'>) {
  return deploymentOf({ ...draft, spec: { ...draft.spec, replicas: 0 } })
}

/** Whether both say the same; nothing decided is an empty one. */
export function isSameScale(a: FunctionScale | undefined, b: FunctionScale | undefined): boolean {
  return canonicalJson(a ?? {}) === canonicalJson(b ?? {})
}

/** What a status says, whenever it was said. */
export function statementOf(status: FunctionStatus): string {
  return canonicalJson({ ...status, lastReconciledAt: undefined })
}
