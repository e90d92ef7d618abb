import type { IncomingMessage } from 'node:http'
import type { Context } from 'koa'
import { HttpError } from './errors.ts'
import { invalid } from './validate.ts'

/** Bytes that a body of the API may have. */
export const MAX_BODY_BYTES = 1024 * 1024
/** Levels of objects and lists within each other. */
export const MAX_DEPTH = 32

export type JsonObject = Readonly<Record<string, unknown>>

/**
 * The JSON object in the body, whatever its content type says; `whenEmpty`, if given, for no body. Throws `HttpError` 413 beyond the limit and 408 when it
 * takes longer than `timeoutMs`, `ValidationError` when it is empty, no JSON, no object, too deep or carries keys
 * that reach for an object's prototype.
 */
export async function readJson(
  ctx: Context,
  timeoutMs: number,
  whenEmpty?: JsonObject,
  maxBytes = MAX_BODY_BYTES
): Promise<JsonObject> {
  const encoding = ctx.get('Content-Encoding').toLowerCase()
  if (encoding !== '' && encoding !== 'identity') {
    throw new HttpError(415, 'UNSUPPORTED_ENCODING', 'the body must be sent without Content-Encoding')
  }
  if (ctx.get('Expect').toLowerCase() === '100-continue') ctx.res.writeContinue()
  const body = await readBody(ctx.req, timeoutMs, maxBytes)
  if (body.length === 0 && whenEmpty !== undefined) return whenEmpty
  if (body.length === 0) throw invalid('', 'the body is empty; a JSON object is expected')
  const value = parseJson(body)
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw invalid('', 'the body must be a JSON object')
  }
  requireSafe(value, 1)
  return value as JsonObject
}

/** The body. Rejects as `readJson` does. */
export function readBody(req: IncomingMessage, timeoutMs: number, maxBytes: number): Promise<Buffer> {
  if (Number(req.headers['content-length'] ?? 0) > maxBytes) return Promise.reject(tooLarge(maxBytes))
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = []
    let bytes = 0
    const settle = (outcome: () => void) => {
      clearTimeout(timer)
      req.removeAllListeners('data')
      req.resume()
      outcome()
    }
    const timer = setTimeout(() => settle(() => reject(tooSlow())), timeoutMs)
    req.on('data', (chunk: Buffer) => {
      bytes += chunk.length
      if (bytes > maxBytes) settle(() => reject(tooLarge(maxBytes)))
      else chunks.push(chunk)
    })
    req.once('end', () => settle(() => resolve(Buffer.concat(chunks))))
    req.once('close', () => settle(() => reject(new HttpError(400, 'BODY_INCOMPLETE', 'the body ended early'))))
  })
}

function tooSlow(): HttpError {
  return new HttpError(408, 'BODY_TIMEOUT', 'the body took too long to arrive', { Connection: 'close' })
}

function tooLarge(maxBytes: number): HttpError {
  return new HttpError(413, 'BODY_TOO_LARGE', `the body must be at most ${maxBytes} bytes`)
}

function parseJson(body: Buffer): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(body))
  } catch (err) {
    // The parser's own message quotes the body, which may hold a secret.
    const position = err instanceof Error ? /at position (\d+)/.exec(err.message)?.[1] : undefined
    throw invalid('', `the body is not JSON${position === undefined ? '' : ` (at character ${position})`}`)
  }
}

function requireSafe(value: object, depth: number): void {
  if (depth > MAX_DEPTH) throw invalid('', `the body must be at most ${MAX_DEPTH} levels deep`)
  for (const [key, inner] of Object.entries(value)) {
    const isObject = typeof inner === 'object' && inner !== null
    if (key === '__proto__' || (key === 'constructor' && isObject)) throw invalid(key, 'is not allowed as a key')
    if (isObject) requireSafe(inner, depth + 1)
  }
}
