import { expect } from 'chai'
import type { ApiServer } from './api-server.ts'

/** One operation of the API, as its document has it. */
export interface Operation {
  readonly method: string
  readonly path: string
  readonly scope: string
  readonly namespace: string
  readonly hasBody: boolean
  /** Whether the query names the object. */
  readonly isNamedInQuery: boolean
}

/** Every operation that the OpenAPI document of the server has. */
export async function listOperations(api: ApiServer): Promise<Operation[]> {
  const { paths } = (await api.request('GET', '/openapi.json')).json as {
    paths: Record<string, Record<string, Record<string, unknown>>>
  }
  const operations = Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({
      method,
      path,
      scope: String(operation['x-scope']),
      namespace: String(operation['x-namespace']),
      hasBody: operation['requestBody'] !== undefined,
      isNamedInQuery: isNamedInQuery(operation)
    }))
  )
  expect(operations).to.have.length.of.at.least(35)
  return operations
}

function isNamedInQuery({ parameters = [] }: Record<string, unknown>): boolean {
  const declared = parameters as { in: string; name: string; required?: true }[]
  return declared.some(({ in: place, name, required }) => place === 'query' && name === 'name' && required === true)
}

const IMAGE = 'registry.example/x:1'
const SPEC = { image: IMAGE }

/** Makes a body that is right, for an object of the namespace; where the query names that as well, it must not disagree. */
type Example = (namespace: string) => object

/**
 * A body for each operation that takes one. An operation that is not here fails the table, so that whoever adds one says what
 * it is sent, and sees what becomes of it for credentials that must not.
 */
const EXAMPLES: Readonly<Record<string, Example>> = {
  'post /v1/functions': namespace => ({ metadata: { name: 'x', namespace }, spec: SPEC }),
  'put /v1/functions/{name}': () => ({ spec: SPEC }),
  'patch /v1/functions/{name}': () => ({ spec: { envProcess: 'cat' } }),
  'post /v1/functions/{name}/scale': () => ({ replicas: 2 }),
  'post /v1/functions/{name}/rollback': () => ({ revision: 1 }),
  'post /v1/adopt': () => ({ action: 'adopt' }),
  'post /system/functions': namespace => ({ service: 'x', image: IMAGE, namespace }),
  'put /system/functions': namespace => ({ service: 'x', image: IMAGE, namespace }),
  'delete /system/functions': namespace => ({ functionName: 'x', namespace }),
  'post /system/scale-function/{name}': namespace => ({ serviceName: 'x', replicas: 2, namespace }),
  'post /system/alert': namespace => ({ alerts: [{ status: 'firing', labels: { function_name: `x.${namespace}` } }] }),
  'post /v1/profiles': () => ({ metadata: { name: 'x' }, spec: { user: '1000' } }),
  'put /v1/profiles/{name}': () => ({ spec: { user: '1000' } }),
  'put /v1/secrets/{name}': () => ({ value: 'v' }),
  'post /v1/secret-keys/rotate': () => ({}),
  'post /system/secrets': namespace => ({ name: 'x', value: 'v', namespace }),
  'put /system/secrets': namespace => ({ name: 'x', value: 'v', namespace }),
  'delete /system/secrets': namespace => ({ name: 'x', namespace }),
  'post /v1/namespaces': namespace => ({ metadata: { name: namespace } }),
  'put /v1/namespaces/{name}': () => ({ metadata: { labels: { a: 'b' } } }),
  'patch /v1/namespaces/{name}': () => ({ metadata: { labels: { a: null } } }),
  'post /system/namespace': namespace => ({ name: namespace, labels: { openfaas: '1' } }),
  'put /system/namespace/{name}': () => ({ annotations: { openfaas: '1' } }),
  'delete /system/namespace/{name}': () => ({}),
  'post /system/namespaces': namespace => ({ name: namespace, labels: { openfaas: '1' } }),
  'put /system/namespaces/{name}': () => ({ annotations: { openfaas: '1' } }),
  'delete /system/namespaces/{name}': () => ({}),
  'post /auth/login': () => ({ username: 'nobody', password: 'wrong' }),
  'post /v1/tokens': () => ({ name: 'x', scopes: ['read'] })
}

/** A body that the operation takes, for an object `x` of the namespace; undefined when it takes none. */
export function exampleFor({ method, path, hasBody }: Operation, namespace: string): object | undefined {
  const example = EXAMPLES[`${method} ${path}`]
  if (hasBody && example === undefined) expect.fail(`give an example of a body for ${method} ${path}`)
  return example?.(namespace)
}
