import { expect } from 'chai'
import fc from 'fast-check'
import { type ApiServer, startApi } from '../helpers/api-server.ts'

/** What tells of the inside of the program: stacks, sources, the database, folders. */
const INSIDE =
  /\n\s+at |\bat [\w.<>]+ \(|node_modules|node:internal|\.ts:\d|file:\/\/|SQLITE|\bselect\b.*\bfrom\b|insert into|no such (table|column)|mikro|kysely|faas\.db|\/tmp\/|TypeError|RangeError|is not a function|of undefined|of null|\[object /i

interface Operation {
  readonly method: string
  readonly path: string
  readonly query: readonly string[]
}

const strange = fc.oneof(
  fc.constantFrom(
    ...["'", '"', "' OR 1=1 --", '%00', '%2e%2e%2f', '%E0%A4%A', '__proto__', 'constructor', 'toString', '{{7*7}}'],
    ...[
      '$'.concat('{7*7}'),
      '-1',
      '1e999',
      'NaN',
      'null',
      'true',
      '[]',
      '9007199254740993',
      '\u202e',
      '😀',
      'a'.repeat(300)
    ],
    ...['2026-13-45T99:99:99Z', '0', '*', 'W/"x"', '../../etc/passwd', 'a=b,!c', 'in (', 'x'.repeat(5000)]
  ),
  fc.string({ maxLength: 40 }),
  fc.string({ unit: 'binary', maxLength: 20 })
)
const body = fc.oneof(
  { weight: 3, arbitrary: fc.jsonValue({ maxDepth: 4 }).map(value => JSON.stringify(value)) },
  { weight: 3, arbitrary: fc.dictionary(strange, fc.jsonValue({ maxDepth: 2 })).map(value => JSON.stringify(value)) },
  {
    weight: 3,
    // Fields that handlers know, with values that they do not.
    arbitrary: fc
      .dictionary(
        fc.constantFrom(
          ...[
            'metadata',
            'spec',
            'name',
            'namespace',
            'service',
            'image',
            'replicas',
            'labels',
            'annotations',
            'envVars'
          ],
          ...[
            'secrets',
            'limits',
            'functionName',
            'serviceName',
            'revision',
            'action',
            'functions',
            'username',
            'password'
          ],
          ...['scopes', 'namespaces', 'expiresAt', 'ttl', 'value', 'rawValue', 'resourceVersion', 'uid']
        ),
        fc.oneof(strange, fc.jsonValue({ maxDepth: 3 }))
      )
      .map(value => JSON.stringify(value))
  },
  { weight: 1, arbitrary: strange },
  { weight: 1, arbitrary: fc.constant(undefined) }
)

describe('answers of the API', function () {
  this.timeout(60_000)
  let api: ApiServer
  let operations: Operation[]
  before(async () => {
    api = await startApi()
    const { paths } = (await api.request('GET', '/openapi.json')).json as {
      paths: Record<string, Record<string, { parameters?: { in: string; name: string }[] }>>
    }
    operations = Object.entries(paths).flatMap(([path, methods]) =>
      Object.entries(methods).map(([method, { parameters = [] }]) => ({
        method: method.toUpperCase(),
        path,
        query: parameters.filter(parameter => parameter.in === 'query').map(({ name }) => name)
      }))
    )
  })
  after(() => api[Symbol.asyncDispose]())

  it('S41: no answer tells of the inside, and nothing fails in a way that nobody thought of, whatever is sent', async () => {
    expect(operations.length).to.be.above(25)
    const request = fc.record({
      operation: fc.nat().map(n => operations[n % operations.length] as Operation),
      names: fc.array(strange, { minLength: 2, maxLength: 2 }),
      values: fc.array(fc.option(strange, { nil: undefined }), { minLength: 8, maxLength: 8 }),
      header: fc.option(fc.tuple(fc.constantFrom('If-Match', 'If-None-Match', 'Content-Type', 'Accept'), strange)),
      body
    })
    await fc.assert(
      fc.asyncProperty(request, async sent => {
        const { method, url, headers, body } = toRequest(sent)
        const { status, text } = await api.request(method, url, body, headers)
        const tells = status >= 400 && INSIDE.test(withoutInput(text, [url, ...sent.names, body ?? '']))
        if (status >= 500 || tells) throw new Error(`${method} ${url} ${body}: ${status} ${text}`)
      }),
      { numRuns: 1000, seed: 41 }
    )
    expect(api.logged.filter(({ level }) => level === 'error')).to.deep.equal([])
  })
})

interface Sent {
  readonly operation: Operation
  readonly names: readonly string[]
  readonly values: readonly (string | undefined)[]
  readonly header: readonly [string, string] | null
  readonly body: string | undefined
}

function toRequest({ operation: { method, path, query }, names, values, header, body }: Sent) {
  let at = 0
  const named = path.replaceAll(/\{\w+\}/g, () => encode(names[at++] ?? 'x'))
  const given = query.flatMap((name, n) => {
    const value = name === 'watch' ? undefined : values[n % values.length] // a watch has no end
    return value === undefined ? [] : [`${name}=${encode(value)}`]
  })
  const isSendable = header !== null && /^[\x20-\x7e]*$/.test(header[1])
  const headers: Record<string, string> = isSendable ? { [header[0]]: header[1].trim() } : {}
  const url = given.length === 0 ? named : `${named}?${given.join('&')}`
  return { method, url, headers, body: method === 'GET' ? undefined : body }
}

/** Percent-encoded, but for what already is, which may be broken on purpose. */
function encode(value: string): string {
  return value.startsWith('%') ? value.replaceAll(/[^%\w.-]/g, '') : encodeURIComponent(value.toWellFormed())
}

/** The text without what its sender put into it: an answer may say what was wrong. */
function withoutInput(text: string, inputs: readonly string[]): string {
  return inputs.filter(input => input.length > 3).reduce((left, input) => left.replaceAll(input, ''), text)
}
