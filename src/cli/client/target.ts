import type { IncomingMessage } from 'node:http'
import type { RequestOptions } from 'node:https'
import { pipeline } from 'node:stream'
import { text } from 'node:stream/consumers'
import { http } from '../../node-http.ts'

/** Where a gateway is, and what a connection needs to be taken for one to it. */
export interface Target {
  /** Without a slash at its end. */
  readonly url: string
  readonly tls: RequestOptions
}

export interface GatewayRequest {
  readonly method: string
  /** With its query. */
  readonly path: string
  readonly headers?: Readonly<Record<string, string>>
  /** An object goes as JSON; a stream in pieces, as they come. */
  readonly body?: object | Uint8Array | AsyncIterable<string | Uint8Array>
  /** After which the call is given up when the head of the answer is not there; never when left out. */
  readonly timeoutMs?: number
  readonly signal?: AbortSignal
}

export interface WholeAnswer {
  readonly status: number
  readonly body: string
  /** What headers `Warning` say, for people. */
  readonly warnings: readonly string[]
}

/** The answer to one request as soon as its head is there, whatever it says. Redirects are not followed. */
export async function open({ url, tls }: Target, request: GatewayRequest): Promise<IncomingMessage> {
  const { method, path, headers = {}, body, timeoutMs, signal } = request
  const late = new AbortController()
  const timer = timeoutMs === undefined ? undefined : setTimeout(() => late.abort(tooLate(timeoutMs)), timeoutMs)
  const start = url.startsWith('https:') ? (await import('node:https')).request : http.request
  const whole = wholeOf(body)
  const length = framingOf(body, whole)
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>()
  const ended = signal === undefined ? late.signal : AbortSignal.any([late.signal, signal])
  const req = start(`${url}${path}`, { ...tls, method, headers: { ...headers, ...length }, signal: ended }, resolve)
  req.once('error', err => reject(late.signal.aborted ? late.signal.reason : err))
  // A function may answer before it has read all: the answer is not waited for here, and an end of it is no fault.
  if (isStream(body)) pipeline(body, req, () => undefined)
  else req.end(whole)
  try {
    return await promise
  } finally {
    clearTimeout(timer)
  }
}

/** The answer to one request with all of its body, whatever it says; `timeoutMs` is for both. */
export async function send(target: Target, request: GatewayRequest): Promise<WholeAnswer> {
  const { timeoutMs, signal } = request
  if (timeoutMs === undefined) return await readWhole(target, request)
  const deadline = AbortSignal.timeout(timeoutMs)
  const ended = signal === undefined ? deadline : AbortSignal.any([deadline, signal])
  try {
    return await readWhole(target, { ...request, signal: ended })
  } catch (err) {
    throw deadline.aborted ? tooLate(timeoutMs) : err
  }
}

async function readWhole(target: Target, request: GatewayRequest): Promise<WholeAnswer> {
  const answer = await open(target, request)
  const { warning = '' } = answer.headers as { readonly warning?: string }
  const warnings = [...warning.matchAll(/\b299 \S+ "((?:[^"\\]|\\.)*)"/g)].map(([, said = '']) => said)
  return { status: answer.statusCode ?? 0, body: await text(answer), warnings }
}

/** Node.js frames the body of a POST by itself, and that of a GET or DELETE not: it would be taken for another request. */
function framingOf(body: GatewayRequest['body'], whole: string | Uint8Array | undefined) {
  if (whole !== undefined) return { 'content-length': Buffer.byteLength(whole) }
  return isStream(body) ? { 'transfer-encoding': 'chunked' } : {}
}

function wholeOf(body: GatewayRequest['body']): string | Uint8Array | undefined {
  if (body === undefined || isStream(body)) return undefined
  return body instanceof Uint8Array ? body : JSON.stringify(body)
}

function isStream(body: GatewayRequest['body']): body is AsyncIterable<string | Uint8Array> {
  return body !== undefined && Symbol.asyncIterator in body
}

function tooLate(timeoutMs: number): Error {
  return new Error(`no answer within ${timeoutMs / 1000} s`)
}
