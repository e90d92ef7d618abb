import { type FunctionObject, type FunctionSpec, toSpec } from './function.ts'
import { LABEL } from './labels.ts'
import type { StringMap } from './meta.ts'
import { canonicalJson } from './spec-hash.ts'

/** What a container was made for, as its labels say. */
export interface FunctionRecord {
  readonly labels: StringMap
  readonly annotations: StringMap
  readonly spec: FunctionSpec
}

/** The label that lets a lost database be made again. */
export function recordLabel({ metadata: { labels, annotations }, spec }: FunctionObject): Record<string, string> {
  return { [LABEL.spec]: canonicalJson({ labels, annotations, spec }) }
}

/** What `recordLabel` wrote; undefined when there is no such label, or it cannot be read. */
export function parseRecord(labels: StringMap): FunctionRecord | undefined {
  const text = labels[LABEL.spec]
  if (text === undefined) return undefined
  try {
    const record = JSON.parse(text) as Partial<FunctionRecord>
    return { labels: record.labels ?? {}, annotations: record.annotations ?? {}, spec: toSpec(record.spec ?? {}) }
  } catch {
    return undefined // whoever signed it wrote no JSON: it says nothing
  }
}

/** The label that tells a database that is older than what runs. */
export function versionLabel(resourceVersion: number): Record<string, string> {
  return { [LABEL.resourceVersion]: String(resourceVersion) }
}

/** What `versionLabel` wrote; 0 when there is none. */
export function parseVersion(labels: StringMap): number {
  const version = Number(labels[LABEL.resourceVersion] ?? 0)
  return Number.isSafeInteger(version) ? version : 0
}
