import { Readable } from 'node:stream'
import { expect } from 'chai'
import fc from 'fast-check'
import { makeObject, makeObjects } from '../helpers/api-objects.ts'
import { type ApiServer, AUTHORIZATION, HEALTHY, PASSWORD, startApi, USER } from '../helpers/api-server.ts'
import { POLICY } from '../helpers/builders.ts'
import { type DocumentOperation, OpenapiDocument, type Schema } from '../helpers/openapi-document.ts'
import { arbitraryOf, type Spoiled, spoiledOf } from '../helpers/schema-arbitrary.ts'

/** One request more than once finds the same; another number, of a run that failed, finds what that run found. */
const SEED = Number(process.env['OPENAPI_SEED'] ?? 20_261_126)
const GOOD_RUNS = Number(process.env['OPENAPI_RUNS'] ?? 5)
const BAD_RUNS = 2 * GOOD_RUNS
/** A stream that says nothing for so long is left. */
const SILENCE_MS = 40

/** Objects that no request may change. */
const SHARED = 'shared'
/** What lists of names name. */
const LISTS: Readonly<Record<string, readonly string[]>> = { secrets: [SHARED], namespaces: ['openfaas-fn'] }
/** Fields by which bodies name an object. */
const NAMES = ['name', 'function', 'service', 'functionName', 'serviceName']
/** Bodies that no schema can give. */
const BODIES: Readonly<Record<string, unknown>> = { 'post /auth/login': { username: USER, password: PASSWORD } }
const TIME = '2026-01-31T10:00:00.000Z'
const PACKED = { 'content-encoding': 'gzip' }
const BROKEN = ['', '{', '[]', '"text"', 'null', '{"a":1,}', '\ufffd', '{"__proto__":{}}']

type Values = Readonly<Record<string, unknown>>

interface Answer {
  readonly status: number
  readonly type: string
  readonly text: string
}

/** With an answer in every list that the loop and the adoption give. */
function startFullApi(): Promise<ApiServer> {
  const item = { function: 'openfaas-fn/a', uid: 'u', generation: 1, replicas: 1, image: 'a:1', runs: 1, database: 1 }
  const items = [{ ...item, containers: ['a-0'], reason: 'older' }]
  const garbage = { kind: 'network', name: 'n', owner: 'openfaas-fn/a', verdict: 'collect' }
  const container = { id: 'c', name: 'a-0', ipAddress: '', status: 'exited', createdAt: TIME }
  return startApi(
    {
      rules: { ...POLICY.isolation, runtimes: ['runsc'] },
      adoption: {
        list: async () => ({
          ...{ active: true, since: TIME, adopt: items, conflicts: items, forged: 1 },
          delete: [{ ...garbage, reason: 'no owner' }]
        }),
        confirm: async () => ({ active: false, adopted: ['openfaas-fn/a'], deleted: ['network n'] })
      },
      loop: {
        preview: async () => ['create a-0: missing'],
        previewAll: async () => ({ functions: [{ key: 'openfaas-fn/a', steps: ['x'] }], garbage: [garbage] }),
        containers: async () => [{ ...container, ports: { '9229/tcp': '127.0.0.1:20001' } }],
        state: () => ({ ...HEALTHY, lag: [{ key: 'openfaas-fn/a', seconds: 0.5 }] }),
        resync: () => undefined
      },
      logs: { open: async () => Readable.from([{ instance: 'a-0', timestamp: TIME, text: 'a line' }]) }
    },
    {},
    { limits: { limit: 0, windowMs: 60_000 } }
  )
}

