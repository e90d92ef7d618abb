import type { RouterContext } from '@koa/router'
import { unknownSettings } from '../../api/setting-names.ts'

/** So many are told of in the answer; the rest is in the event. */
const MAX_WARNINGS = 8

/**
 * Tells a client, by a header `Warning` for each, of labels and annotations that it has likely misspelt.
 * Names of labels and annotations need no quoting. Source of the form: RFC 7234, 5.5, as the API of Kubernetes uses it.
 */
export function warnOfSettings(ctx: RouterContext, metadata: Parameters<typeof unknownSettings>[0]): void {
  for (const { field, message } of unknownSettings(metadata).slice(0, MAX_WARNINGS)) {
    ctx.append('Warning', `299 docker-faas "${field} ${message}"`)
  }
}
