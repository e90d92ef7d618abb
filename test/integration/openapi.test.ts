import SwaggerParser from '@apidevtools/swagger-parser'
import { expect } from 'chai'
import { SCOPES } from '../../api/scope.ts'
import { type ApiServer, startApi } from '../helpers/api-server.ts'
import { OpenapiDocument } from '../helpers/openapi-document.ts'

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
  let document: OpenapiDocument
  before(async () => {
    api = await startApi()
    const answer = await api.request('GET', '/openapi.json')
    expect(answer.status).to.equal(200)
    expect(answer.headers.get('content-type')).to.contain('application/json')
    expect(answer.json).to.include({ openapi: '3.1.0' })
    paths = answer.json.paths
    document = new OpenapiDocument(answer.json)
  })
  after(() => api[Symbol.asyncDispose]())

  it('S21: declares a scope and whence the namespace comes for every operation', () => {
    const operations = Object.values(paths).flatMap(methods => Object.values(methods))
    expect(operations).to.have.length.of.at.least(30)
    for (const operation of operations) {
      const scope = operation['x-scope']
      expect([...SCOPES, 'any', 'open']).to.include(scope)
      expect(['query', 'body', 'path', 'named', 'visible', 'gateway', 'none']).to.include(operation['x-namespace'])
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

  it('is a document that other programs take', async () => {
    const parsed = await SwaggerParser.validate(structuredClone(document.json))
    expect(Object.keys(parsed.paths ?? {})).to.deep.equal(Object.keys(paths))
  })

  it('gives for every request and every answer in JSON an example that is as its schema says', () => {
    let examples = 0
    for (const { operationId, body, answers } of document.operations) {
      if (body !== undefined)
        expect(document.faultsOfSent(body.schema ?? {}, body.example), operationId).to.deep.equal([])
      for (const { schema, example } of Object.values(answers).flatMap(({ content = {} }) => jsonOf(content))) {
        examples += 1
        expect(example, operationId).not.to.equal(undefined)
        expect(document.faultsOfAnswer(schema ?? {}, example), operationId).to.deep.equal([])
      }
    }
    expect(examples).to.be.above(document.operations.length)
  })

  it('says what every answer holds', () => {
    for (const { operationId, answers } of document.operations) {
      for (const [status, { content }] of Object.entries(answers)) {
        for (const { schema } of Object.values(content ?? {})) {
          expect(schema, `${operationId} ${status}`).to.be.an('object')
        }
      }
    }
  })

  it('describes the calls of functions, which no route has', () => {
    for (const path of ['/function/{name}', '/function/{name}/{path}']) {
      expect(Object.keys(paths[path] ?? {})).to.have.members(['get', 'post', 'put', 'patch', 'delete'])
    }
    expect(Object.keys(paths['/async-function/{name}'] ?? {})).to.have.members(['post', 'delete'])
    expect(Object.keys(paths['/async-function/{name}/{path}'] ?? {})).to.deep.equal(['post'])
  })

  it('S43: is for nobody without credentials', async () => {
    expect((await api.request('GET', '/openapi.json', undefined, { authorization: '' })).status).to.equal(401)
  })
})

type Content = NonNullable<OpenapiDocument['operations'][number]['answers'][string]['content']>

function jsonOf(content: Content) {
  return Object.entries(content).flatMap(([type, media]) => (type.startsWith('application/') ? [media] : []))
}
