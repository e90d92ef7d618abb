import fc from 'fast-check'
import type { Schema } from './openapi-document.ts'

type Follow = (schema: Schema) => Schema

const MAX_ITEMS = 2
const MAX_LENGTH = 24
const MAX_NUMBER = 8
const TIMES = ['2026-01-31T10:00:00.000Z', '2026-12-31T23:59:59.999Z', '1999-01-01T00:00:00.000Z']

/** Small values that the schema takes. A schema that says nothing gives null. */
export function arbitraryOf(given: Schema, follow: Follow): fc.Arbitrary<unknown> {
  const schema = follow(given)
  const { const: only, enum: values, examples, anyOf } = schema
  if (only !== undefined) return fc.constant(only)
  if (Array.isArray(values)) return fc.constantFrom(...values)
  if (Array.isArray(anyOf) && schema['properties'] === undefined)
    return fc.oneof(...anyOf.map(one => arbitraryOf(one, follow)))
  // An example says what JSON Schema cannot, such as the rule of a quantity.
  if (Array.isArray(examples) && schema['type'] !== 'object') return fc.constantFrom(...examples)
  const make = MAKERS[String(schema['type'])]
  return make === undefined ? fc.constant(null) : make(schema, follow)
}

const MAKERS: Readonly<Record<string, (schema: Schema, follow: Follow) => fc.Arbitrary<unknown>>> = {
  string: textOf,
  integer: ({ minimum = 0, maximum = MAX_NUMBER }) =>
    fc.integer({ min: Number(minimum), max: Math.min(Number(maximum), Number(minimum) + MAX_NUMBER) }),
  number: ({ minimum = 0 }) => fc.integer({ min: Number(minimum), max: Number(minimum) + MAX_NUMBER }),
  boolean: () => fc.boolean(),
  array: ({ items = {}, minItems = 0 }, follow) =>
    fc.uniqueArray(arbitraryOf(items as Schema, follow), {
      minLength: Number(minItems),
      maxLength: Math.max(Number(minItems), MAX_ITEMS),
      comparator: (a, b) => JSON.stringify(a) === JSON.stringify(b)
    }),
  object: objectOf
}

function textOf({ pattern, format, maxLength = MAX_LENGTH }: Schema): fc.Arbitrary<string> {
  if (format === 'date-time') return fc.constantFrom(...TIMES)
  if (format === 'uri') return fc.webUrl()
  if (typeof pattern !== 'string') return fc.string({ maxLength: Math.min(Number(maxLength), MAX_LENGTH) })
  return fc.stringMatching(new RegExp(pattern), { maxLength: Math.min(Number(maxLength), MAX_LENGTH) })
}

function objectOf(schema: Schema, follow: Follow): fc.Arbitrary<unknown> {
  const { properties = {}, required = [], additionalProperties, propertyNames } = schema
  const { anyOf, ...rest } = schema
  if (Array.isArray(anyOf)) {
    const needs = (anyOf as Schema[]).map(one => [...(required as string[]), ...((one['required'] ?? []) as string[])])
    return fc.oneof(...needs.map(names => objectOf({ ...rest, required: names }, follow)))
  }
  const known = Object.entries(properties as Record<string, Schema>)
  // Fields of which nothing is said are those that the gateway writes itself.
  const told = known.filter(([, field]) => Object.keys(field).length > 0)
  const fields = Object.fromEntries(told.map(([name, field]) => [name, arbitraryOf(field, follow)]))
  if (known.length > 0) return fc.record(fields, { requiredKeys: required as string[], noNullPrototype: true })
  const values = typeof additionalProperties === 'object' ? (additionalProperties as Schema) : { type: 'string' }
  const names = arbitraryOf({ type: 'string', ...(propertyNames as Schema | undefined) }, follow)
  const isName = (name: string) => name !== '' && name !== '__proto__'
  return fc.dictionary((names as fc.Arbitrary<string>).filter(isName), arbitraryOf(values, follow), {
    maxKeys: MAX_ITEMS,
    noNullPrototype: true
  })
}

/** A value that the schema does not take, and how it differs from one that it does. */
export interface Spoiled {
  readonly how: string
  readonly value: unknown
}

/** Values with one fault each, made of a value that the schema takes; whether it is one is for a validator to say. */
export function spoiledOf(given: Schema, value: unknown, follow: Follow, at = ''): Spoiled[] {
  const schema = follow(given)
  const here = faultsOf(schema).map(({ how, value: wrong }) => ({ how: `${at || 'body'}: ${how}`, value: wrong }))
  if (!isRecord(value)) return here
  const { properties = {}, required = [], additionalProperties } = schema
  const missing = (required as string[])
    .filter(name => name in value)
    .map(name => ({ how: `${at}.${name} is missing`, value: without(value, name) }))
  const unknown =
    additionalProperties === false ? [{ how: `${at}.unknown is there`, value: { ...value, unknown: 1 } }] : []
  const inner = Object.entries(properties as Record<string, Schema>).flatMap(([name, field]) =>
    spoiledOf(field, value[name], follow, `${at}.${name}`).map(({ how, value: wrong }) => ({
      how,
      value: { ...value, [name]: wrong }
    }))
  )
  return [...here, ...missing, ...unknown, ...inner]
}

/** What is wrong where this schema stands. */
function faultsOf(schema: Schema): Spoiled[] {
  const { type, pattern, maxLength, minimum, maximum, minItems, maxItems, enum: values, format, propertyNames } = schema
  if (Object.keys(schema).length === 0) return []
  const items = (count: number) => Array.from({ length: count }, (_, at) => `item${at}`)
  return [
    { how: 'a number', value: 7.5 },
    { how: 'a text', value: 'text' },
    { how: 'a list', value: [['x']] },
    { how: 'an object', value: { x: { y: 1 } } },
    ...(type === 'string' && (pattern ?? format ?? values) !== undefined
      ? [{ how: 'against its rule', value: '!\n!' }]
      : []),
    ...(maxLength === undefined ? [] : [{ how: 'too long', value: 'a'.repeat(Number(maxLength) + 1) }]),
    ...(minimum === undefined ? [] : [{ how: 'too small', value: Number(minimum) - 1 }]),
    ...(maximum === undefined ? [] : [{ how: 'too large', value: Number(maximum) + 1 }]),
    ...(minItems === undefined ? [] : [{ how: 'too few', value: [] }]),
    ...(maxItems === undefined ? [] : [{ how: 'too many', value: items(Number(maxItems) + 1) }]),
    ...(propertyNames === undefined ? [] : [{ how: 'a wrong name', value: { '!': 'x' } }])
  ]
}

function without(value: Record<string, unknown>, name: string): Record<string, unknown> {
  const { [name]: _gone, ...rest } = value
  return rest
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
