import type { FunctionObject, FunctionSpec } from './function.ts'
import { FunctionSpecInput } from './function.ts'
import { LABEL } from './labels.ts'
import type { StringMap } from './meta.ts'
import { canonicalJson } from './spec-hash.ts'

/** What a container says of the function that it was made for. Its environment holds no more than the container's own. */
export interface FunctionRecord {
  readonly labels: StringMap
  readonly annotations: StringMap
  readonly spec: FunctionSpec
}

/** The label that lets a lost database be made again. */
export function recordLabel({ metadata: { labels, annotations }, spec }: FunctionObject): Record<string, string> {
  return { [LABEL.spec]: canonicalJson({ labels, annotations, spec }) }
}

/** The label that tells a database that is older than what runs. */
export function versionLabel(resourceVersion: number): Record<string, string> {
  return { [LABEL.resourceVersion]: String(resourceVersion) }
}

/** The resourceVersion at which an object with these labels was made; 0 when they do not say. */
export function versionOf(labels: StringMap): number {
  const version = Number(labels[LABEL.resourceVersion] ?? 0)
  return Number.isSafeInteger(version) && version > 0 ? version : 0
}

/** What the label says; undefined when there is none, or one that today's rules refuse. */
export function recordOf(labels: StringMap): FunctionRecord | undefined {
  try {
    const { spec, ...rest } = JSON.parse(labels[LABEL.spec] ?? '') as FunctionRecord
    const parsed = FunctionSpecInput.safeParse(spec)
    return parsed.success ? { ...rest, spec: { ...parsed.data, replicas: parsed.data.replicas ?? 1 } } : undefined
  } catch {
    return undefined
  }
}
