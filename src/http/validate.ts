import type { Context } from 'koa'
import type * as z from 'zod'
import { type FieldError, ValidationError } from '../../api/errors.ts'
import { isSecretName } from '../logging/redact.ts'
import { HttpError } from './errors.ts'

/** Fields whose values are never repeated to the client: they are, or often hold, secrets. */
const PRIVATE_FIELDS: ReadonlySet<string> = new Set([
  'env',
  'envVars',
  'envProcess',
  'secrets',
  'annotations',
  'registryAuth',
  'value',
  'rawValue'
])
const MAX_SHOWN = 64
const MAX_ERRORS = 20

/** An input as its schema has it, or each wrong field with what was given and what is allowed. */
export type Reading<T> = { readonly data: T } | { readonly errors: readonly FieldError[] }

export function readInput<T>(schema: z.ZodType<T>, input: unknown): Reading<T> {
  const parsed = schema.safeParse(input)
  if (parsed.success) return { data: parsed.data }
  return { errors: parsed.error.issues.flatMap(issue => fieldErrors(issue, input)).slice(0, MAX_ERRORS) }
}

/** `input` as the schema has it. Throws `ValidationError` with each wrong field. */
export function parseInput<T>(schema: z.ZodType<T>, input: unknown): T {
  const reading = readInput(schema, input)
  if ('errors' in reading) throw new ValidationError(reading.errors)
  return reading.data
}

/**
 * The resourceVersion that a write is bound to: of `If-Match` (quoted or bare), else of the body. Undefined when neither
 * names one, or for `*`.
 */
export function expectedVersion(ctx: Context, fromBody?: unknown): number | undefined {
  const header = ctx.get('If-Match').trim()
  if (header === '*') return undefined
  if (header !== '') return parseVersion('If-Match', header.replace(/^(?:W\/)?"(.*)"$/, '$1'))
  if (fromBody === undefined || fromBody === null || fromBody === '' || fromBody === 0) return undefined
  return parseVersion('metadata.resourceVersion', String(fromBody))
}

/** Whether `If-None-Match` names the ETag. NOTE: not `ctx.fresh`, which heeds `Cache-Control: no-cache`, as fetch adds it. */
export function isKnownVersion(ctx: Context, etag: string): boolean {
  const known = ctx.get('If-None-Match').split(',')
  return known.some(text => text.trim() === '*' || text.trim().replace(/^W\//, '') === etag)
}

/** Throws when a merge patch is sent as something else; any other type passes as JSON, as OpenFaaS clients need it. */
export function requireMergePatch(ctx: Context): void {
  const type = ctx.get('Content-Type').split(';')[0]?.trim().toLowerCase() ?? ''
  if (
    !['application/json-patch+json', 'application/strategic-merge-patch+json', 'application/apply-patch+yaml'].includes(
      type
    )
  )
    return
  throw new HttpError(
    415,
    'UNSUPPORTED_PATCH',
    `${type} is not supported; send application/merge-patch+json (RFC 7396)`,
    {
      'Accept-Patch': 'application/merge-patch+json, application/json'
    }
  )
}

export function invalid(field: string, message: string): ValidationError {
  return new ValidationError([{ field, message }])
}

function parseVersion(field: string, text: string): number {
  if (/^\d{1,15}$/.test(text)) return Number(text)
  throw invalid(field, `must be a resourceVersion, got ${shorten(text)}`)
}

type Issue = z.core.$ZodIssue

function fieldErrors(issue: Issue, input: unknown): FieldError[] {
  const path = issue.path.map(String)
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map(key => ({
      field: [...path, key.slice(0, MAX_SHOWN)].join('.'),
      message: 'is not a known field'
    }))
  }
  const field = path.join('.').slice(0, 256)
  const value = path.reduce<unknown>((at, key) => (isRecord(at) && Object.hasOwn(at, key) ? at[key] : undefined), input)
  if (issue.code === 'invalid_key') {
    return [{ field, message: issue.issues[0]?.message ?? 'is not a valid key' }]
  }
  if (value === undefined && issue.code === 'invalid_type')
    return [{ field, message: `is required: ${kindOf(issue.expected)}` }]
  const shown = path.some(isPrivate) ? '' : `, got ${show(value)}`
  return [{ field, message: `${ruleOf(issue)}${shown}` }]
}

function ruleOf(issue: Issue): string {
  if (issue.code === 'invalid_type') return `must be ${kindOf(issue.expected)}`
  if (issue.code === 'too_big' && issue.origin !== 'string') return `must be at most ${issue.maximum}`
  if (issue.code === 'too_small' && issue.origin !== 'string') return `must be at least ${issue.minimum}`
  if (issue.code === 'invalid_value') return `must be ${issue.values.map(value => JSON.stringify(value)).join(' or ')}`
  return issue.message
}

const KINDS: Readonly<Record<string, string>> = {
  object: 'an object',
  record: 'an object',
  array: 'a list',
  int: 'an integer',
  boolean: 'true or false'
}

function kindOf(expected: string): string {
  return KINDS[expected] ?? `a ${expected}`
}

function isPrivate(segment: string): boolean {
  return PRIVATE_FIELDS.has(segment) || isSecretName(segment)
}

function show(value: unknown): string {
  if (Array.isArray(value)) return `a list of ${value.length} entries`
  if (isRecord(value)) return `an object of ${Object.keys(value).length} entries`
  return typeof value === 'string' ? shorten(value) : String(value)
}

/** The text, quoted, as far as a message shows it. */
export function shorten(text: string): string {
  return JSON.stringify(text.length > MAX_SHOWN ? `${text.slice(0, MAX_SHOWN)}…` : text)
}

/** Whether it is an object or a list, so that its fields may be asked for. */
export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null
}
