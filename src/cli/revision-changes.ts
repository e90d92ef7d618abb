import { isDeepStrictEqual } from 'node:util'
import type { Revision } from '../../api/function.ts'

/**
 * The fields of the spec that `after` has otherwise than `before`, and `labels` and `annotations`, by name; nothing for the
 * oldest revision that is kept. Replicas make no revision.
 */
export function changedFields(before: Revision | undefined, after: Revision): string[] {
  if (before === undefined) return []
  const [old, now] = [flat(before), flat(after)]
  return Object.keys({ ...old, ...now })
    .filter(field => field !== 'replicas' && !isDeepStrictEqual(old[field], now[field]))
    .sort()
}

function flat({ spec, labels, annotations }: Revision): Record<string, unknown> {
  return { ...spec, labels, annotations }
}
