import type { FunctionObject } from './function.ts'
import { LABEL } from './labels.ts'
import { canonicalJson } from './spec-hash.ts'

/** The label that lets a lost database be made again. */
export function recordLabel({ metadata: { labels, annotations }, spec }: FunctionObject): Record<string, string> {
  return { [LABEL.spec]: canonicalJson({ labels, annotations, spec }) }
}

/** The label that tells a database that is older than what runs. */
export function versionLabel(resourceVersion: number): Record<string, string> {
  return { [LABEL.resourceVersion]: String(resourceVersion) }
}
