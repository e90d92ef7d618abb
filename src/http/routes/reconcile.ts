import type { ApiDeps } from '../deps.ts'
import type { Route } from '../route.ts'

/** `/v1/plan`, `/v1/reconcile`: what the loop would do and is doing. */
export function reconcileRoutes(deps: ApiDeps): Route[] {
  return [
    {
      method: 'get',
      path: '/v1/plan',
      scope: 'read',
      namespace: 'gateway',
      summary: 'Say what the loop and the garbage collector would do now',
      answers: { 200: { about: 'steps of each function, and garbage', schema: 'PlanAnswer' } },
      handler: async ctx => {
        ctx.body = await deps.loop.previewAll()
      }
    },
    {
      method: 'get',
      path: '/v1/reconcile',
      scope: 'read',
      namespace: 'gateway',
      summary: 'Show the state of the loop',
      answers: { 200: { about: 'the state of the loop', schema: 'LoopAnswer' } },
      handler: ctx => {
        ctx.body = deps.loop.state()
      }
    },
    {
      method: 'post',
      path: '/v1/reconcile',
      scope: 'deploy',
      namespace: 'gateway',
      summary: 'Look at every function at once',
      answers: { 202: { about: 'the state of the loop', schema: 'LoopAnswer' } },
      handler: ctx => {
        deps.loop.resync()
        ctx.status = 202
        ctx.body = deps.loop.state()
      }
    }
  ]
}
