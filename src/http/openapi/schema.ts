import * as z from 'zod'

/** What the document leaves out of JSON Schema: nothing is checked by it. */
export type Json = Readonly<Record<string, unknown>>

const REFERENCE = '#/components/schemas/'

/**
 * Schemas of one document. Those that carry an id are components, once each, and are referred to.
 * NOTE: what JSON Schema cannot say, such as the rule of a quantity, is left out, so a schema takes more than the gateway.
 */
export class DocumentSchemas {
  readonly #components = new Map<string, Json>()

  /** What a client sends: fields with a default may be left out. */
  sent(schema: z.ZodType): Json {
    return this.#add(schema, 'input')
  }

  /** What a client is answered: fields may be added to it by a later release. */
  answered(schema: z.ZodType): Json {
    return this.#add(schema, 'output')
  }

  /** By id, in order. */
  get components(): Readonly<Record<string, Json>> {
    return Object.fromEntries([...this.#components].sort(([a], [b]) => (a < b ? -1 : 1)))
  }

  #add(schema: z.ZodType, io: 'input' | 'output'): Json {
    const {
      $schema: _,
      $defs = {},
      ...root
    } = z.toJSONSchema(z.tuple([schema]), { io, unrepresentable: 'any' }) as Json
    for (const [id, component] of Object.entries($defs as Record<string, Json>)) {
      this.#define(id, tidy(component, io) as Json)
    }
    const [found = {}] = root['prefixItems'] as readonly Json[]
    // NOTE: zod leaves out those of a schema that transforms what is sent.
    const examples = schema.meta()?.['examples']
    return tidy(examples === undefined || '$ref' in found ? found : { ...found, examples }, io) as Json
  }

  #define(id: string, component: Json): void {
    const known = this.#components.get(id)
    if (known === undefined) this.#components.set(id, component)
    else if (JSON.stringify(known) !== JSON.stringify(component)) throw new Error(`two schemas have the id ${id}`)
  }
}

/** Without what says nothing, and with references into the components. */
function tidy(node: unknown, io: 'input' | 'output'): unknown {
  if (Array.isArray(node)) return node.map(item => tidy(item, io))
  if (typeof node !== 'object' || node === null) return node
  const entries = Object.entries(node).filter(([key, value]) => !isNoise(key, value, io))
  return Object.fromEntries(
    entries.map(([key, value]) => {
      if (key === '$ref' && typeof value === 'string') return [key, value.replace('#/$defs/', REFERENCE)]
      return key === 'examples' || key === 'default' ? [key, value] : [key, tidy(value, io)]
    })
  )
}

function isNoise(key: string, value: unknown, io: 'input' | 'output'): boolean {
  if (key === 'additionalProperties') return io === 'output' && value === false
  if (key === 'minimum') return value === Number.MIN_SAFE_INTEGER
  if (key === 'maximum') return value === Number.MAX_SAFE_INTEGER
  return key === 'id' && typeof value === 'string'
}
