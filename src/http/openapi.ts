import * as z from 'zod'
import { SCOPES } from '../../api/scope.ts'
import type { Operation, Route, RouteAnswer } from './route.ts'

/** What the document leaves out of JSON Schema: nothing is checked by it. */
type Json = Readonly<Record<string, unknown>>

const JSON_TYPE = 'application/json'
const PROBLEM = { $ref: '#/components/schemas/Problem' }

/** The calls of functions, which the data plane takes before any route. */
const CALLS: readonly Operation[] = (['get', 'post', 'put', 'patch', 'delete'] as const).map(method => ({
  method,
  path: '/function/:name',
  scope: 'invoke',
  namespace: 'path',
  summary: 'Call a function; what follows the name is the path that it sees',
  answers: { 200: { about: 'what the function answers, and with any status', type: '*/*' } }
}))

/** `GET /openapi.json`: for whoever has credentials, whatever they are good for. */
export function openapiRoute(routes: readonly Operation[], info: { readonly version: string }): Route {
  const operation: Operation = {
    method: 'get',
    path: '/openapi.json',
    scope: 'any',
    namespace: 'none',
    summary: 'Describe every operation as OpenAPI 3.1',
    answers: { 200: { about: 'this document' } }
  }
  // Made when somebody asks: a gateway that nobody asks need not hold the text of every schema.
  let document: Json | undefined
  return {
    ...operation,
    handler: ctx => {
      document ??= toOpenapi([...routes, operation, ...CALLS], info)
      ctx.body = document
    }
  }
}

/** The OpenAPI 3.1 document of these operations; `x-scope` and `x-namespace` are as in `RouteScope` and `RouteNamespace`. */
export function toOpenapi(operations: readonly Operation[], { version }: { readonly version: string }): Json {
  const paths: Record<string, Record<string, Json>> = {}
  for (const operation of operations) {
    const path = operation.path.replaceAll(/:(\w+)/g, '{$1}')
    paths[path] = { ...paths[path], [operation.method]: describe(operation, path) }
  }
  return {
    openapi: '3.1.0',
    info: { title: 'Docker FaaS', version, license: { name: 'MIT', identifier: 'MIT' } },
    servers: [{ url: '/' }],
    paths,
    components: {
      securitySchemes: {
        basic: { type: 'http', scheme: 'basic', description: 'user and password of the administrator' },
        bearer: { type: 'http', scheme: 'bearer', description: `a token; scopes are ${SCOPES.join(', ')}` }
      },
      schemas: { Problem: toSchema(ProblemSchema) }
    }
  }
}

const ProblemSchema = z
  .object({
    type: z.string(),
    title: z.string(),
    status: z.int(),
    detail: z.string(),
    instance: z.string(),
    code: z.string(),
    errors: z.array(z.object({ field: z.string(), message: z.string() })).optional()
  })
  .describe('RFC 9457')

function describe(operation: Operation, path: string): Json {
  const { method, scope, namespace, summary, query = [], body, answers } = operation
  const inPath = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => ({
    ...{ name, in: 'path', required: true },
    schema: { type: 'string' }
  }))
  const inQuery = query.map(({ name, about, schema }) => ({
    ...{ name, in: 'query', description: about },
    schema: toSchema(schema)
  }))
  const needed = scope === 'any' ? [] : [scope]
  return {
    operationId: operationId(method, path),
    summary,
    ...(inPath.length + inQuery.length === 0 ? {} : { parameters: [...inPath, ...inQuery] }),
    ...(body === undefined ? {} : { requestBody: { content: { [JSON_TYPE]: { schema: toSchema(body) } } } }),
    responses: {
      ...Object.fromEntries(Object.entries(answers).map(([status, answer]) => [status, describeAnswer(answer)])),
      default: errorOf(path)
    },
    security: scope === 'open' ? [] : [{ basic: needed }, { bearer: needed }],
    'x-scope': scope,
    'x-namespace': namespace
  }
}

function describeAnswer({ about, schema, type = JSON_TYPE }: RouteAnswer): Json {
  const content = { [type]: schema === undefined ? {} : { schema: toSchema(schema) } }
  return { description: about, ...(type === '' ? {} : { content }) }
}

/** Problems on `/v1`, text elsewhere: see `answerErrors`. */
function errorOf(path: string): Json {
  const content = path.startsWith('/v1/')
    ? { 'application/problem+json': { schema: PROBLEM } }
    : { 'text/plain': { schema: { type: 'string' } } }
  return { description: 'the request was not carried out', content }
}

/** `get /v1/functions/{name}` → `getV1FunctionsName`. */
function operationId(method: string, path: string): string {
  const words = path.split(/[^A-Za-z0-9]+/).filter(word => word !== '')
  return method + words.map(word => word.charAt(0).toUpperCase() + word.slice(1)).join('')
}

/** NOTE: what JSON Schema cannot say, such as the rule of a quantity, is left out, so the schema takes more than the gateway. */
function toSchema(schema: z.ZodType): Json {
  const { $schema: _, ...rest } = z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' })
  return rest
}
