import type { ScheduleView } from '../../../api/schedule-view.ts'
import { visibleNamespaces } from '../access.ts'
import type { ApiDeps } from '../deps.ts'
import { NAMESPACE } from '../query.ts'
import type { Route } from '../route.ts'
import { requireFunction } from './functions.ts'

const ANSWERS = {
  200: { about: 'schedules: the last run, the next, and how many there were', schema: 'ScheduleListAnswer' }
} as const

/** `/v1/schedules` and those of one function: when functions are, and were, called by the clock. */
export function scheduleRoutes(deps: ApiDeps): Route[] {
  return [
    {
      method: 'get',
      path: '/v1/schedules',
      scope: 'read',
      namespace: 'visible',
      summary: 'List schedules of functions',
      query: [NAMESPACE],
      answers: ANSWERS,
      handler: async ctx => {
        const objects = await deps.functions.list({ namespaces: visibleNamespaces(ctx) })
        ctx.body = toScheduleList(await deps.schedules.list(objects))
      }
    },
    {
      method: 'get',
      path: '/v1/functions/:name/schedules',
      scope: 'read',
      namespace: 'query',
      summary: 'List the schedules of a function',
      query: [NAMESPACE],
      answers: ANSWERS,
      handler: async ctx => {
        ctx.body = toScheduleList(await deps.schedules.list([await requireFunction(ctx, deps)]))
      }
    }
  ]
}

function toScheduleList(items: readonly ScheduleView[]) {
  return { apiVersion: 'v1', kind: 'ScheduleList', items } as const
}
