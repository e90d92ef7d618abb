import type { FunctionObject } from '../../../api/function.ts'
import { parseLabelSelector } from '../../../api/label-selector.ts'
import { keyOf } from '../../../api/meta.ts'
import type { FunctionUsageItem } from '../../../api/usage.ts'
import { visibleNamespaces } from '../access.ts'
import type { ApiDeps } from '../deps.ts'
import { LABEL_SELECTOR, NAMESPACE, queryParameter } from '../query.ts'
import type { Route } from '../route.ts'
import { requireFunction } from './functions.ts'

const ANSWERS = {
  200: { about: 'CPU, memory and calls; usage is left out of what cannot be read', schema: 'FunctionUsageListAnswer' }
} as const

/** `/v1/usage` and that of one function: what functions use, and how often they are called. */
export function usageRoutes(deps: ApiDeps): Route[] {
  return [
    {
      method: 'get',
      path: '/v1/usage',
      scope: 'read',
      namespace: 'visible',
      summary: 'List what functions use',
      query: [NAMESPACE, LABEL_SELECTOR],
      answers: ANSWERS,
      handler: async ctx => {
        const selects = parseLabelSelector(queryParameter(ctx, LABEL_SELECTOR) ?? '')
        const objects = await deps.functions.list({ namespaces: visibleNamespaces(ctx) })
        ctx.body = await toUsageList(
          deps,
          objects.filter(object => selects(object.metadata.labels))
        )
      }
    },
    {
      method: 'get',
      path: '/v1/functions/:name/usage',
      scope: 'read',
      namespace: 'query',
      summary: 'Show what a function uses',
      query: [NAMESPACE],
      answers: ANSWERS,
      handler: async ctx => {
        ctx.body = await toUsageList(deps, [await requireFunction(ctx, deps)])
      }
    }
  ]
}

async function toUsageList(deps: ApiDeps, objects: readonly FunctionObject[]) {
  const usages = await deps.usage.of(objects.map(({ metadata }) => keyOf(metadata)))
  const items = objects.map(({ metadata, spec, status }): FunctionUsageItem => {
    const { namespace, name, uid } = metadata
    const key = keyOf(metadata)
    const usage = usages.get(key)
    return {
      metadata: { namespace, name, uid },
      replicas: spec.replicas,
      readyReplicas: status.readyReplicas,
      invocationCount: deps.invocationCount(key),
      inflight: deps.inflight(key),
      ...(usage === undefined ? {} : { usage })
    }
  })
  return { apiVersion: 'v1', kind: 'FunctionUsageList', items } as const
}
