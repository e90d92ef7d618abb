import type { FunctionObject } from '../../api/function.ts'
import { LABEL } from '../../api/labels.ts'
import type { StringMap } from '../../api/meta.ts'
import { type HttpProbe, livenessOf, readinessOf } from '../../api/probe.ts'
import { parseRecord } from '../../api/record.ts'
import { templateHash } from '../../api/spec-hash.ts'

/** What is asked of a replica. */
export interface Probes {
  readonly readiness: HttpProbe
  /** Absent: it is not asked whether it lives. */
  readonly liveness?: HttpProbe | undefined
}

/**
 * What is asked of a replica with these labels: what the function says now, or, of one of an earlier revision, what it said when
 * that one was made, as an old program may not know what the new one is asked. Pure.
 */
export function probesOf(object: FunctionObject): (labels: StringMap) => Probes {
  const { metadata, spec, status } = object
  const current = { readiness: readinessOf(object), liveness: livenessOf(object) }
  const template = templateHash(spec, metadata.labels)
  const knownHash = status.image?.templateHash === template ? status.specHash : undefined
  return labels => {
    if (knownHash !== undefined && labels[LABEL.specHash] === knownHash) return current
    const record = parseRecord(labels)
    if (record === undefined || templateHash(record.spec, record.labels) === template) return current
    const made = { spec: record.spec, metadata: { ...metadata, annotations: record.annotations } }
    return { readiness: readinessOf(made), liveness: livenessOf(made) }
  }
}
