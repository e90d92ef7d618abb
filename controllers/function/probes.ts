import type { FunctionObject } from '../../api/function.ts'
import { LABEL } from '../../api/labels.ts'
import type { StringMap } from '../../api/meta.ts'
import { type HttpProbe, livenessOf, PROBE_ANNOTATIONS, readinessOf } from '../../api/probe.ts'
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
  const { metadata, spec } = object
  const current = { readiness: readinessOf(object), liveness: livenessOf(object) }
  const isSpecial = spec.probes.ready !== undefined || PROBE_ANNOTATIONS.some(name => name in metadata.annotations)
  const template = isSpecial ? templateHash(spec, metadata.labels) : undefined
  return labels => {
    if (!isSpecial && !SPECIAL.test(labels[LABEL.spec] ?? '')) return current
    const record = parseRecord(labels)
    const wanted = template ?? templateHash(spec, metadata.labels)
    if (record === undefined || templateHash(record.spec, record.labels) === wanted) return current
    const made = { spec: record.spec, metadata: { annotations: record.annotations } }
    return { readiness: readinessOf(made), liveness: livenessOf(made) }
  }
}

/** What a record has where something is said of probes; most have nothing, and need not be read. */
const SPECIAL = /"com\.openfaas\.(?:ready|health)\.http\.|"probes":\{"/
