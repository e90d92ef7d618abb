import type { Operation, Route } from '../route.ts'

/** `GET /openapi.json`: for whoever has credentials, whatever they are good for. */
export function openapiRoute(routes: readonly Operation[], info: { readonly version: string }): Route {
  const operation: Operation = {
    method: 'get',
    path: '/openapi.json',
    scope: 'any',
    namespace: 'none',
    summary: 'Describe every operation as OpenAPI 3.1',
    answers: { 200: { about: 'this document', schema: 'DocumentAnswer' } }
  }
  // Made when somebody asks: a gateway that nobody asks need not hold the text of every schema.
  let document: Readonly<Record<string, unknown>> | undefined
  return {
    ...operation,
    handler: async ctx => {
      const { toOpenapi } = await import('../openapi/document.ts')
      document ??= toOpenapi([...routes, operation], info)
      ctx.body = document
    }
  }
}
