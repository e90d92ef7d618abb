import type { ValidateFunction } from 'ajv'
import { Ajv2020 } from 'ajv/dist/2020.js'
import formats from 'ajv-formats'

export type Schema = Readonly<Record<string, unknown>>

export interface DocumentParameter {
  readonly name: string
  readonly in: 'path' | 'query' | 'header'
  readonly required?: boolean
  readonly schema: Schema
}

interface Media {
  readonly schema?: Schema
  readonly example?: unknown
}

export interface DocumentAnswer {
  readonly description: string
  readonly content?: Readonly<Record<string, Media>>
}

/** One operation as a client reads it: with every reference to an answer followed. */
export interface DocumentOperation {
  readonly method: string
  readonly path: string
  readonly operationId: string
  readonly scope: string
  readonly namespace: string
  readonly parameters: readonly DocumentParameter[]
  readonly body: (Media & { readonly required: boolean }) | undefined
  readonly answers: Readonly<Record<string, DocumentAnswer>>
}

// biome-ignore lint/suspicious/noExplicitAny: a document is JSON of every shape
type Any = any

/** The OpenAPI document of a server, and what validates by it. */
export class OpenapiDocument {
  readonly json: Any
  readonly operations: readonly DocumentOperation[]
  readonly #ajv = new Ajv2020({ strict: false, allErrors: true })
  readonly #known = new Map<Schema, ValidateFunction>()

  constructor(json: unknown) {
    this.json = json
    formats.default(this.#ajv)
    this.operations = Object.entries<Any>(this.json.paths).flatMap(([path, methods]) =>
      Object.entries<Any>(methods).map(([method, operation]) => this.#read(method, path, operation))
    )
  }

  /** What is wrong with what is sent, by a schema of the document; nothing when it is as the schema says. */
  faultsOfSent(schema: Schema, value: unknown): string[] {
    return this.#faults(schema, value, schema)
  }

  /** The same for an answer of this release: it has no field that the document does not know, though clients must bear one. */
  faultsOfAnswer(schema: Schema, value: unknown): string[] {
    return this.#faults(schema, value, closed(schema) as Schema)
  }

  #faults(key: Schema, value: unknown, schema: Schema): string[] {
    const validate = this.#known.get(key) ?? this.#compile(key, schema)
    if (validate(value)) return []
    return (validate.errors ?? []).map(
      ({ instancePath, message, params }) => `${instancePath} ${message} ${JSON.stringify(params)}`
    )
  }

  /** The component that a schema refers to, or the schema. */
  follow(schema: Schema): Schema {
    const { $ref } = schema
    return typeof $ref === 'string' ? this.follow(this.#at($ref)) : schema
  }

  #compile(key: Schema, schema: Schema): ValidateFunction {
    const components = { schemas: closed(this.json.components.schemas) }
    const validate = this.#ajv.compile({ ...schema, components })
    this.#known.set(key, validate)
    return validate
  }

  #at(reference: string): Any {
    return reference
      .slice(2)
      .split('/')
      .reduce((at, key) => at[key], this.json)
  }

  #read(method: string, path: string, operation: Any): DocumentOperation {
    const [media] = Object.values<Media>(operation.requestBody?.content ?? {})
    const answers = Object.entries<Any>(operation.responses).map(([status, answer]) => [status, this.follow(answer)])
    return {
      ...{ method, path, operationId: operation.operationId },
      ...{ scope: operation['x-scope'], namespace: operation['x-namespace'] },
      parameters: operation.parameters ?? [],
      body: media === undefined ? undefined : { ...media, required: operation.requestBody.required === true },
      answers: Object.fromEntries(answers)
    }
  }
}

/** The schema without room for a field that it does not name. */
function closed(node: unknown): unknown {
  if (Array.isArray(node)) return node.map(closed)
  if (typeof node !== 'object' || node === null) return node
  const copy = Object.fromEntries(Object.entries(node).map(([key, value]) => [key, closed(value)]))
  const isObject = typeof copy['type'] === 'string' && copy['type'] === 'object' && 'properties' in copy
  return isObject && !('additionalProperties' in copy) ? { ...copy, additionalProperties: false } : copy
}
