import { expect } from 'chai'
import { exampleFor, listOperations, type Operation } from '../helpers/api-operations.ts'
import { type ApiServer, startApi } from '../helpers/api-server.ts'

/** Members that reach for a prototype, as they stand in the text: `JSON.stringify` would leave `__proto__` out. */
const POISON = [
  '"__proto__":{"polluted":1}',
  '"__proto__":null',
  '"__proto__":"x"',
  '"\\u005f_proto__":{"polluted":1}',
  '"\\u005F\\u005Fproto\\u005f\\u005f":{"polluted":1}',
  '"constructor":{"prototype":{"polluted":1}}',
  '"constructor":{"constructor":{"prototype":{"polluted":1}}}'
]

const FN = { metadata: { name: 'x' }, spec: { image: 'registry.example/x:1' } }

/** The text with the member put at the beginning of each of its objects in turn. */
function poisoned(text: string, member: string): string[] {
  return [...text.matchAll(/\{/g)].map(({ index }) => {
    const rest = text.slice(index + 1)
    return `${text.slice(0, index + 1)}${member}${rest.startsWith('}') ? '' : ','}${rest}`
  })
}

describe('bodies that ask for more than they may', () => {
  let api: ApiServer
  let operations: Operation[]
  beforeEach(async () => {
    api = await startApi()
    operations = (await listOperations(api)).filter(({ hasBody }) => hasBody)
    await api.request('POST', '/v1/functions', FN)
  })
  afterEach(() => api[Symbol.asyncDispose]())

  const everything = async () =>
    JSON.stringify([await api.store.functions.list(), await api.store.tokens.list(), await api.store.secrets.list()])
  const send = ({ method, path }: Operation, body: unknown) =>
    api.request(method.toUpperCase(), path.replaceAll(/\{\w+\}/g, 'x'), body)

  it('S23: keys that reach for a prototype are refused wherever they are, by every operation', async () => {
    const before = await everything()
    for (const operation of operations) {
      const text = JSON.stringify({ ...exampleFor(operation, 'openfaas-fn'), labels: {}, deep: [[{}]] })
      for (const body of POISON.flatMap(member => poisoned(text, member))) {
        const { status, text: said } = await send(operation, body)
        expect(status, `${operation.method} ${operation.path} ${body}`).to.equal(400)
        expect(said, body).to.contain('is not allowed as a key')
      }
    }
    expect(await everything()).to.equal(before)
    expect(({} as { polluted?: unknown }).polluted).to.equal(undefined)
  })

  it('S23: names of methods of objects are names like others, and change nothing', async () => {
    const names = { toString: 'a', hasOwnProperty: 'b', constructor: 'c', valueOf: 'd' }
    const body = { ...FN, metadata: { name: 'x', labels: names, annotations: names }, spec: { ...FN.spec, env: names } }
    const { json } = await api.request('POST', '/v1/functions', body)
    expect(json.metadata.labels).to.deep.equal(names)
    expect(json.spec.env).to.deep.equal(names)
    expect((await api.request('GET', '/v1/functions?labelSelector=toString%3Da')).json.items).to.have.length(1)
    await api.request('POST', '/v1/functions', FN)
    expect((await api.request('GET', '/v1/functions?labelSelector=toString')).json.items).to.have.length(0)
  })

  it('S23: /v1 refuses what it does not know; /system and /auth/login ignore it, as their clients need it', async () => {
    for (const operation of operations) {
      const body = { ...exampleFor(operation, 'openfaas-fn'), isAdmin: true }
      const { status, text } = await send(operation, body)
      const isStrict = operation.path.startsWith('/v1/')
      const what = `${operation.method} ${operation.path} ${text}`
      if (isStrict) expect([status, text.includes('isAdmin')], what).to.deep.equal([400, true])
      else expect(text, what).not.to.contain('isAdmin')
    }
  })

  it('S23: nobody writes what only the gateway writes', async () => {
    const was = (await api.request('GET', '/v1/functions/x')).json
    const metadata = {
      uid: 'mine',
      generation: 99,
      createdAt: '2000-01-01T00:00:00Z',
      deletionRequestedAt: '2000-01-01T00:00:00Z'
    }
    const status = { readyReplicas: 99, conditions: [{ type: 'Ready', status: 'True' }] }
    const written = await api.request('POST', '/v1/functions', { ...FN, metadata: { name: 'x', ...metadata }, status })
    expect(written.status).to.equal(200)
    expect(written.json).to.deep.equal(was)
    const patched = await api.request('PATCH', '/v1/functions/x', { metadata, status })
    expect(patched.json).to.deep.equal(was)
    for (const field of ['id', 'token', 'digest', 'kind', 'createdBy', 'createdAt', 'lastUsedAt']) {
      const answer = await api.request('POST', '/v1/tokens', { name: 'x', scopes: ['read'], [field]: 'mine' })
      expect([answer.status, answer.json.errors[0].field]).to.deep.equal([400, field])
    }
  })
})