describe('requests that are made of the document of the API', function () {
  this.timeout(GOOD_RUNS * 30_000)
  let api: ApiServer
  let document: OpenapiDocument
  let names = 0
  const follow = (schema: Schema) => document.follow(schema)

  before(async () => {
    api = await startFullApi()
    document = new OpenapiDocument((await api.request('GET', '/openapi.json')).json)
    await makeObjects(api, SHARED)
  })
  after(() => api[Symbol.asyncDispose]())

  it('are answered as it says: good ones are carried out, each operation at least once', async () => {
    for (const operation of document.operations) {
      const statuses: number[] = []
      // An earlier operation may have taken away what all shared.
      const there = await freshObject(operation.path)
      await forRequests(goodRequests(operation), GOOD_RUNS, async request => {
        const answer = await ask(
          operation,
          request,
          isDestructive(operation) ? await freshObject(operation.path) : there
        )
        expect(answer.status, `${answer.text}`).not.to.equal(400)
        statuses.push(answer.status)
      })
      expect(
        statuses.filter(status => status < 300),
        `${operation.operationId}: ${statuses}`
      ).not.to.deep.equal([])
    }
  })

  it('are answered as it says: those that it does not allow are refused', async () => {
    for (const operation of document.operations) {
      const requests = badRequests(operation)
      if (requests === undefined) continue
      await forRequests(requests, BAD_RUNS, async request => {
        const { status, text } = await ask(operation, request, SHARED)
        expect(status, `${request.how}: ${text}`).to.be.within(400, 499)
      })
    }
  })

  interface Request {
    readonly query: Values
    readonly body: unknown
    readonly how: string
    readonly headers?: Values
  }

  async function forRequests(
    requests: fc.Arbitrary<Request>,
    numRuns: number,
    work: (request: Request) => Promise<void>
  ): Promise<void> {
    await fc.assert(fc.asyncProperty(requests, work), { seed: SEED, numRuns, endOnFailure: true })
  }

  function goodRequests(operation: DocumentOperation): fc.Arbitrary<Request> {
    const { parameters, body, method, path } = operation
    const inQuery = parameters.filter(parameter => parameter.in === 'query')
    const values = Object.fromEntries(inQuery.map(({ name, schema }) => [name, arbitraryOf(schema, follow)]))
    const requiredKeys = inQuery.flatMap(({ name, required }) => (required === true ? [name] : []))
    const query = fc.record(values, { requiredKeys, noNullPrototype: true })
    const given = BODIES[`${method} ${path}`]
    if (given !== undefined) return query.map(some => ({ query: some, body: given, how: 'given' }))
    if (body?.schema === undefined) return query.map(some => ({ query: some, body: undefined, how: 'no body' }))
    const bodies = fc.oneof(fc.constant(body.example), arbitraryOf(body.schema, follow))
    return fc.record({ query, body: bodies, how: fc.constant('good') })
  }

  /** Good requests with one fault; undefined where nothing can be wrong. */
  function badRequests(operation: DocumentOperation): fc.Arbitrary<Request> | undefined {
    const { body } = operation
    const inQuery = wrongQueries(operation)
    const queries = inQuery.length === 0 ? [] : [fc.constantFrom(...inQuery)]
    if (body?.schema === undefined) return queries[0]
    const { schema } = body
    const bodies = fc
      .oneof(fc.constant(body.example), arbitraryOf(schema, follow))
      .chain(value => fc.constantFrom(...wrongBodies(schema, value)))
    const broken = fc.constantFrom(...BROKEN.slice(body.required ? 0 : 1))
    const whole = fc.oneof(
      { weight: 4, arbitrary: bodies.map(({ how, value }) => ({ query: {}, body: value, how })) },
      { weight: 1, arbitrary: broken.map(text => ({ query: {}, body: text, how: 'no JSON object' })) },
      { weight: 1, arbitrary: fc.constant({ query: {}, body: body.example, how: 'packed', headers: PACKED }) }
    )
    return fc.oneof({ weight: 4, arbitrary: whole }, ...queries)
  }

  function wrongBodies(schema: Schema, value: unknown): Spoiled[] {
    return spoiledOf(schema, value, follow).filter(
      ({ value: wrong }) => document.faultsOfSent(schema, wrong).length > 0
    )
  }

  function wrongQueries({ parameters }: DocumentOperation): Request[] {
    return parameters.flatMap(({ in: where, name, schema }) => {
      if (where !== 'query') return []
      const { type, minimum, maximum, pattern, enum: values, format } = follow(schema)
      const others = Object.fromEntries(
        parameters.flatMap(one => (one.required && one.in === 'query' ? [[one.name, 'x']] : []))
      )
      const numbers = [minimum, maximum].flatMap((bound, at) =>
        bound === undefined ? [] : [Number(bound) + 2 * at - 1]
      )
      const texts = type !== 'string' || (pattern ?? values ?? format) !== undefined ? ['!'] : []
      return [...numbers, ...texts, ['a', 'b']].map(value => ({
        ...{ query: { ...others, [name]: value }, body: undefined },
        how: `${name}=${String(value)}`
      }))
    })
  }

  async function freshObject(path: string): Promise<string> {
    const name = `o${++names}`
    await makeObject(api, name, path)
    return name
  }

  /** Sends the request for the object of that name, and holds the answer against the document. */
  async function ask(operation: DocumentOperation, { query, body, headers }: Request, name: string): Promise<Answer> {
    const isNew = operation.method === 'post' && !operation.path.includes('{')
    const sent = named(body ?? operation.body?.example, isNew ? `new-${++names}` : name)
    const answer = await send(urlOf(operation, name, query), operation, sent, headers)
    requireDocumented(operation, answer)
    return answer
  }

  function requireDocumented(operation: DocumentOperation, { status, type, text }: Answer): void {
    const what = `${operation.operationId} ${status} ${type} ${text.slice(0, 2000)}`
    const answer = operation.answers[status] ?? expect.fail(`${what}: no such status in the document`)
    if (answer.content === undefined) {
      expect(text, what).to.equal('')
      return
    }
    const { schema = {} } =
      answer.content[type] ?? answer.content['*/*'] ?? expect.fail(`${what}: no such content type`)
    const isJson = type.endsWith('json')
    const lines = type === 'application/x-ndjson' ? text.split('\n').slice(0, -1) : [text]
    for (const line of lines) {
      expect(document.faultsOfAnswer(schema, isJson ? JSON.parse(line) : line), what).to.deep.equal([])
    }
  }

  function urlOf({ path, parameters }: DocumentOperation, name: string, query: Values): string {
    const asked = new URLSearchParams()
    const given = parameters.filter(parameter => parameter.in === 'query' && query[parameter.name] !== undefined)
    for (const { name: key } of given) {
      for (const one of [query[key]].flat()) asked.append(key, queryValue(key, String(one), name))
    }
    return `${api.url}${path.replaceAll(/\{\w+\}/g, name)}?${asked}`
  }

  async function send(url: string, { method }: DocumentOperation, body: unknown, more: Values = {}): Promise<Answer> {
    const leave = new AbortController()
    const hasBody = body !== undefined && method !== 'get'
    const response = await fetch(url, {
      ...{ method: method.toUpperCase(), signal: leave.signal, headers: { authorization: AUTHORIZATION, ...more } },
      ...(hasBody ? { body: typeof body === 'string' ? body : JSON.stringify(body) } : {})
    })
    const type = (response.headers.get('content-type') ?? '').split(';')[0] ?? ''
    const text = type === 'application/x-ndjson' ? await readStream(response, leave) : await response.text()
    return { status: response.status, type, text }
  }
})

