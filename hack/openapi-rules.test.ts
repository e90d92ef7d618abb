import { expect } from 'chai'
import { breakingChanges } from './openapi-rules.ts'

// biome-ignore lint/suspicious/noExplicitAny: a document is JSON of every shape
type Any = any

/** A document of one operation. */
function aDocument(): Any {
  return {
    paths: {
      '/things/{id}': {
        post: {
          'x-scope': 'read',
          parameters: [
            { name: 'id', in: 'path', required: true, schema: { type: 'string' } },
            { name: 'limit', in: 'query', schema: { type: 'integer', minimum: 1, maximum: 100 } }
          ],
          requestBody: {
            content: {
              'application/json': {
                schema: {
                  type: 'object',
                  properties: {
                    name: { type: 'string', maxLength: 10, pattern: 'a' },
                    kind: { enum: ['a', 'b'] },
                    tags: { type: 'array', items: { type: ['string', 'null'] } }
                  },
                  required: ['name']
                }
              }
            }
          },
          responses: {
            200: { content: { 'application/json': { schema: { $ref: '#/components/schemas/Thing' } } } },
            404: { $ref: '#/components/responses/Missing' }
          }
        }
      }
    },
    components: {
      responses: { Missing: { content: { 'text/plain': { schema: { type: 'string' } } } } },
      schemas: {
        Thing: {
          type: 'object',
          properties: {
            name: { type: 'string' },
            state: { enum: ['new', 'old'] },
            inner: { type: 'array', items: { $ref: '#/components/schemas/Thing' } },
            either: { anyOf: [{ type: 'string' }, { type: 'integer' }] }
          },
          required: ['name']
        }
      }
    }
  }
}

const POST = 'POST /things/{}'
const operation = (document: Any) => document.paths['/things/{id}'].post
const sent = (document: Any) => operation(document).requestBody.content['application/json'].schema
const thing = (document: Any) => document.components.schemas.Thing
const limit = (document: Any) => operation(document).parameters[1]

const BREAKING: readonly [what: string, change: (document: Any) => void, found: string][] = [
  ['a path that is gone', d => delete d.paths['/things/{id}'], `${POST} is gone`],
  ['an operation that is gone', d => delete d.paths['/things/{id}'].post, `${POST} is gone`],
  ['another scope', d => (operation(d)['x-scope'] = 'admin'), `${POST} needs the scope admin, and not read`],
  ['a parameter that is gone', d => operation(d).parameters.pop(), `${POST}: parameter limit (query) is gone`],
  ['a parameter that is required', d => (limit(d).required = true), `${POST}: parameter limit (query) is required`],
  [
    'a new parameter that is required',
    d => operation(d).parameters.push({ name: 'x', in: 'query', required: true }),
    `${POST}: parameter x (query) is required`
  ],
  ['a lower maximum', d => (limit(d).schema.maximum = 50), `${POST}: parameter limit (query): maximum is 50`],
  ['a higher minimum', d => (limit(d).schema.minimum = 2), `${POST}: parameter limit (query): minimum is 2`],
  ['a bound where none was', d => (sent(d).properties.name.minLength = 2), `${POST}: body.name: minLength is 2`],
  ['a body that is required', d => (operation(d).requestBody.required = true), `${POST}: a body is required`],
  [
    'a kind of body that is gone',
    d => (operation(d).requestBody.content = {}),
    `${POST}: body: application/json is gone`
  ],
  ['a field that is required', d => sent(d).required.push('kind'), `${POST}: body.kind is required`],
  ['a field that is not heeded', d => delete sent(d).properties.kind, `${POST}: body.kind is gone`],
  [
    'fields that are refused',
    d => (sent(d).additionalProperties = false),
    `${POST}: body: unknown fields are not taken`
  ],
  [
    'a value that is refused',
    d => sent(d).properties.kind.enum.pop(),
    `${POST}: body.kind: the value "b" is not taken`
  ],
  [
    'a list of values where all were taken',
    d => {
      sent(d).properties.name.enum = ['a']
    },
    `${POST}: body.name: not every value is taken`
  ],
  [
    'a type that is refused',
    d => (sent(d).properties.name.type = 'integer'),
    `${POST}: body.name: string is not taken`
  ],
  [
    'null that is refused',
    d => (sent(d).properties.tags.items.type = 'string'),
    `${POST}: body.tags[]: null is not taken`
  ],
  ['another pattern', d => (sent(d).properties.name.pattern = 'b'), `${POST}: body.name: another pattern`],
  ['a status that is gone', d => delete operation(d).responses['404'], `${POST}: answer 404 is gone`],
  [
    'a kind of answer that is gone',
    d => (d.components.responses.Missing.content = {}),
    `${POST}: answer 404: text/plain is gone`
  ],
  ['a field that is not answered', d => delete thing(d).properties.state, `${POST}: answer 200.state is gone`],
  ['a field that may be missing', d => (thing(d).required = []), `${POST}: answer 200.name may be missing`],
  [
    'a value that is gone',
    d => thing(d).properties.state.enum.pop(),
    `${POST}: answer 200.state: the value "old" is gone`
  ],
  [
    'an answer of another type',
    d => (thing(d).properties.name.type = 'integer'),
    `${POST}: answer 200.name may be integer`
  ],
  ['an answer of any shape', d => (thing(d).properties.name = {}), `${POST}: answer 200.name may be anything`],
  [
    'an alternative that is gone',
    d => thing(d).properties.either.anyOf.pop(),
    `${POST}: answer 200.either: an alternative is gone`
  ]
]

const HARMLESS: readonly [what: string, change: (document: Any) => void][] = [
  ['nothing', () => undefined],
  ['a new path', d => (d.paths['/others'] = { get: {} })],
  [
    'another name of what the path names',
    d => {
      d.paths['/things/{name}'] = d.paths['/things/{id}']
      delete d.paths['/things/{id}']
    }
  ],
  ['a scope that is not needed any more', d => (operation(d)['x-scope'] = 'any')],
  ['a new parameter', d => operation(d).parameters.push({ name: 'x', in: 'query' })],
  ['a higher maximum', d => (limit(d).schema.maximum = 200)],
  ['a new field of a body', d => (sent(d).properties.other = { type: 'string' })],
  ['a field that may be left out', d => (sent(d).required = [])],
  ['a value that is taken as well', d => sent(d).properties.kind.enum.push('c')],
  ['a new field of an answer', d => (thing(d).properties.other = { type: 'string' })],
  ['a field that is always answered', d => thing(d).required.push('state')],
  ['a new status', d => (operation(d).responses['409'] = { description: '' })]
]

describe('breakingChanges', () => {
  for (const [what, change, found] of BREAKING) {
    it(`names ${what}`, () => {
      const now = aDocument()
      change(now)
      expect(breakingChanges(aDocument(), now)).to.include(found)
    })
  }

  for (const [what, change] of HARMLESS) {
    it(`lets ${what} pass`, () => {
      const now = aDocument()
      change(now)
      expect(breakingChanges(aDocument(), now)).to.deep.equal([])
    })
  }
})
