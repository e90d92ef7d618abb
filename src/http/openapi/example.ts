import type { Json } from './schema.ts'

const REFERENCE = '#/components/schemas/'

/** Values of fields that are called the same everywhere. */
const USUAL: Readonly<Record<string, string>> = {
  name: 'resize',
  function: 'resize',
  namespace: 'openfaas-fn',
  key: 'openfaas-fn/resize',
  uid: '7b0e2a52-7d1c-4a43-9d0c-1f1b2f0f6a11'
}
const TIME = '2026-01-31T10:00:00.000Z'

/** A value that the schema takes, made of the examples of its parts, or of what fields are called. `field`: what it stands in. */
export function exampleOf(schema: Json, components: Readonly<Record<string, Json>>, field = ''): unknown {
  const { $ref, examples, enum: values } = schema
  if (typeof $ref === 'string') return exampleOf(components[$ref.slice(REFERENCE.length)] ?? {}, components, field)
  if (Array.isArray(examples)) return examples[0]
  if ('const' in schema) return schema['const']
  if (Array.isArray(values)) return values[0]
  if ('default' in schema) return schema['default']
  const [first] = (schema['anyOf'] ?? schema['oneOf'] ?? []) as readonly Json[]
  const isType = first === undefined || schema['type'] !== undefined
  return isType ? exampleOfType(schema, components, field) : exampleOf(first, components, field)
}

function exampleOfType(schema: Json, components: Readonly<Record<string, Json>>, field: string): unknown {
  const { type, items = {}, properties = {}, format, minimum } = schema
  if (type === 'object') {
    // Of which nothing is said is what only the gateway writes.
    const fields = Object.entries(properties as Record<string, Json>).filter(([, part]) => Object.keys(part).length > 0)
    return Object.fromEntries(fields.map(([name, part]) => [name, exampleOf(part, components, name)]))
  }
  if (type === 'array') return [exampleOf(items as Json, components, field)]
  if (type === 'string') return format === 'date-time' ? TIME : (USUAL[field] ?? field)
  if (type === 'integer' || type === 'number') return typeof minimum === 'number' ? Math.max(1, minimum) : 1
  return type === 'boolean' ? false : {}
}