/** What a stream says until it is silent. */
async function readStream(response: Response, leave: AbortController): Promise<string> {
  let text = ''
  let timer = setTimeout(() => leave.abort(), SILENCE_MS)
  try {
    for await (const chunk of response.body ?? []) {
      text += Buffer.from(chunk).toString()
      clearTimeout(timer)
      timer = setTimeout(() => leave.abort(), SILENCE_MS)
    }
  } catch (err) {
    if (!leave.signal.aborted) throw err
  } finally {
    clearTimeout(timer)
  }
  return text
}

/** Whether a good request may take the objects away that others need. */
function isDestructive({ method, path, namespace }: DocumentOperation): boolean {
  return method !== 'get' && namespace !== 'path' && (path.includes('{') || method !== 'post')
}

/** A value of the query, about the object of that name in the default namespace; a wrong one stays. */
function queryValue(key: string, value: string, name: string): string {
  if (!/^[\w.-]{0,63}$/.test(value)) return value
  if (key === 'namespace') return 'openfaas-fn'
  return NAMES.includes(key) ? name : value
}

/** The body, about the object of that name. What is wrong in it stays. */
function named(body: unknown, name: string): unknown {
  if (typeof body !== 'object' || body === null || Array.isArray(body)) return body
  return Object.fromEntries(Object.entries(body).map(([key, value]) => [key, namedField(key, value, name)]))
}

function namedField(key: string, value: unknown, name: string): unknown {
  const isName = (text: unknown) => typeof text === 'string' && /^[\w.-]{1,63}$/.test(text)
  if (key === 'metadata' || key === 'spec') return named(value, name)
  if (Array.isArray(value)) return value.length > 0 && value.every(isName) ? (LISTS[key] ?? value) : value
  if (!isName(value)) return value
  if (key === 'namespace') return 'openfaas-fn'
  return NAMES.includes(key) ? name : value
}
