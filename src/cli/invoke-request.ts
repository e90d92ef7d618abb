import type { FunctionName } from './client/function-name.ts'
import { usageError } from './exit-code.ts'

export const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'] as const
export type Method = (typeof METHODS)[number]

export interface CallOptions {
  readonly method?: string
  /** `Name: value`, or `Name=value`. */
  readonly header: readonly string[]
  /** `key=value`. */
  readonly query: readonly string[]
  /** What the function sees of the URL, with or without a query of its own. */
  readonly path?: string
  readonly contentType?: string
  readonly async: boolean
  readonly callback?: string
}

export interface CallRequest {
  readonly method: Method
  /** With its query. */
  readonly path: string
  /** By name, in small letters. */
  readonly headers: Readonly<Record<string, string>>
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what a header must not hold
const HEADER = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+)\s*[:=][ \t]*([^\u0000-\u0008\u000a-\u001f\u007f]*)$/

/** What can be sent of a header's value. Source: Node.js, `validateHeaderValue`. */
const SENT = /^[\t\u0020-\u007e\u0080-\u00ff]*$/

/** The request that calls the function. Throws for what cannot be sent. */
export function toCallRequest({ name, namespace }: FunctionName, options: CallOptions): CallRequest {
  const method = methodOf(options)
  const prefix = options.async ? 'async-function' : 'function'
  const headers = headersOf(options)
  requireSendable(headers)
  return { method, path: `/${prefix}/${name}.${namespace}${pathOf(options)}`, headers }
}

function methodOf({ method, async: isAsync }: CallOptions): Method {
  const given = method?.toUpperCase() ?? 'POST'
  const known = METHODS.find(each => each === given)
  if (known === undefined) throw usageError(`--method must be one of ${METHODS.join(', ')}`)
  if (isAsync && known !== 'POST') throw usageError('an asynchronous call is a POST: leave --method or --async out')
  return known
}

function headersOf({ header, contentType, callback, async: isAsync }: CallOptions): Record<string, string> {
  const headers: Record<string, string> = { 'content-type': contentType ?? 'text/plain' }
  const given = new Set<string>()
  for (const text of header) {
    const [, name, value] = HEADER.exec(text) ?? []
    if (name === undefined || value === undefined)
      throw usageError(`-H must be "Name: value", not ${JSON.stringify(text)}`)
    const key = name.toLowerCase()
    headers[key] = given.has(key) ? `${headers[key]}${key === 'cookie' ? '; ' : ', '}${value}` : value
    given.add(key)
  }
  if (callback === undefined) return headers
  if (!isAsync) throw usageError('--callback goes with --async')
  return { ...headers, 'x-callback-url': callback }
}

function requireSendable(headers: Readonly<Record<string, string>>): void {
  const [odd] = Object.entries(headers).find(([, value]) => !SENT.test(value)) ?? []
  if (odd !== undefined) throw usageError(`${odd} holds characters that no header can: escape them`)
}

/** Without the function's name; what a URL cannot hold is escaped, and nothing else, as the function is to see the rest. */
function pathOf({ path = '', query }: CallOptions): string {
  if (path.includes('#')) throw usageError('--path must not hold a fragment (#)')
  const rooted = path === '' || path.startsWith('/') || path.startsWith('?') ? path : `/${path}`
  const escaped = rooted.replaceAll(/[^\x21-\x7e]+/g, text => encodeURIComponent(text.toWellFormed()))
  if (query.length === 0) return escaped
  const pairs = query.map(text => {
    const at = text.indexOf('=')
    return at < 0 ? [text, ''] : [text.slice(0, at), text.slice(at + 1)]
  })
  return `${escaped}${escaped.includes('?') ? '&' : '?'}${new URLSearchParams(pairs as [string, string][])}`
}
