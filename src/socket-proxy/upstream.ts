import type { IncomingHttpHeaders, IncomingMessage, OutgoingHttpHeaders } from 'node:http'
import type { StringMap } from '../../api/meta.ts'
import { http } from '../node-http.ts'
import { labelsIn, type Owned } from './ownership.ts'

/** Where an engine is: `unix:///path` or `tcp://host:port`. */
export type Address = { readonly socketPath: string } | { readonly host: string; readonly port: number }

export interface UpstreamRequest {
  readonly method: string
  readonly path: string
  readonly headers: OutgoingHttpHeaders
  /** Sent whole; or piped by whoever asked, when it is a stream. */
  readonly body?: string | NodeJS.ReadableStream
  readonly signal: AbortSignal
}

/** No answer that is read whole may be larger: one container or network with all that is on it. */
const MAX_ANSWER_BYTES = 16 * 1024 * 1024

/** Throws on any other form of address. */
export function parseAddress(text: string): Address {
  if (text.startsWith('unix:///')) return { socketPath: text.slice('unix://'.length) }
  const url = URL.parse(text)
  if (url?.protocol !== 'tcp:' || url.hostname === '' || url.port === '') {
    throw new Error(`address ${text} is neither unix:///path nor tcp://host:port`)
  }
  return { host: url.hostname.replace(/^\[|\]$/g, ''), port: Number(url.port) }
}

/** The engine's answer, its body unread. Rejects when the engine does not answer, or the signal aborts. */
export function ask(
  engine: Address,
  { method, path, headers, body, signal }: UpstreamRequest
): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    // A connection for each call: one that the engine closed meanwhile would fail a call that is not to be sent twice.
    const asked = http.request({ ...engine, method, path, headers, agent: false, signal }, resolve)
    asked.on('error', reject)
    if (body === undefined || typeof body === 'string') asked.end(body)
    else body.on('error', err => asked.destroy(err as Error)).pipe(asked)
  })
}

/** Labels of an object; undefined when the engine has none of that name. Throws when the engine does not say. */
export async function readLabels(
  engine: Address,
  subject: Owned,
  name: string,
  signal: AbortSignal
): Promise<StringMap | undefined> {
  const path = { container: `/containers/${name}/json`, network: `/networks/${name}`, volume: `/volumes/${name}` }
  const answer = await ask(engine, { method: 'GET', path: path[subject], headers: { host: 'docker' }, signal })
  const text = await readText(answer)
  const { statusCode: status = 0 } = answer
  if (status === 404) return undefined
  if (status >= 500) throw new Error(`the engine answers ${status} for ${subject} ${name}`)
  // What the engine cannot tell apart, such as two networks of one name, is nobody's.
  return status === 200 ? labelsIn(subject, JSON.parse(text)) : {}
}

/** A whole body. Throws when it is larger than it may be. */
export async function readText(body: AsyncIterable<Buffer>, maxBytes = MAX_ANSWER_BYTES): Promise<string> {
  const chunks: Buffer[] = []
  let length = 0
  for await (const chunk of body) {
    length += chunk.length
    if (length > maxBytes) throw new Error(`the body is larger than ${maxBytes} bytes`)
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString()
}

/** Of an answer, what goes on to the caller: nothing of the connection. */
export function answerHeaders(headers: IncomingHttpHeaders): OutgoingHttpHeaders {
  const { connection: _, 'keep-alive': __, 'transfer-encoding': ___, upgrade: ____, ...rest } = headers
  return rest
}
