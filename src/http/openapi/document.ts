import { SCOPES } from '../../../api/scope.ts'
import { ANSWERS } from '../../../api/wire/answers.ts'
import type { BodyAnswer, Operation, QueryParameter, RouteAnswer } from '../route.ts'
import { CALLS } from './calls.ts'
import { errorComponents, errorResponses } from './errors.ts'
import { exampleOf } from './example.ts'
import { DocumentSchemas, type Json } from './schema.ts'

const JSON_TYPE = 'application/json'

/** The OpenAPI 3.1 document of these operations, and of the calls of functions. */
export function toOpenapi(operations: readonly Operation[], { version }: { readonly version: string }): Json {
  const schemas = new DocumentSchemas()
  const paths: Record<string, Record<string, Json>> = {}
  for (const operation of [...operations.filter(({ isPart }) => isPart !== true), ...CALLS]) {
    const path = operation.path.replaceAll(/:(\w+)/g, '{$1}')
    paths[path] = { ...paths[path], [operation.method]: describe(operation, path, schemas) }
  }
  const responses = errorComponents(schemas)
  return {
    openapi: '3.1.0',
    info: {
      title: 'Docker FaaS',
      version,
      description:
        'OpenFaaS functions on plain Docker. `/v1` is the API of objects, `/system` that of OpenFaaS. `x-scope` names ' +
        'the scope that credentials need: `any` that are right, or none (`open`).',
      license: { name: 'MIT', identifier: 'MIT' }
    },
    servers: [{ url: '/' }],
    tags: [...new Set(Object.keys(paths).map(tagOf))].map(name => ({ name })),
    paths: withExamples(paths, schemas.components),
    components: {
      securitySchemes: {
        basic: { type: 'http', scheme: 'basic', description: 'user and password of the administrator' },
        bearer: { type: 'http', scheme: 'bearer', description: `a token; scopes are ${SCOPES.join(', ')}` }
      },
      schemas: schemas.components,
      responses: withExamples(responses, schemas.components)
    }
  }
}

function describe(operation: Operation, path: string, schemas: DocumentSchemas): Json {
  const { method, scope, namespace, summary, answers } = operation
  const parameters = [
    ...pathParameters(path, operation.inPath),
    ...toParameters(operation.query, 'query', schemas),
    ...toParameters(operation.head, 'header', schemas)
  ]
  const needed = scope === 'any' ? [] : [scope]
  return {
    operationId: operationId(method, path),
    summary,
    tags: [tagOf(path)],
    ...(parameters.length === 0 ? {} : { parameters }),
    ...requestBody(operation, schemas),
    responses: {
      ...Object.fromEntries(
        Object.entries(answers).map(([status, answer]) => [status, describeAnswer(answer, schemas)])
      ),
      ...errorResponses(operation)
    },
    security: scope === 'open' ? [] : [{ basic: needed }, { bearer: needed }],
    'x-scope': scope,
    'x-namespace': namespace
  }
}

function pathParameters(path: string, inPath: Operation['inPath'] = {}): Json[] {
  return [...path.matchAll(/\{(\w+)\}/g)].map(([, name = '']) => ({
    ...{ name, in: 'path', required: true },
    ...(inPath[name] === undefined ? {} : { description: inPath[name] }),
    schema: { type: 'string' }
  }))
}

function toParameters(
  parameters: readonly QueryParameter[] = [],
  where: 'query' | 'header',
  schemas: DocumentSchemas
): Json[] {
  return parameters.map(({ name, about, schema, required }) => ({
    ...{ name, in: where, description: about },
    ...(required ? { required } : {}),
    schema: schemas.sent(schema)
  }))
}

function requestBody({ body, isBodyOptional }: Operation, schemas: DocumentSchemas): Json {
  if (body === undefined) return {}
  const content = { [JSON_TYPE]: { schema: schemas.sent(body) } }
  return { requestBody: { required: isBodyOptional !== true, content } }
}

function describeAnswer(answer: RouteAnswer, schemas: DocumentSchemas): Json {
  const { about } = answer
  if (!('schema' in answer)) return { description: about }
  const { type = JSON_TYPE, others = {} } = answer
  const content = { [type]: { schema: shapes(answer, schemas) } }
  const other = Object.entries(others).map(([kind, schema]) => [kind, { schema: schemas.answered(ANSWERS[schema]) }])
  return { description: about, content: { ...content, ...Object.fromEntries(other) } }
}

function shapes({ schema, or = [] }: BodyAnswer, schemas: DocumentSchemas): Json {
  if (or.length === 0) return schemas.answered(ANSWERS[schema])
  return { anyOf: [schema, ...or].map(one => schemas.answered(ANSWERS[one])) }
}

/** Bodies and answers in JSON with an example beside their schema. */
function withExamples(node: unknown, components: Readonly<Record<string, Json>>): unknown {
  if (Array.isArray(node)) return node.map(item => withExamples(item, components))
  if (typeof node !== 'object' || node === null) return node
  return Object.fromEntries(
    Object.entries(node).map(([key, value]) => [
      key,
      key === 'content' ? exemplified(value as Content, components) : withExamples(value, components)
    ])
  )
}

type Content = Readonly<Record<string, { readonly schema: Json }>>

function exemplified(content: Content, components: Readonly<Record<string, Json>>): Json {
  const media = Object.entries(content).map(([type, { schema }]) => {
    const isJson = type.startsWith('application/')
    return [type, { schema, ...(isJson ? { example: exampleOf(schema, components) } : {}) }] as const
  })
  return Object.fromEntries(media)
}

const TAGS: Readonly<Record<string, string>> = {
  function: 'calls',
  'async-function': 'calls',
  livez: 'health',
  healthz: 'health',
  readyz: 'health',
  docs: 'documentation',
  'openapi.json': 'documentation',
  'system/function': 'system/functions',
  'system/scale-function': 'system/functions',
  'system/namespace': 'system/namespaces',
  'system/info': 'system',
  'system/config': 'system',
  'system/metrics': 'system'
}

/** `/v1/functions/{name}/scale` → `v1/functions`. */
function tagOf(path: string): string {
  const [first = '', second = ''] = path.split('/').filter(word => word !== '')
  const name = first === 'v1' || first === 'system' ? `${first}/${second}` : first
  return TAGS[name] ?? name
}

/** `get /v1/functions/{name}` → `getV1FunctionsName`. */
function operationId(method: string, path: string): string {
  const words = path.split(/[^A-Za-z0-9]+/).filter(word => word !== '')
  return method + words.map(word => word.charAt(0).toUpperCase() + word.slice(1)).join('')
}
