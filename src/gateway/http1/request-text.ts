import { InvalidRequestError } from './errors.ts'
import type { DispatchOptions } from './exchange.ts'

/** Bodies up to this length travel in one piece with the head. */
const JOINED_BYTES = 8 * 1024
/** Methods whose requests say that they have no body. Source: RFC 9110 8.6. */
const SAYS_EMPTY = new Set(['POST', 'PUT', 'PATCH'])
const PATH = /^\/[\x21-\xff]*$/

/**
 * The request, a string in Latin-1, or the head and the body. The headers are those of a request that node:http has parsed, so they
 * hold nothing that would end them. Throws `InvalidRequestError` when the path cannot be sent.
 */
export function requestText(
  { path, method, headers, body }: DispatchOptions,
  host: string
): string | readonly [string, Buffer] {
  if (!PATH.test(path)) throw new InvalidRequestError('the path is malformed')
  let text = `${method} ${path} HTTP/1.1\r\nHost: ${host}\r\nConnection: keep-alive\r\n`
  const flat = headers as readonly string[]
  let hasLength = false
  for (let i = 0; i + 1 < flat.length; i += 2) {
    const name = flat[i] ?? ''
    if (name === 'Content-Length') hasLength = true
    text += `${name}: ${flat[i + 1]}\r\n`
  }
  if (!hasLength && SAYS_EMPTY.has(method)) text += 'Content-Length: 0\r\n'
  text += '\r\n'
  const bytes = body as Buffer | null
  if (bytes === null) return text
  return bytes.length <= JOINED_BYTES ? text + bytes.toString('latin1') : [text, bytes]
}
