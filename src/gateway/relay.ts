import type { IncomingMessage, ServerResponse } from 'node:http'
import { http } from '../node-http.ts'
import { type FlatHeaders, type RawHeaders, type ResponseMarks, toClientHeaders, toClientTrailers } from './headers.ts'
import { reset } from './reset.ts'

/** The head of a function's answer, as undici gives it. */
export interface Head {
  readonly status: number
  readonly statusText: string
  readonly raw: RawHeaders
}

/** What a status line may hold. A function's words beyond it are left out: the code says the same. */
const REASON = /^[\t\x20-\x7e]+$/

export interface HeadOptions {
  readonly marks: ResponseMarks
  /** Whether the client's connection ends with the answer. */
  readonly close: boolean
}

/** Passes the head on; gives the length of the body as the head says it. Throws when node:http refuses a header. */
export function writeHead(
  req: IncomingMessage,
  res: ServerResponse,
  head: Head,
  { marks, close }: HeadOptions
): number | undefined {
  const { status, statusText } = head
  const headers = toClientHeaders(head.raw, { status, chunkable: isChunkable(req, status) }, marks)
  if (close) headers.push('Connection', 'close')
  if (statusText === http.STATUS_CODES[status] || !REASON.test(statusText)) res.writeHead(status, headers)
  else res.writeHead(status, statusText, headers)
  return lengthIn(headers)
}

/** Passes an interim answer on, if the client and node:http can take it: the call is as good without. Source: RFC 9110 15.2. */
export function writeInformation(req: IncomingMessage, res: ServerResponse, { status, raw }: Head): void {
  if (req.httpVersionMinor < 1 || res.headersSent) return
  if (status === 102) res.writeProcessing()
  if (status !== 103) return
  const links = valuesOf(raw, 'link')
  if (links.length > 0) writeEarlyHints(res, links)
}

function writeEarlyHints(res: ServerResponse, link: string[]): void {
  try {
    res.writeEarlyHints({ link })
  } catch (error) {
    // It looks at them before it writes.
    if (!(error instanceof TypeError)) throw error
  }
}

/** Ends the answer with its trailers; those of an answer that does not go out in chunks have no place. */
export function writeEnd(res: ServerResponse, rawTrailers: RawHeaders): void {
  if (rawTrailers.length > 0) res.addTrailers(toClientTrailers(rawTrailers))
  res.end()
}

/** The head of an answer 101, after which the connection speaks what its `Upgrade` says. Throws when node:http would refuse a header. */
export function switchHead({ status, raw }: Head, marks: ResponseMarks): Buffer {
  const headers = toClientHeaders(raw, { status, chunkable: false }, marks)
  headers.push('Connection', 'Upgrade', 'Upgrade', valuesOf(raw, 'upgrade').join(', '))
  let text = `HTTP/1.1 ${status} ${http.STATUS_CODES[status]}\r\n`
  for (let i = 0; i + 1 < headers.length; i += 2) {
    const [name = '', value = ''] = [headers[i], headers[i + 1]]
    http.validateHeaderValue(name, value)
    text += `${name}: ${value}\r\n`
  }
  return Buffer.from(`${text}\r\n`, 'latin1')
}

/** Sends the head before there is a byte of the body. */
export function flushHead(res: ServerResponse): void {
  // NOTE: `flushHeaders` writes UTF-8, of what every other way of node:http takes for latin1.
  if (!res.writableEnded && res.writableLength === 0) res.write('', 'latin1')
}

/** Whether the head says that WebSocket is spoken from now on. */
export function isWebSocket({ raw }: Head): boolean {
  return valuesOf(raw, 'upgrade').join().trim().toLowerCase() === 'websocket'
}

/** Ends the client's connection so that it can tell that the answer is not whole. */
export function cutOff(req: IncomingMessage, res: ServerResponse): void {
  // An HTTP/1.0 answer without a length ends with the connection, so only a reset tells.
  if (req.httpVersionMinor < 1 && res.socket !== null) reset(res.socket)
  res.destroy()
}

/** Value of the first header with that name in lower case. */
export function headerOf(raw: RawHeaders, name: string): string | undefined {
  return valuesOf(raw, name)[0]
}

function isChunkable(req: IncomingMessage, status: number): boolean {
  return req.httpVersionMinor >= 1 && req.method !== 'HEAD' && status !== 204 && status !== 304
}

function valuesOf(raw: RawHeaders, name: string): FlatHeaders {
  const out: FlatHeaders = []
  for (let i = 0; i + 1 < raw.length; i += 2) {
    const value = raw[i + 1]
    if (value !== undefined && raw[i]?.toString('latin1').toLowerCase() === name) out.push(value.toString('latin1'))
  }
  return out
}

function lengthIn(headers: FlatHeaders): number | undefined {
  for (let i = 0; i + 1 < headers.length; i += 2) {
    const name = headers[i]
    if (name?.length === 14 && name.toLowerCase() === 'content-length') return Number(headers[i + 1])
  }
  return undefined
}
