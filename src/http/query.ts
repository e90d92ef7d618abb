import type { Context } from 'koa'
import * as z from 'zod'
import { LEGACY_NAME, Name } from '../../api/meta.ts'
import { type QueryParameter, routeOf } from './route.ts'
import { invalid, parseInput, shorten } from './validate.ts'

const MAX_LIMIT = 1000
const DEFAULT_LIMIT = 100

export const NAMESPACE: QueryParameter = {
  name: 'namespace',
  about: 'the namespace',
  schema: z.string().regex(LEGACY_NAME)
}
export const LABEL_SELECTOR: QueryParameter = {
  name: 'labelSelector',
  about: 'a=b, a!=b, a in (x,y), a notin (x,y), a, !a, with commas between them',
  schema: z.string().meta({ examples: ['team=images', 'team in (images,web),!legacy'] })
}
export const WATCH: QueryParameter = { name: 'watch', about: 'stream changes as NDJSON', schema: z.boolean() }
export const RESOURCE_VERSION: QueryParameter = {
  name: 'resourceVersion',
  about: 'with watch: where to go on from',
  schema: z.int().min(0)
}
export const DRY_RUN: QueryParameter = {
  name: 'dryRun',
  about: 'validate and say what would be done; write nothing',
  schema: z.boolean()
}
export const LIMIT: QueryParameter = {
  name: 'limit',
  about: 'most items',
  schema: z.int().min(1).max(MAX_LIMIT).default(DEFAULT_LIMIT)
}
export const FUNCTION_NAME: QueryParameter = {
  name: 'functionName',
  about: 'name of the function, in place of a body',
  schema: z.string()
}
export const SECRET_NAME: QueryParameter = {
  name: 'name',
  about: 'name of the secret, in place of a body',
  schema: z.string()
}
export const IF_MATCH: QueryParameter = {
  name: 'If-Match',
  about: 'the ETag that the object must have',
  schema: z.string()
}
export const IF_NONE_MATCH: QueryParameter = {
  name: 'If-None-Match',
  about: 'the ETag that is known already',
  schema: z.string()
}
export const FORCE: QueryParameter = { name: 'force', about: 'though functions use it', schema: z.boolean() }
export const USAGE: QueryParameter = {
  name: 'usage',
  about: 'with what it uses of CPU and memory',
  schema: z.boolean()
}
export const VERBOSE: QueryParameter = { name: 'verbose', about: 'a line for each check', schema: z.boolean() }

/** The one value of a query parameter; undefined when it is left out. Throws when it is given twice. */
export function queryParameter(ctx: Context, { name }: QueryParameter): string | undefined {
  const route = routeOf(ctx)
  if (route?.query?.some(declared => declared.name === name) !== true) {
    throw new Error(`${route?.method} ${route?.path} reads ?${name}= and does not declare it`)
  }
  const value = ctx.query[name]
  if (Array.isArray(value)) throw invalid(name, 'must be given once')
  return value
}

const ON: ReadonlySet<string> = new Set(['', '1', 't', 'T', 'true', 'True', 'TRUE'])
const OFF: ReadonlySet<string> = new Set(['0', 'f', 'F', 'false', 'False', 'FALSE'])

/**
 * Whether a switch such as `?dryRun=true` is on; given without a value it is. It takes what OpenFaaS takes, so that
 * clients in Python may send `True`. Source: Go's strconv.ParseBool.
 */
export function queryFlag(ctx: Context, parameter: QueryParameter): boolean {
  const value = queryParameter(ctx, parameter)
  if (value === undefined || OFF.has(value)) return false
  if (ON.has(value)) return true
  throw invalid(parameter.name, `must be true or false, got ${shorten(value)}`)
}

/** A whole number of the query within bounds. */
export function queryInteger(ctx: Context, parameter: QueryParameter, min: number, max: number): number | undefined {
  const value = queryParameter(ctx, parameter)
  if (value === undefined) return undefined
  const number = /^\d{1,16}$/.test(value) ? Number(value) : Number.NaN
  if (number >= min && number <= max) return number
  throw invalid(parameter.name, `must be an integer from ${min} to ${max}, got ${shorten(value)}`)
}

/** A parameter as its schema has it. Throws `ValidationError` when it is something else. */
export function queryText<T extends string>(
  ctx: Context,
  parameter: QueryParameter & { readonly schema: z.ZodType<T> }
): T | undefined {
  const value = queryParameter(ctx, parameter)
  if (value === undefined) return undefined
  return parseInput(z.object({ [parameter.name]: parameter.schema }), { [parameter.name]: value })[parameter.name]
}

/** How many items a request asks for. */
export function queryLimit(ctx: Context): number {
  return queryInteger(ctx, LIMIT, 1, MAX_LIMIT) ?? DEFAULT_LIMIT
}

/** The namespace that the query names, if any. */
export function queryNamespace(ctx: Context): string | undefined {
  const namespace = queryParameter(ctx, NAMESPACE)
  if (namespace === undefined || namespace === '') return undefined
  // Of the older program's function `a.b.c`, `b.c` is the namespace; a new function refuses such a one.
  if (!LEGACY_NAME.test(namespace)) parseInput(z.object({ namespace: Name }), { namespace })
  return namespace
}
