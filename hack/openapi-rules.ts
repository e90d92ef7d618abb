/** What of an OpenAPI document breaks clients that were made for an earlier one. Pure. */

export type Json = Readonly<Record<string, unknown>>

/** A schema of each document, and what it is for. */
interface Pair {
  readonly before: Json
  readonly now: Json
  readonly at: string
  readonly documents: readonly [before: Json, now: Json]
}

const METHODS = ['get', 'put', 'post', 'delete', 'options', 'head', 'patch', 'trace']
/** Bounds that take more when they are higher, and those that take more when they are lower. */
const UPPER = ['maximum', 'exclusiveMaximum', 'maxLength', 'maxItems', 'maxProperties']
const LOWER = ['minimum', 'exclusiveMinimum', 'minLength', 'minItems', 'minProperties']
/** Deeper schemas are taken for the same: one may be within itself. */
const MAX_DEPTH = 24

/** Every change that breaks a client, by operation; nothing when there is none. Names of parameters in paths do not count. */
export function breakingChanges(before: Json, now: Json): string[] {
  const operations = operationsOf(now)
  return [...operationsOf(before)].flatMap(([name, operation]) => {
    const successor = operations.get(name)
    if (successor === undefined) return [`${name} is gone`]
    const pair = { before: operation, now: successor, at: name, documents: [before, now] } as const
    return [...scopeChanges(pair), ...parameterChanges(pair), ...bodyChanges(pair), ...answerChanges(pair)]
  })
}

function operationsOf({ paths }: Json): Map<string, Json> {
  const all = Object.entries(objectOf(paths)).flatMap(([path, item]) =>
    Object.entries(objectOf(item))
      .filter(([method]) => METHODS.includes(method))
      .map(([method, operation]) => [nameOf(method, path), objectOf(operation)] as const)
  )
  return new Map(all)
}

function nameOf(method: string, path: string): string {
  return `${method.toUpperCase()} ${path.replaceAll(/\{\w+\}/g, '{}')}`
}

function scopeChanges({ before, now, at }: Pair): string[] {
  const [old, next] = [before['x-scope'], now['x-scope']]
  return old === next || next === 'open' || next === 'any' ? [] : [`${at} needs the scope ${next}, and not ${old}`]
}

function parameterChanges(pair: Pair): string[] {
  const { before, now, at, documents } = pair
  const old = parametersOf(before)
  const next = parametersOf(now)
  const gone = [...old.keys()].filter(key => !next.has(key)).map(key => `${at}: parameter ${key} is gone`)
  const changed = [...next].flatMap(([key, parameter]) => {
    const earlier = old.get(key)
    const isNeeded = parameter['required'] === true && earlier?.['required'] !== true
    if (isNeeded) return [`${at}: parameter ${key} is required`]
    if (earlier === undefined) return []
    const schemas = { before: objectOf(earlier['schema']), now: objectOf(parameter['schema']), documents }
    return sentChanges({ ...schemas, at: `${at}: parameter ${key}` })
  })
  return [...gone, ...changed]
}

/** But for those of the path, which are where they are. */
function parametersOf({ parameters = [] }: Json): Map<string, Json> {
  const named = (parameters as Json[]).filter(parameter => parameter['in'] !== 'path')
  return new Map(named.map(parameter => [`${parameter['name']} (${parameter['in']})`, parameter]))
}

function bodyChanges({ before, now, at, documents }: Pair): string[] {
  const [old, next] = [objectOf(before['requestBody']), objectOf(now['requestBody'])]
  const needed = next['required'] === true && old['required'] !== true ? [`${at}: a body is required`] : []
  return [...needed, ...mediaChanges({ before: old, now: next, at: `${at}: body`, documents }, sentChanges)]
}

function answerChanges({ before, now, at, documents }: Pair): string[] {
  const next = objectOf(now['responses'])
  return Object.entries(objectOf(before['responses'])).flatMap(([status, answer]) => {
    if (!(status in next)) return [`${at}: answer ${status} is gone`]
    const pair = {
      before: follow(documents[0], objectOf(answer)),
      now: follow(documents[1], objectOf(next[status])),
      at: `${at}: answer ${status}`,
      documents
    }
    return mediaChanges(pair, answeredChanges)
  })
}

function mediaChanges(pair: Pair, compare: (pair: Pair) => string[]): string[] {
  const { before, now, at, documents } = pair
  const next = objectOf(now['content'])
  return Object.entries(objectOf(before['content'])).flatMap(([type, media]) => {
    if (!(type in next)) return [`${at}: ${type} is gone`]
    const schemas = { before: objectOf(objectOf(media)['schema']), now: objectOf(objectOf(next[type])['schema']) }
    return compare({ ...schemas, at, documents })
  })
}

