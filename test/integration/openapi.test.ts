import { expect } from 'chai'
import { SCOPES } from '../../api/scope.ts'
import { type ApiServer, startApi } from '../helpers/api-server.ts'

interface Operation {
  readonly operationId: string
  readonly summary: string
  readonly security: readonly Record<string, readonly string[]>[]
  readonly responses: Record<string, unknown>
  readonly parameters?: readonly { name: string; in: string; schema: object }[]
  readonly requestBody?: { content: Record<string, { schema: { properties: Record<string, object> } }> }
  readonly 'x-scope': string
  readonly 'x-namespace': string
}

describe('GET /openapi.json', () => {
  let api: ApiServer
  let paths: Record<string, Record<string, Operation>>
  before(async () => {
    api = await startApi()
    const answer = await api.request('GET', '/openapi.json')
    expect(answer.status).to.equal(200)
    expect(answer.headers.get('content-type')).to.contain('application/json')
    expect(answer.json).to.include({ openapi: '3.1.0' })
    paths = answer.json.paths
  })
  after(() => api[Symbol.asyncDispose]())

  it('S21: declares a scope and whence the namespace comes for every operation', () => {
    const operations = Object.values(paths).flatMap(methods => Object.values(methods))
    expect(operations).to.have.length.of.at.least(30)
    for (const operation of operations) {
      const scope = operation['x-scope']
      expect([...SCOPES, 'any', 'open']).to.include(scope)
      expect(['query', 'body', 'path', 'visible', 'gateway', 'none']).to.include(operation['x-namespace'])
      const needed = scope === 'any' ? [] : [scope]
      expect(operation.security).to.deep.equal(scope === 'open' ? [] : [{ basic: needed }, { bearer: needed }])
      expect(Object.keys(operation.responses)).to.include('default').and.have.length.of.at.least(2)
    }
    const ids = operations.map(({ operationId }) => operationId)
    expect(new Set(ids).size).to.equal(ids.length)
  })

  it('describes parameters and bodies as they are checked', () => {
    const list = paths['/v1/functions']?.['get']
    expect(list?.parameters?.map(({ name }) => name)).to.deep.equal([
      'namespace',
      'labelSelector',
      'watch',
      'resourceVersion'
    ])
    const show = paths['/v1/functions/{name}']?.['get']
    expect(show?.parameters?.[0]).to.deep.equal({
      name: 'name',
      in: 'path',
      required: true,
      schema: { type: 'string' }
    })
    const deploy = paths['/system/functions']?.['post']?.requestBody?.content['application/json']?.schema
    expect(Object.keys(deploy?.properties ?? {})).to.include.members(['service', 'image', 'envVars', 'labels'])
    const apply = paths['/v1/functions']?.['post']?.requestBody?.content['application/json']?.schema
    expect(apply).to.include({ additionalProperties: false })
  })

  it('S43: is for nobody without credentials', async () => {
    expect((await api.request('GET', '/openapi.json', undefined, { authorization: '' })).status).to.equal(401)
  })
})