/** What was taken and is refused, or not heeded any more. */
function sentChanges(pair: Pair, depth = 0): string[] {
  const { before, now, at } = followed(pair)
  if (depth > MAX_DEPTH || saysNothing(now)) return []
  const lacks = typesOf(before).filter(type => !takes(now, type))
  const more = listOf(now['required']).filter(name => !listOf(before['required']).includes(name))
  const isClosed = now['additionalProperties'] === false && before['additionalProperties'] !== false
  return [
    ...lacks.map(type => `${at}: ${type} is not taken`),
    ...(saysNothing(before) ? [`${at}: not everything is taken`] : []),
    ...goneValues(before, now).map(value => `${at}: the value ${value} is not taken`),
    ...(valuesOf(before) === undefined && valuesOf(now) !== undefined ? [`${at}: not every value is taken`] : []),
    ...UPPER.filter(bound => isBelow(now[bound], before[bound])).map(bound => `${at}: ${bound} is ${now[bound]}`),
    ...LOWER.filter(bound => isBelow(before[bound], now[bound], true)).map(bound => `${at}: ${bound} is ${now[bound]}`),
    ...(now['pattern'] !== undefined && now['pattern'] !== before['pattern'] ? [`${at}: another pattern`] : []),
    ...more.map(name => `${at}.${name} is required`),
    ...(isClosed && typesOf(before).includes('object') ? [`${at}: unknown fields are not taken`] : []),
    ...innerChanges(pair, sentChanges, depth)
  ]
}

/** What was answered and is not, or is answered as something else. */
function answeredChanges(pair: Pair, depth = 0): string[] {
  const { before, now, at } = followed(pair)
  if (depth > MAX_DEPTH || saysNothing(before)) return []
  const more = typesOf(now).filter(type => !takes(before, type))
  const fewer = listOf(before['required']).filter(name => !listOf(now['required']).includes(name))
  const isThere = (name: string) => name in objectOf(now['properties'])
  return [
    ...(saysNothing(now) ? [`${at} may be anything`] : []),
    ...more.map(type => `${at} may be ${type}`),
    ...goneValues(before, now).map(value => `${at}: the value ${value} is gone`),
    ...fewer.filter(isThere).map(name => `${at}.${name} may be missing`),
    ...innerChanges(pair, answeredChanges, depth)
  ]
}

function innerChanges(pair: Pair, compare: (pair: Pair, depth: number) => string[], depth: number): string[] {
  const { before, now, at, documents } = followed(pair)
  const within = (old: unknown, next: unknown, where: string) =>
    compare({ before: objectOf(old), now: objectOf(next), at: where, documents }, depth + 1)
  const next = objectOf(now['properties'])
  const fields = Object.entries(objectOf(before['properties'])).flatMap(([name, field]) =>
    name in next ? within(field, next[name], `${at}.${name}`) : [`${at}.${name} is gone`]
  )
  const parts = ['items', 'additionalProperties', 'propertyNames'].filter(
    part => typeof before[part] === 'object' && typeof now[part] === 'object'
  )
  const others = (listOf(now['anyOf']) as unknown[]).map(objectOf)
  const lost = (listOf(before['anyOf']) as unknown[]).filter(
    one => !others.some(other => within(one, other, at).length === 0)
  )
  return [
    ...fields,
    ...parts.flatMap(part => within(before[part], now[part], `${at}${part === 'items' ? '[]' : `.${part}`}`)),
    ...lost.map(() => `${at}: an alternative is gone`)
  ]
}

function followed(pair: Pair): Pair {
  const [before, now] = pair.documents
  return { ...pair, before: follow(before, pair.before), now: follow(now, pair.now) }
}

/** What it refers to, or itself. */
function follow(document: Json, node: Json): Json {
  const { $ref } = node
  if (typeof $ref !== 'string') return node
  return follow(
    document,
    $ref
      .slice(2)
      .split('/')
      .reduce((at, key) => objectOf(at[key]), document)
  )
}

/** Values that the one names and the other does not; a schema without a list names all. */
function goneValues(before: Json, now: Json): string[] {
  const next = valuesOf(now)
  return (valuesOf(before) ?? [])
    .filter(value => next !== undefined && !next.includes(value))
    .map(value => JSON.stringify(value))
}

function valuesOf({ enum: values, const: only }: Json): readonly unknown[] | undefined {
  if (Array.isArray(values)) return values
  return only === undefined ? undefined : [only]
}

/** Whether `bound` was lowered, or is there where none was. */
function isBelow(bound: unknown, earlier: unknown, isNewWhenAbsent = false): boolean {
  if (isNewWhenAbsent) return typeof earlier === 'number' && (typeof bound !== 'number' || bound < earlier)
  return typeof bound === 'number' && (typeof earlier !== 'number' || bound < earlier)
}

function typesOf({ type }: Json): string[] {
  return type === undefined ? [] : ([type].flat() as string[])
}

function takes(schema: Json, type: string): boolean {
  const types = typesOf(schema)
  return types.length === 0 || types.includes(type) || (type === 'integer' && types.includes('number'))
}

function saysNothing(schema: Json): boolean {
  const { description: _, examples: __, default: ___, ...rest } = schema
  return Object.keys(rest).length === 0
}

function objectOf(value: unknown): Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Json) : {}
}

function listOf(value: unknown): string[] {
  return Array.isArray(value) ? value : []
}
